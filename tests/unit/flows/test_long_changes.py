"""Changes that take long: they go on from their checkpoint, show how far they are, and can be called off."""

from dataclasses import replace
from itertools import count

import pytest

from chalicelib.errors import StepFailed
from chalicelib.flows.approve import cancel
from chalicelib.models.change import HowFar
from chalicelib.models.run import RunStatus, StepStatus
from chalicelib.steps.step import Done
from chalicelib.store.blobs import MemoryBlobs
from chalicelib.store.runs import MOST_CHANGES_IN_ITEM, Runs
from tests.unit.flows.long_work import CopyAction, HangingTask, with_action


def test_what_is_told_within_a_call_stands_in_the_record_before_the_call_is_over(world):
    seen = []

    class TellingAction(CopyAction):
        def apply(self, ctx, change, progress):
            ctx.tell(HowFar(done=4, total=10, rate_per_s=2.0), "copying: 4 of 10")
            seen.append(world.step(run_id).progress[0])
            return Done(detail="all copied")

    ticks = count(0, 60)
    senses = replace(world.parts.engine.senses, monotonic=lambda: float(next(ticks)))
    world.with_parts(engine=replace(world.parts.engine, senses=senses))
    run_id = with_action(world, TellingAction())
    world.until(run_id, lambda _run: world.step(run_id).status is StepStatus.DONE)
    assert [(told.detail, told.how_far.percent, told.how_far.left_s) for told in seen] == [("copying: 4 of 10", 40, 3)]
    assert world.step(run_id).progress[0].detail == "all copied"


def test_each_call_goes_on_from_the_checkpoint_of_the_last_and_the_output_knows_what_came_of_it(world):
    action = CopyAction()
    run_id = with_action(world, action)
    world.until(run_id, lambda _run: world.step(run_id).status is StepStatus.DONE)
    assert action.seen == [{}, {"done": 3}, {"done": 6}, {"done": 9}]
    assert world.step(run_id).output == {
        "changed": 1,
        "unchanged": 0,
        "details": ["all copied"],
        "last": "ten",
    }


def test_the_record_shows_percent_rate_and_remaining_time(world):
    run_id = with_action(world, CopyAction())
    world.until(run_id, lambda _run: any(p.how_far and p.how_far.done == 6 for p in world.step(run_id).progress))
    far = world.step(run_id).progress[0].how_far
    assert (far.percent, far.left_s) == (60, 8)
    assert "6 of 10 objects (60%)" in world.texts(run_id)


def test_a_cancelled_run_calls_long_work_off_and_says_what_is_left(world):
    action = CopyAction()
    run_id = with_action(world, action)
    world.until(run_id, lambda _run: len(action.seen) == 2)
    cancel(world.parts, run_id, by="ada", reason="too expensive")
    run = world.finish(run_id)
    assert run.status is RunStatus.CANCELLED
    assert action.abandoned == [{"done": 6}]
    assert len(action.seen) == 2
    assert "called off after 6 of 10" in world.texts(run_id)


def test_long_work_that_fails_tidies_up_what_nobody_else_will(world):
    class FailingCopy(CopyAction):
        def apply(self, ctx, change, progress):
            if progress.checkpoint:
                raise StepFailed(ctx.step_id, "too much failed")
            return super().apply(ctx, change, progress)

    action = FailingCopy()
    run_id = with_action(world, action)
    world.until(run_id, lambda _run: world.step(run_id).status is StepStatus.FAILED)
    assert action.abandoned == [{"done": 3}]
    assert "too much failed; called off after 3 of 10" in world.step(run_id).detail


def test_a_cancelled_run_finishes_what_would_be_left_half_done(world):
    action = HangingTask(gone_after=10_000)
    run_id = with_action(world, action)
    world.once(run_id)
    cancel(world.parts, run_id, by="ada", reason="too late")
    world.until(run_id, lambda run: run.status is RunStatus.CANCELLING)
    world.once(run_id)
    assert action.abandoned == []


@pytest.mark.parametrize("changes", [MOST_CHANGES_IN_ITEM, MOST_CHANGES_IN_ITEM + 1])
def test_more_changes_than_an_item_should_hold_lie_beside_it_and_come_back_whole(world, changes):
    blobs = MemoryBlobs()
    world.with_parts(engine=replace(world.parts.engine, runs=Runs(world.table, blobs)))
    run_id = with_action(world, CopyAction(changes=changes))
    world.until(run_id, lambda _run: world.step(run_id).status is StepStatus.DONE, moves=400)
    fresh = Runs(world.table, blobs).step(run_id, "mend")
    assert [change.resource for change in fresh.changes] == [f"bucket-{n:03d}" for n in range(changes)]
    assert len(blobs._blobs) == (changes > MOST_CHANGES_IN_ITEM)


@pytest.mark.parametrize(("changes", "weight"), [(14, 30_000), (50, 30_000), (2, 400_000)])
def test_few_changes_that_are_large_lie_beside_the_item_too(world, changes, weight):
    blobs = MemoryBlobs()
    world.with_parts(engine=replace(world.parts.engine, runs=Runs(world.table, blobs)))
    run_id = with_action(world, CopyAction(changes=changes, weight=weight))
    world.until(run_id, lambda _run: world.step(run_id).status.is_over, moves=400)
    fresh = Runs(world.table, blobs).step(run_id, "mend")
    assert fresh.status is StepStatus.DONE
    assert {len(change.parameters["folders"]) for change in fresh.changes} == {weight}
    assert len(blobs._blobs) == 1


def test_a_plan_whose_record_can_never_be_stored_fails_its_step_and_says_so(world):
    """Else it would escape from every Advance, and look like a worker that died twelve times."""
    world.with_parts(engine=replace(world.parts.engine, runs=Runs(world.table, MemoryBlobs())))
    action = CopyAction(changes=5_000)
    world.with_parts(engine=replace(world.parts.engine, actions={"fake.mend": action}))
    run_id = world.fire().parts[0].run_id
    world.finish(run_id)
    step = world.step(run_id)
    assert (step.status, step.changes, step.attempt) == (StepStatus.FAILED, (), 1)
    assert "its record cannot be stored: what is to be kept of 5000 changes is" in step.detail
    assert "let it do less at once" in step.detail
    assert action.seen == []


def test_a_step_whose_record_outgrows_its_item_halfway_fails_and_keeps_what_was_noted(world):
    world.with_parts(engine=replace(world.parts.engine, runs=Runs(world.table, MemoryBlobs())))
    action = CopyAction(changes=5, tells=100_000)
    run_id = with_action(world, action)
    world.until(run_id, lambda _run: world.step(run_id).status.is_over, moves=100)
    step = world.step(run_id)
    assert step.status is StepStatus.FAILED
    assert "its record cannot be stored" in step.detail
    assert [one.state for one in step.progress] == ["done", "done", "started", "stored", "stored"]
    assert step.lease is None
    assert len(action.seen) == 3
