"""Work that is out of time or given up: it is ended, and gone before the run goes on."""

from dataclasses import dataclass, field

from chalicelib.errors import StepFailed
from chalicelib.models.run import StepStatus
from chalicelib.steps.step import Done, Pending
from tests.unit.flows.long_work import HangingTask, with_action


def test_what_is_out_of_time_is_ended_and_gone_before_the_run_goes_on(world):
    action = HangingTask()
    run_id = with_action(world, action)
    world.until(run_id, lambda _run: bool(action.abandoned), moves=1000)
    assert world.step(run_id).status is StepStatus.APPLYING
    assert world.step(run_id).detail == "out of time: the task is told to stop"
    world.until(run_id, lambda _run: world.step(run_id).status is StepStatus.FAILED)
    assert len(action.abandoned) == 3
    assert "exit code 137" in world.step(run_id).detail


def test_what_does_not_end_is_not_waited_for_for_ever(world):
    action = HangingTask(gone_after=10_000)
    run_id = with_action(world, action)
    world.until(run_id, lambda _run: world.step(run_id).status is StepStatus.FAILED, moves=2000)
    assert "not done after" in world.step(run_id).detail


@dataclass
class FollowedTask(HangingTask):
    """Says what `answers` says to each call of `apply`, else that it is at it; gone once it was abandoned so often."""

    answers: dict[int, BaseException] = field(default_factory=dict)
    calls: int = 0
    checkpoint: bool = True

    def apply(self, ctx, change, progress):
        self.calls += 1
        if answer := self.answers.get(self.calls, self.answers.get(0) if self.calls > 1 else None):
            raise answer
        if self.calls > 40:
            return Done(detail="all done")
        return Pending(check_after_s=10, detail="at it", checkpoint={"task": "t"} if self.checkpoint else None)

    def goes_on(self, ctx, change, progress):
        return len(self.abandoned) < self.gone_after


def test_answers_that_come_between_two_failing_ones_begin_the_attempts_anew(world):
    action = FollowedTask(answers={5: world.throttled, 30: world.throttled}, checkpoint=False)
    run_id = with_action(world, action)
    world.until(run_id, lambda _run: world.step(run_id).status.is_over, moves=1000)
    assert (world.step(run_id).status, action.abandoned) == (StepStatus.DONE, [])


def test_what_is_known_to_go_on_alone_is_not_given_up_for_want_of_an_answer(world):
    action = FollowedTask(answers=dict.fromkeys(range(3, 9), world.throttled))
    run_id = with_action(world, action)
    world.until(run_id, lambda _run: world.step(run_id).status.is_over, moves=1000)
    assert (world.step(run_id).status, action.abandoned) == (StepStatus.DONE, [])


def test_what_is_given_up_is_ended_and_gone_before_the_run_goes_on(world):
    action = FollowedTask(answers={0: ValueError("a bug in reading its log")})
    run_id = with_action(world, action)
    world.until(run_id, lambda _run: len(action.abandoned) == 1, moves=1000)
    assert world.step(run_id).status is StepStatus.APPLYING
    world.until(run_id, lambda _run: world.step(run_id).status is StepStatus.FAILED)
    assert len(action.abandoned) == 3
    assert world.step(run_id).detail == ("unexpected ValueError: a bug in reading its log; the task is told to stop")


def test_without_an_answer_until_its_time_is_over_it_is_ended_too(world):
    action = FollowedTask(answers={0: world.throttled})
    run_id = with_action(world, action)
    world.until(run_id, lambda _run: world.step(run_id).status is StepStatus.FAILED, moves=1000)
    record = world.step(run_id)
    assert len(action.abandoned) == 3
    assert (record.ended_at - record.progress[0].started_at).total_seconds() >= 900


def test_what_kills_every_worker_is_ended_too(world):
    action = FollowedTask(answers={0: world.Died("out of memory")}, gone_after=1)
    run_id = with_action(world, action)
    for _ in range(40):
        if world.step(run_id).status.is_over:
            break
        try:
            world.once(run_id)
        except world.Died:
            world.wait(minutes=7)
        world.wait(seconds=10)
    assert world.step(run_id).status is StepStatus.FAILED
    assert len(action.abandoned) == 1
    assert "its worker died 12 times; the task is told to stop" in world.step(run_id).detail


def test_its_own_word_that_it_ended_badly_needs_nobody_to_end_it(world):
    action = FollowedTask(answers={3: StepFailed("mend", "the task ended with exit code 1")})
    run_id = with_action(world, action)
    world.until(run_id, lambda _run: world.step(run_id).status is StepStatus.FAILED)
    assert action.abandoned == []
