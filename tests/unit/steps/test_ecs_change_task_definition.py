"""ecs.change_task_definition holds S11: one declared field, exact roles, values that stay hidden (S29)."""

import pytest
from pydantic import ValidationError

from chalicelib.errors import StepFailed, StepRefused
from chalicelib.models.change import Change
from chalicelib.steps.actions.ecs_change_task_definition import ChangeTaskDefinition
from chalicelib.steps.definition_edits import EditParams
from chalicelib.steps.step import Done, Pending, Standing

STEP = ChangeTaskDefinition()
TASK_DEFINITION = "arn:aws:ecs:eu-west-2:123456789012:task-definition/churn:"
ROLE = "arn:aws:iam::123456789012:role/churn-task"
URI = "MLFLOW_BACKEND_STORE_URI"
BROKEN = "postgresql://mlflow:canary-7714@db.example.com:5432:5432/mlflow"
MIRROR = "public.ecr.aws/docker/library/python:3.11-slim"
CONTENT = {
    "family": "churn",
    "cpu": "512",
    "memory": "1024",
    "requiresCompatibilities": ["FARGATE"],
    "taskRoleArn": ROLE,
    "containerDefinitions": [
        {
            "name": "mlflow",
            "image": "python:3.11-slim",
            "command": ["mlflow server --artifacts-destination s3://b"],
            "environment": [{"name": URI, "value": BROKEN}, {"name": "MLFLOW_SERVER_ALLOWED_HOSTS", "value": "typo"}],
        }
    ],
}


@pytest.fixture
def service(world):
    world.keep(CONTENT)
    world.stack["ecs"] = {**world.stack["ecs"], "taskRole": ROLE}
    return world


def ctx(world, **over):
    return world.ctx(**({"fingerprint_key": b"k"} | over))


def plan(world, **params):
    return STEP.plan(ctx(world), EditParams(**params))


def apply(world, change, progress):
    return STEP.apply(ctx(world), change, progress)


def begin(world, change):
    progress = world.progress(STEP.look(ctx(world), change))
    assert isinstance(apply(world, change, progress), Pending)
    return progress


def undo_of(change):
    return Change(
        step="undo", action=change.action, operation=change.undo.operation, parameters=change.undo.parameters,
        resource=change.resource, precondition=change.undo.precondition, sentence="undo",
    )  # fmt: skip


def test_memory_goes_one_fargate_size_up_and_the_plan_says_from_what_to_what(service):
    (change,) = plan(service, memory="next")
    assert change.parameters["edits"] == [{"path": "memory", "value": "2048"}]
    assert "memory 1024 to 2048" in change.sentence
    assert (change.touches, change.out_of, change.serves) == ({"tasks": 2}, {"tasks": 2}, True)
    assert change.write_back == "task definition of ECS service churn: memory 1024 to 2048"


def test_it_registers_once_deploys_once_and_follows_that_to_its_end(service):
    (change,) = plan(service, memory="next")
    progress = begin(service, change)
    for _ in range(2):
        assert isinstance(apply(service, change, progress), Pending)
    service.deployments = []
    service.deployment(101, "COMPLETED", revision=8)
    assert isinstance(apply(service, change, progress), Done)
    assert service.changes == [("register", ("memory",)), ("task_definition", "churn:8")]
    assert STEP.look(ctx(service), change).standing is Standing.ALREADY
    assert service.revisions[f"{TASK_DEFINITION}8"].content["memory"] == "2048"


def test_an_attempt_that_died_after_registering_registers_no_second_revision(service):
    (change,) = plan(service, memory="next")
    progress = service.progress(STEP.look(ctx(service), change))
    service.keep({**CONTENT, "memory": "2048"})
    apply(service, change, progress)
    assert service.changes == [("task_definition", "churn:8")]


def test_s34_undo_goes_back_to_the_former_revision_and_only_from_ours(service):
    (change,) = plan(service, memory="next")
    begin(service, change)
    undo = undo_of(change)
    look = STEP.look(ctx(service), undo)
    assert look.standing is Standing.READY
    assert isinstance(apply(service, undo, service.progress(look)), Pending)
    assert service.changes[-1] == ("task_definition", "churn:7")
    assert STEP.look(ctx(service), undo).standing is Standing.ALREADY


def test_s34_undo_refuses_when_somebody_deployed_something_else_since(service):
    (change,) = plan(service, memory="next")
    begin(service, change)
    service.keep({**CONTENT, "memory": "2048", "cpu": "1024"})
    service.deployments = []
    service.deployment(3, revision=9)
    assert STEP.look(ctx(service), undo_of(change)).standing is Standing.DRIFTED


