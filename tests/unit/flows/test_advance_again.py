"""What failed in passing is tried again, with patience and an end; what will not get better is not."""

from datetime import timedelta

import pytest

from chalicelib.errors import StepRefused
from chalicelib.models.run import RunStatus, StepStatus, Verdict
from tests.unit.flows.underway import running


def test_a_passing_failure_is_tried_again_after_a_backoff_with_jitter(make_world):
    waits = []
    for jitter in (0.0, 1.0):
        world = make_world()
        world.jitter = jitter
        run_id = running(world)
        world.script = {"a": [world.throttled]}
        world.once(run_id)
        record = world.step(run_id)
        waits.append((record.retry_at - world.now()).total_seconds())
        assert (record.status, record.attempt) == (StepStatus.APPLYING, 2)
        assert "ServiceUnavailable" in (record.detail or "")
        assert world.finish(run_id).verdict is Verdict.VERIFIED
    assert 0 < waits[0] < waits[1]


def test_a_backoff_grows_up_to_five_minutes_and_no_further(make_world):
    steps = [{"id": "look", "do": "fake.look"}, {"id": "mend", "do": "fake.mend", "maxAttempts": 10, "timeout": "2h"}]
    world = make_world(runbooks=(make_world.runbook(steps=steps),))
    world.jitter = 1.0
    run_id = running(world)
    world.script = {"a": [world.throttled] * 9}
    waits = []
    for _ in range(9):
        world.once(run_id)
        waits.append((world.step(run_id).retry_at - world.now()).total_seconds())
        world.wait(seconds=waits[-1])
        world.once(run_id)
    assert waits == sorted(waits)
    assert (waits[0] < 60, waits[-1]) == (True, 300)


def test_after_max_attempts_it_has_failed_and_the_run_says_what_is_half_done(world):
    run_id = running(world)
    world.script = {"a": [world.throttled] * 9}
    run = world.finish(run_id)
    assert len(world.applied) == 2
    assert (run.verdict, run.needs_person) == (Verdict.FAILED, True)
    assert "half done: mend a" in (run.outcome or "")


def test_what_will_not_get_better_is_not_tried_again(world):
    run_id = running(world)
    world.script = {"a": [StepRefused("it would do harm", rule="S9")]}
    run = world.finish(run_id)
    assert world.applied == ["a"]
    assert "S9" in (run.outcome or "")


@pytest.mark.parametrize("bug", [ZeroDivisionError("bug"), KeyError("bug")])
def test_a_bug_in_a_step_is_a_failed_step_and_never_a_dead_run(world, bug):
    run_id = running(world)
    world.script = {"a": [bug]}
    run = world.finish(run_id)
    assert world.applied == ["a"]
    assert (run.verdict, world.step(run_id).lease) == (Verdict.FAILED, None)
    assert type(bug).__name__ in (run.outcome or "")


@pytest.mark.parametrize(
    ("error", "status"),
    [(StepRefused("all tasks are new"), RunStatus.STOPPED), (RuntimeError("bug"), RunStatus.STOPPED)],
)
def test_a_plan_that_refuses_or_breaks_stops_the_run_with_nothing_changed(world, error, status):
    world.plan_error = error
    run = world.finish(world.fire().parts[0].run_id)
    assert (run.status, run.verdict, world.applied) == (status, None, [])
    assert str(error) in (run.outcome or "")


def test_a_probe_that_is_throttled_while_planning_is_tried_again(make_world):
    world = make_world(runbooks=(make_world.runbook(verify=None),))
    world.probe_error = world.throttled
    run_id = world.fire().parts[0].run_id
    world.busy = False
    world.parts.engine.checks.pop("busy")
    world.finish(run_id)  # without its check it stands aside: unknown is never a yes
    assert world.run(run_id).status is RunStatus.STOPPED

    world = make_world(runbooks=(make_world.runbook(verify=None, guards={"standAside": []}),))
    world.probe_error = world.throttled
    run_id = world.fire().parts[0].run_id
    world.until(run_id, lambda run: run.status is RunStatus.SLEEPING)
    world.probe_error = None
    world.until(run_id, lambda run: run.status is RunStatus.RUNNING)
    assert world.step(run_id, "look").status is StepStatus.DONE


def test_a_pending_change_is_looked_at_again_and_not_begun_again(world):
    run_id = running(world)
    world.script = {"a": [world.pending, world.pending]}
    step = world.turn(run_id)
    assert (step.kind, step.until) == ("sleep", world.now() + timedelta(seconds=10))
    began = world.step(run_id).progress[0].started_at
    assert world.finish(run_id).verdict is Verdict.VERIFIED
    assert world.applied == ["a", "a", "a"]
    assert (world.step(run_id).progress[0].started_at, world.step(run_id).attempt) == (began, 1)


def test_a_change_that_stays_pending_beyond_its_timeout_has_failed(make_world):
    steps = [{"id": "mend", "do": "fake.mend", "timeout": "1m"}]
    world = make_world(runbooks=(make_world.runbook(steps=steps),))
    run_id = running(world)
    world.script = {"a": [world.pending] * 99}
    run = world.finish(run_id)
    assert run.verdict is Verdict.FAILED
    assert "not done after 60 s" in (run.outcome or "")
    assert len(world.applied) <= 8
