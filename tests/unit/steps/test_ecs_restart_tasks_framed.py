"""A serving task is stopped only behind an extra one that serves (S9)."""

from dataclasses import replace

import pytest

from chalicelib.errors import StepFailed
from chalicelib.steps.step import Done, Pending, Standing
from tests.unit.steps.restarting import OLDEST, STEP, goes_on, start


def test_s9_the_whole_way_never_has_fewer_than_two_serving_tasks(world):
    up, stop, back = STEP.plan(world.ctx(), OLDEST)
    progress, answer = start(world, up)
    assert isinstance(answer, Pending)
    world.passes(30)
    world.task("extra", "initial", age_s=20)
    assert isinstance(goes_on(world, up, progress), Pending)
    world.set_target("extra", "healthy")
    assert isinstance(goes_on(world, up, progress), Done)

    progress, _ = start(world, stop)
    world.passes(60)
    world.ends("old", "UserInitiated", "steward")
    assert isinstance(goes_on(world, stop, progress), Pending)
    world.task("fresh", age_s=20)
    assert isinstance(goes_on(world, stop, progress), Done)

    progress, _ = start(world, back)
    assert isinstance(goes_on(world, back, progress), Pending)
    world.ends("new", "ServiceSchedulerInitiated", "Scaling activity initiated by (deployment ecs-svc/1)")
    assert isinstance(goes_on(world, back, progress), Done)
    assert [change[:2] for change in world.changes] == [("desired", 3), ("stop_task", "old"), ("desired", 2)]


def test_s9_the_stop_waits_while_the_extra_task_is_not_healthy(world):
    _, stop, _ = STEP.plan(world.ctx(), OLDEST)
    world.desired = 3
    world.task("extra", "initial")
    progress, answer = start(world, stop)
    assert isinstance(answer, Pending)
    assert "2 of 3 serve" in answer.detail
    assert world.changes == []
    world.set_target("extra", "healthy")
    goes_on(world, stop, progress)
    assert world.changes[0][:2] == ("stop_task", "old")


def test_s9_when_the_extra_task_was_taken_away_the_serving_one_is_not_stopped(world):
    _, stop, _ = STEP.plan(world.ctx(), OLDEST)
    look = STEP.look(world.ctx(), stop)
    assert look.standing is Standing.DRIFTED
    assert "no replacement" in look.detail


def test_an_extra_task_that_fails_to_start_fails_the_step(world):
    up, *_ = STEP.plan(world.ctx(), OLDEST)
    progress, _ = start(world, up)
    world.passes(60)
    broken = world.task("extra", None, age_s=30)
    world.tasks[-1] = replace(broken, started_at=None)
    world.ends("extra", "TaskFailedToStart", "ResourceInitializationError: unable to pull secrets")
    with pytest.raises(StepFailed, match="unable to pull secrets"):
        goes_on(world, up, progress)
