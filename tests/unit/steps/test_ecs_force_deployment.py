"""ecs.force_deployment leaves starting before stopping to ECS, and refuses where ECS would not (S9)."""

import pytest

from chalicelib.errors import StepFailed, StepRefused
from chalicelib.steps.actions.ecs_force_deployment import ForceDeployment
from chalicelib.steps.step import Done, Pending, Standing

STEP = ForceDeployment()


def plan(world):
    return STEP.plan(world.ctx(), STEP.Params())


def crowd(world, tasks):
    """So many serving ones, and no other."""
    world.tasks.clear()
    world.targets.clear()
    world.desired = tasks
    for number in range(tasks):
        world.task(f"task-{number}")


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


@pytest.mark.parametrize(
    ("tasks", "most", "counts", "enough"),
    [(1, 150, 1, 200), (1, 199, 1, 200), (2, 100, 2, 150), (2, 149, 2, 150), (3, 130, 3, 134), (7, 114, 7, 115)],
)
def test_s9_without_room_for_one_task_more_it_would_hang_and_is_refused_with_the_remedy(
    world, tasks, most, counts, enough
):
    """ECS rounds what may run at most down, and what must be healthy up."""
    crowd(world, tasks)
    world.maximum_percent = most
    said = (
        f"maximumPercent is {most}, which of {tasks} tasks is {counts} .*minimumHealthyPercent is 100.* to {enough} or"
    )
    with pytest.raises(StepRefused, match=f"S9: {said}"):
        plan(world)
    world.maximum_percent = enough
    assert plan(world)


@pytest.mark.parametrize(("tasks", "most"), [(1, 200), (2, 150), (3, 134), (0, 100)])
def test_with_room_for_one_more_or_no_task_at_all_it_is_not_refused(world, tasks, most):
    crowd(world, tasks)
    world.maximum_percent = most
    assert plan(world)


def test_s9_where_nobody_serves_ecs_may_stop_first_and_needs_no_room(world):
    world.maximum_percent = 100
    for name in ("old", "new"):
        world.set_target(name, "unhealthy")
    assert plan(world)


def test_s9_one_ill_task_makes_no_room_that_lasts(world):
    """Its replacement takes its place; then the other can neither go nor have one beside it."""
    world.maximum_percent = 100
    world.set_target("new", "unhealthy")
    with pytest.raises(StepRefused, match=r"S9: maximumPercent is 100"):
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
