"""ecs.roll_back_deployment holds S10: never over a migration, never to what is gone."""

import pytest

from chalicelib.aws.ecs_shapes import CompletedDeployment
from chalicelib.errors import AwsDenied, StepFailed, StepRefused
from chalicelib.steps.actions.ecs_roll_back_deployment import RollBackDeployment, RollBackParams
from chalicelib.steps.step import Done, Pending, Standing

STEP = RollBackDeployment()
TASK_DEFINITION = "arn:aws:ecs:eu-west-2:123456789012:task-definition/churn:"
SECRET = "arn:aws:secretsmanager:eu-west-2:123456789012:secret:churn/db-AbCdEf"


@pytest.fixture
def failed(world):
    """Revision 8 has a new variable, and its deployment failed; revision 7 still runs beside it."""
    world.define(8, environment={"MLFLOW_SERVER_ALLOWED_HOSTS": "typo"})
    world.deployments = []
    world.deployment(2, "FAILED", revision=8, failed=3)
    world.deployment(1, "COMPLETED", status="ACTIVE", revision=7)
    return world


def plan(world, **params):
    return STEP.plan(world.ctx(), RollBackParams(**params))


def test_it_goes_back_to_the_revision_that_still_stands_beside_the_failed_one(failed):
    (change,) = plan(failed)
    assert change.parameters["taskDefinition"] == f"{TASK_DEFINITION}7"
    assert change.precondition == {"task_definition": f"{TASK_DEFINITION}8"}
    assert change.undo
    assert change.undo.parameters["taskDefinition"] == f"{TASK_DEFINITION}8"
    assert change.write_back == "task definition of ECS service churn: churn:7 (was churn:8)"
    assert "from churn:8 to churn:7" in change.sentence
    assert change.touches == {"tasks": 0}  # both running tasks are of revision 7 already


def test_tasks_of_the_failed_revision_are_counted_as_touched(failed):
    failed.task("bad", "unhealthy", revision=8)
    (change,) = plan(failed)
    assert (change.touches, change.out_of) == ({"tasks": 1}, {"tasks": 3})


def test_s9_what_hangs_for_want_of_room_may_go_back_to_what_already_serves(failed):
    """No task need be started for that; one that serves on the failed revision would need one beside it."""
    failed.maximum_percent = 100
    assert plan(failed)
    failed.tasks.clear()
    failed.task("good")
    failed.task("bad", revision=8)
    with pytest.raises(StepRefused, match=r"S9: maximumPercent is 100"):
        plan(failed)


def test_when_only_history_knows_the_last_completed_deployment_is_taken_from_it(failed):
    failed.deployments.pop()
    failed.completed = [
        CompletedDeployment(f"{TASK_DEFINITION}8", None),
        CompletedDeployment(f"{TASK_DEFINITION}7", None),
    ]
    assert plan(failed)[0].parameters["taskDefinition"] == f"{TASK_DEFINITION}7"


def test_s5_no_known_completed_deployment_is_a_refusal_not_a_guess(failed):
    failed.deployments.pop()
    with pytest.raises(StepRefused, match="nothing to roll back to"):
        plan(failed)


def test_a_deployment_that_completed_is_left_alone_unless_asked(world):
    assert plan(world) == ()
    world.define(6)
    world.completed = [CompletedDeployment(f"{TASK_DEFINITION}6", None)]
    assert plan(world, only_failed=False)[0].parameters["taskDefinition"] == f"{TASK_DEFINITION}6"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"image": "public.ecr.aws/docker/library/python:3.12-slim"}, "another image"),
        ({"command": "pip install mlflow==3.18.0 && mlflow server"}, "installs other packages"),
        ({"environment": {"PIP_INDEX_URL": "https://packages.example.com/simple"}}, "installs other packages"),
        ({"name": "sidecar"}, "only one of them"),
    ],
)
def test_s10_another_image_or_install_may_have_migrated_the_schema(failed, change, why):
    failed.define(8, **change)
    with pytest.raises(StepRefused, match=f"S10.*{why}.*schema may have changed"):
        plan(failed)


def test_s10_a_version_chosen_by_a_variable_is_seen(failed):
    command = "pip install mlflow==${VERSION} && mlflow server"
    failed.define(7, command=command, environment={"VERSION": "3.16.0"})
    failed.define(8, command=command, environment={"VERSION": "3.17.2"})
    with pytest.raises(StepRefused, match="S10"):
        plan(failed)


def test_s10_a_secret_that_is_gone_is_a_refusal(failed):
    failed.gone_secrets.add(SECRET)
    with pytest.raises(StepRefused, match=r"S10.*secret.*gone"):
        plan(failed)


def test_s10_a_secret_we_may_not_look_at_is_no_proof_that_it_is_gone(failed):
    failed.denied["secretsmanager:DescribeSecret"] = AwsDenied("secretsmanager:DescribeSecret", "AccessDenied", "no")
    assert len(plan(failed)) == 1


def test_s10_an_image_that_is_gone_is_a_refusal(failed):
    failed.gone_images.add("public.ecr.aws/docker/library/python:3.11-slim")
    with pytest.raises(StepRefused, match=r"S10.*image.*gone"):
        plan(failed)


def test_s10_a_deregistered_revision_is_a_refusal(failed):
    failed.define(7, active=False)
    with pytest.raises(StepRefused, match=r"S10.*churn:7 is deregistered"):
        plan(failed)


def test_it_deploys_once_and_follows_that_deployment_to_its_end(failed):
    (change,) = plan(failed)
    progress = failed.progress(STEP.look(failed.ctx(), change))
    for _ in range(3):
        assert isinstance(STEP.apply(failed.ctx(), change, progress), Pending)
    failed.deployments = []
    failed.deployment(102, "COMPLETED", revision=7)
    assert isinstance(STEP.apply(failed.ctx(), change, progress), Done)
    assert failed.changes == [("task_definition", "churn:7")]
    assert STEP.look(failed.ctx(), change).standing is Standing.ALREADY


def test_a_deployment_by_somebody_else_is_drift_and_is_not_overwritten(failed):
    (change,) = plan(failed)
    progress = failed.progress(STEP.look(failed.ctx(), change))
    failed.deployments = []
    failed.deployment(3, "IN_PROGRESS", revision=9)
    assert STEP.look(failed.ctx(), change).standing is Standing.DRIFTED
    with pytest.raises(StepFailed, match="somebody else"):
        STEP.apply(failed.ctx(), change, progress)
    assert failed.changes == []
