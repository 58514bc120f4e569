"""ecs.log_debug: S11's one variable, for as long as was asked, and never for good."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from chalicelib.errors import StepFailed, StepRefused
from chalicelib.models.change import Change
from chalicelib.steps.actions.ecs_log_debug import DebugParams, LogDebug
from chalicelib.steps.step import Done, Pending, Standing

STEP = LogDebug()
ROLE = "arn:aws:iam::123456789012:role/churn-task"
CONTENT = {
    "family": "churn",
    "taskRoleArn": ROLE,
    "containerDefinitions": [
        {
            "name": "mlflow",
            "image": "python:3.11-slim",
            "environment": [{"name": "GUNICORN_CMD_ARGS", "value": "-t 90"}],
        }
    ],
}


@pytest.fixture
def service(world):
    world.keep(CONTENT)
    world.stack["ecs"] = {**world.stack["ecs"], "taskRole": ROLE}
    return world


def ctx(world):
    return world.ctx(fingerprint_key=b"k")


def plan(world, **params):
    return STEP.plan(ctx(world), DebugParams(**params))


def goes_on(world, change, progress):
    """One more call, with what the executor would have stored of the last."""
    applied = STEP.apply(ctx(world), change, progress)
    kept = getattr(applied, "checkpoint", None) or progress.checkpoint
    return applied, progress.model_copy(update={"checkpoint": kept})


def turned_on(world, change):
    progress = world.progress(STEP.look(ctx(world), change))
    _, progress = goes_on(world, change, progress)
    world.deployments = []
    world.deployment(101, "COMPLETED", revision=8)
    applied, progress = goes_on(world, change, progress)
    assert isinstance(applied, Pending)
    return progress


def test_s11_it_is_one_variable_and_the_plan_says_that_it_ends(service):
    (change,) = plan(service, minutes=30)
    assert change.parameters["edits"] == [{"path": "variable:mlflow:MLFLOW_LOGGING_LEVEL", "value": "DEBUG"}]
    assert "30 minutes later they are replaced again, by the former revision" in change.sentence
    assert change.write_back is None
    assert change.touches == {"tasks": 2}


def test_s11_a_variable_that_was_not_there_is_declared_with_its_name(service):
    (change,) = plan(service)
    STEP.apply(ctx(service), change, service.progress(STEP.look(ctx(service), change)))
    where = "containerDefinitions/mlflow/environment/MLFLOW_LOGGING_LEVEL"
    assert service.changes[0] == ("register", (f"{where}/name", f"{where}/value"))


def test_gunicorn_keeps_the_arguments_that_it_has(service):
    (change,) = plan(service, what="gunicorn")
    assert change.parameters["edits"][0]["value"] == "-t 90 --log-level debug"


def test_where_it_logs_at_debug_already_nothing_is_changed(service):
    service.keep(CONTENT)
    content = {**CONTENT, "containerDefinitions": [
        {**CONTENT["containerDefinitions"][0], "environment": [{"name": "MLFLOW_LOGGING_LEVEL", "value": "DEBUG"}]}
    ]}  # fmt: skip
    made = service.keep(content)
    service.deployments = []
    service.deployment(5, revision=int(made.arn.rsplit(":", 1)[-1]))
    assert plan(service) == ()


def test_s6_while_somebody_deploys_it_is_refused(service):
    service.deployments = []
    service.deployment(5, "IN_PROGRESS")
    with pytest.raises(StepRefused, match="a deployment is in progress"):
        plan(service)


def test_it_holds_until_its_time_is_over_and_goes_back_by_itself(service):
    (change,) = plan(service, minutes=30)
    progress = turned_on(service, change)
    until = (service.now + timedelta(minutes=30)).isoformat()
    assert progress.checkpoint == {"until": until, "primary": "ecs-svc/101"}
    for _ in range(3):
        service.passes(590)
        applied, progress = goes_on(service, change, progress)
        assert isinstance(applied, Pending)
        assert len(service.changes) == 2
    service.passes(60)
    assert isinstance(goes_on(service, change, progress)[0], Pending)
    assert service.changes[-1] == ("task_definition", "churn:7")
    service.deployments = []
    service.deployment(102, "COMPLETED")
    assert isinstance(goes_on(service, change, progress)[0], Done)
    assert len(service.changes) == 3


def test_a_deployment_by_somebody_else_meanwhile_is_not_overwritten(service):
    (change,) = plan(service, minutes=30)
    progress = turned_on(service, change)
    service.passes(1900)
    service.keep({**CONTENT, "cpu": "1024"})
    service.deployments = []
    service.deployment(103, revision=9)
    with pytest.raises(StepFailed, match="somebody else started a deployment meanwhile"):
        goes_on(service, change, progress)
    assert STEP.abandon(ctx(service), change, progress).startswith("called off: the service has moved on")
    assert len(service.changes) == 2


def test_called_off_it_goes_back_at_once(service):
    (change,) = plan(service, minutes=30)
    progress = turned_on(service, change)
    assert "is going back to churn:7" in STEP.abandon(ctx(service), change, progress)
    assert service.changes[-1] == ("task_definition", "churn:7")
    assert "already" in STEP.abandon(ctx(service), change, progress)
    assert len(service.changes) == 3


def test_s34_an_undo_goes_back_without_waiting(service):
    (change,) = plan(service, minutes=30)
    turned_on(service, change)
    undo = Change(
        step="undo", action=STEP.name, operation=change.undo.operation, parameters=change.undo.parameters,
        resource=change.resource, precondition=change.undo.precondition, sentence="undo",
    )  # fmt: skip
    look = STEP.look(ctx(service), undo)
    assert look.standing is Standing.READY
    STEP.apply(ctx(service), undo, service.progress(look))
    assert service.changes[-1] == ("task_definition", "churn:7")


def test_it_is_never_for_longer_than_four_hours():
    with pytest.raises(ValidationError):
        DebugParams(minutes=241)
