"""ecs.scale_service holds S13 (the owner's bounds, what to write back) and remembers what it was (S34)."""

import pytest
from pydantic import ValidationError

from chalicelib.aws.autoscaling import ScalableTarget
from chalicelib.errors import StepFailed, StepRefused
from chalicelib.models.change import Change
from chalicelib.steps.actions.ecs_pause_service import PauseService
from chalicelib.steps.actions.ecs_scale_service import ScaleParams, ScaleService
from chalicelib.steps.step import Done, Pending, Standing
from tests.shipped import read_runbooks

STEP = ScaleService()


def plan(world, **params):
    return STEP.plan(world.ctx(), ScaleParams(**params))


def test_by_is_made_absolute_when_planned_and_says_what_to_write_back(world):
    (change,) = plan(world, by=1)
    assert change.parameters == {"cluster": "churn-cluster", "service": "churn", "desiredCount": 3}
    assert change.precondition == {"desired": 2}
    assert change.sentence == "Scale churn from 2 to 3 tasks"
    assert change.write_back == "desired count of ECS service churn: 3 (was 2)"
    assert change.touches == {}
    assert not change.serves


def test_the_undo_sets_what_it_was_and_only_if_nobody_changed_it_since(world):
    (change,) = plan(world, by=1)
    undo = undo_of(change)
    world.desired = 3
    assert STEP.look(world.ctx(), undo).standing is Standing.READY
    world.desired = 4
    assert STEP.look(world.ctx(), undo).standing is Standing.DRIFTED
    world.desired = 2
    assert STEP.look(world.ctx(), undo).standing is Standing.ALREADY


def undo_of(change: Change) -> Change:
    assert change.undo
    wanted = {"parameters": change.undo.parameters, "precondition": change.undo.precondition, "undo": None}
    return change.model_copy(update=wanted)


def test_what_is_already_so_is_no_change(world):
    assert plan(world, desired=2) == ()


@pytest.mark.parametrize(("desired", "why"), [(5, "limits.maxTasks"), (4, "between 2 and 3"), (1, "between 2 and 3")])
def test_s13_bounds_are_refused_and_never_clamped(world, desired, why):
    world.bounds = ScalableTarget(minimum=2, maximum=3, suspended=False)
    with pytest.raises(StepRefused, match=f"S13.*{why}"):
        plan(world, desired=desired)


def test_s13_scaling_to_zero_is_refused(world):
    with pytest.raises(StepRefused, match="take the service down") as refused:
        plan(world, by=-2)
    # what it names instead is there to be run
    migrate = read_runbooks()["migrate-database"]
    assert "migrate-database does it with stopWrites=true" in str(refused.value)
    assert "stopWrites" in migrate.inputs
    pauses = [step for step in migrate.steps if step.do == PauseService.name]
    assert "ecs.pause_service" in str(refused.value)
    assert pauses[-1].with_ == {"paused": False}


def test_scaling_in_touches_tasks_and_says_what_they_lose(world):
    world.define(7, command="mlflow server --backend-store-uri sqlite:////tmp/x.db --artifacts-destination s3://b")
    (change,) = plan(world, by=-1)
    assert (change.touches, change.out_of, change.serves) == ({"tasks": 1}, {"tasks": 2}, True)
    assert "sqlite:////tmp/x.db" in (change.loses or "")


def test_s9_nothing_is_scaled_in_while_ecs_could_stop_the_only_serving_task(world):
    world.set_target("new", "unhealthy")
    with pytest.raises(StepRefused, match=r"S9.*only 1 of 2"):
        plan(world, by=-1)


def test_it_is_done_when_the_new_task_serves_and_asks_aws_once(world):
    (change,) = plan(world, by=1)
    progress = world.progress(STEP.look(world.ctx(), change))
    assert isinstance(STEP.apply(world.ctx(), change, progress), Pending)
    assert isinstance(STEP.apply(world.ctx(), change, progress), Pending)
    world.task("third", age_s=-30)
    assert isinstance(STEP.apply(world.ctx(), change, progress), Done)
    assert world.changes == [("desired", 3)]


def test_somebody_else_s_hand_on_the_desired_count_ends_it(world):
    (change,) = plan(world, by=1)
    progress = world.progress(STEP.look(world.ctx(), change))
    world.desired = 6
    with pytest.raises(StepFailed, match="somebody set the desired count to 6"):
        STEP.apply(world.ctx(), change, progress)


@pytest.mark.parametrize("params", [{}, {"desired": 2, "by": 1}, {"desired": -1}])
def test_params_name_exactly_one_target(params):
    with pytest.raises(ValidationError):
        ScaleParams(**params)
