"""ecs.force_deployment leaves starting before stopping to ECS, and refuses where ECS would not (S9)."""

import pytest

from chalicelib.errors import StepFailed, StepRefused
from chalicelib.steps.actions.ecs_force_deployment import ForceDeployment
from chalicelib.steps.step import Done, Pending, Standing

STEP = ForceDeployment()


def plan(world):
    return STEP.plan(world.ctx(), STEP.Params())


def test_it_touches_every_task_and_names_the_revision(world):
    (change,) = plan(world)
    assert change.parameters == {"cluster": "churn-cluster", "service": "churn", "forceNewDeployment": True}
    assert (change.touches, change.out_of) == ({"tasks": 2}, {"tasks": 2})
    assert "churn:7" in change.sentence
    assert change.serves


def test_s9_a_service_that_may_stop_before_it_starts_is_refused(world):
    world.minimum_healthy_percent = 50
    with pytest.raises(StepRefused, match=r"S9.*minimumHealthyPercent is 50"):
        plan(world)


def test_s9_after_a_failed_launch_it_is_refused(world):
    world.task("broken", None, age_s=60)
    world.ends("broken", "TaskFailedToStart", "ResourceInitializationError: secret not found")
    with pytest.raises(StepRefused, match="S9"):
        plan(world)


def test_s1_what_every_task_loses_is_said(world):
    world.define(
        7, command="mlflow server --app-name basic-auth --backend-store-uri $URI --artifacts-destination s3://b"
    )
    (change,) = plan(world)
    assert change.loses == "users in sqlite:///basic_auth.db, the default on this task"


def test_the_new_deployment_is_recognised_and_started_only_once(world):
    (change,) = plan(world)
    look = STEP.look(world.ctx(), change)
    assert look.before == {"primary": "ecs-svc/1"}
    progress = world.progress(look)
    assert isinstance(STEP.apply(world.ctx(), change, progress), Pending)
    for _ in range(2):  # workers that died before anything was recorded
        assert isinstance(STEP.apply(world.ctx(), change, progress), Pending)
    world.deployments = []
    world.deployment(101, "COMPLETED")
    assert isinstance(STEP.apply(world.ctx(), change, progress), Done)
    assert world.changes == [("force",)]


def test_a_deployment_that_fails_fails_the_step(world):
    (change,) = plan(world)
    progress = world.progress(STEP.look(world.ctx(), change))
    world.deployments = []
    world.deployment(101, "FAILED")
    with pytest.raises(StepFailed, match="deployment ecs-svc/101 failed"):
        STEP.apply(world.ctx(), change, progress)


def test_somebody_else_s_deployment_since_the_plan_is_drift(world):
    (change,) = plan(world)
    world.deployments = []
    world.deployment(50, "IN_PROGRESS")
    assert STEP.look(world.ctx(), change).standing is Standing.DRIFTED


def test_where_what_failed_was_just_mended_it_may_follow_a_failure(world):
    world.deployments = []
    world.deployment(2, "FAILED")
    with pytest.raises(StepRefused, match="S9"):
        STEP.plan(world.ctx(), STEP.Params())
    assert STEP.plan(world.ctx(), STEP.Params(after_failure=True))