def test_a_deployment_by_somebody_else_is_drift_and_is_not_overwritten(service):
    (change,) = plan(service, memory="next")
    progress = service.progress(STEP.look(ctx(service), change))
    service.keep({**CONTENT, "cpu": "1024", "memory": "2048"})
    service.deployments = []
    service.deployment(3, "IN_PROGRESS", revision=8)
    assert STEP.look(ctx(service), change).standing is Standing.DRIFTED
    with pytest.raises(StepFailed, match="somebody else"):
        apply(service, change, progress)
    assert service.changes == []


def test_s29_a_secret_address_is_corrected_by_a_verb_and_shows_in_no_form(service):
    (change,) = plan(service, variable={"name": URI, "correction": "single_port"})
    assert "canary" not in change.model_dump_json()
    assert f"mlflow:{URI} #" in change.sentence
    begin(service, change)
    made = service.revisions[f"{TASK_DEFINITION}8"].content["containerDefinitions"][0]["environment"]
    assert {"name": URI, "value": BROKEN.replace(":5432:5432", ":5432")} in made
    assert "canary" not in repr(service.revisions[f"{TASK_DEFINITION}8"])


def test_s29_a_secret_is_neither_set_from_a_runbook_nor_planned_without_a_key(service):
    with pytest.raises(StepRefused, match=r"S29.*may be a secret"):
        plan(service, variable={"name": URI, "value": "postgresql://u:p@d/m"})
    with pytest.raises(StepRefused, match=r"S29.*key"):
        STEP.plan(ctx(service, fingerprint_key=b""), EditParams(variable={"name": URI, "correction": "single_port"}))


def test_a_variable_on_the_list_is_shown_and_set(service):
    (change,) = plan(service, variable={"name": "MLFLOW_SERVER_ALLOWED_HOSTS", "value": "churn.example.com"})
    assert "MLFLOW_SERVER_ALLOWED_HOSTS typo to churn.example.com" in change.sentence
    begin(service, change)
    path = "containerDefinitions/mlflow/environment/MLFLOW_SERVER_ALLOWED_HOSTS/value"
    assert service.changes[0] == ("register", (path,))


def test_s20_a_host_list_that_lets_anybody_in_is_refused(service):
    with pytest.raises(StepRefused, match="S20"):
        plan(service, variable={"name": "MLFLOW_SERVER_ALLOWED_HOSTS", "value": "*"})


def test_the_mirror_of_the_same_image_is_taken_and_another_version_is_refused(service):
    (change,) = plan(service, image=MIRROR)
    assert f"image:mlflow python:3.11-slim to {MIRROR}" in change.sentence
    with pytest.raises(StepRefused, match=r"S10.*migrate the schema"):
        plan(service, image="public.ecr.aws/docker/library/python:3.12-slim")
    (other,) = plan(service, image="public.ecr.aws/docker/library/python:3.12-slim", other_version=True)
    assert other.undo is None
    service.gone_images.add(MIRROR)
    with pytest.raises(StepRefused, match="not there"):
        plan(service, image=MIRROR)


def test_sizes_that_fargate_does_not_run_are_refused(service):
    for params, why in (
        ({"memory": 1500}, "1024, 2048, 3072, 4096"),
        ({"cpu": 300}, "no 300 cpu"),
        ({"cpu": 4096}, "8192"),
    ):
        with pytest.raises(StepRefused, match=why):
            plan(service, **params)
    service.keep({**CONTENT, "memory": "4096"})
    service.deployments = []
    service.deployment(2, revision=8)
    with pytest.raises(StepRefused, match="no next memory size"):
        plan(service, memory="next")


def test_a_container_s_own_limit_grows_with_the_task(service):
    (container,) = CONTENT["containerDefinitions"]
    service.keep({**CONTENT, "containerDefinitions": [{**container, "memory": 900}]})
    service.deployments = []
    service.deployment(2, revision=8)
    (change,) = plan(service, memory="next")
    assert {"path": "container_memory:mlflow", "value": "1924"} in change.parameters["edits"]


def test_s11_roles_that_the_stack_does_not_name_are_refused(service):
    service.stack["ecs"] = {"cluster": "churn-cluster", "service": "churn"}
    with pytest.raises(StepRefused, match=r"S11.*taskRole.*churn-task"):
        plan(service, memory="next")


def test_s9_a_service_that_may_stop_before_it_starts_is_refused(service):
    service.minimum_healthy_percent = 0
    with pytest.raises(StepRefused, match="S9"):
        plan(service, memory="next")


def test_what_is_so_already_needs_no_change(service):
    assert plan(service, memory=1024) == ()
    assert plan(service, variable={"name": "MLFLOW_SERVER_ALLOWED_HOSTS", "value": "typo"}) == ()


def test_one_thing_at_a_time_and_something_at_all(service):
    with pytest.raises(ValidationError):
        EditParams(image=MIRROR, memory=2048)
    with pytest.raises(ValidationError):
        EditParams(variable={"name": "A"})
    with pytest.raises(StepRefused, match="nothing to change"):
        plan(service)
