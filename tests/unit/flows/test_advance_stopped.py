"""A run that may not act, is stopped or cancelled changes nothing more, and says what is half done (S8, S21)."""

import pytest

from chalicelib.errors import StoreUnavailable
from chalicelib.flows.approve import cancel
from chalicelib.flows.stop import stop
from chalicelib.models.incident import IncidentState
from chalicelib.models.ledger import Stop
from chalicelib.models.run import Mode, RunStatus, StepStatus, Verdict
from tests.unit.flows.underway import slow, started


@pytest.mark.parametrize(("level", "mode", "told"), [("suggest", Mode.SUGGEST, ["suggestion"]),
                                                     ("shadow", Mode.SHADOW, [])])  # fmt: skip
def test_s21_suggest_and_shadow_plan_and_change_nothing(make_world, level, mode, told):
    world = make_world(stacks=(make_world.stack(autonomy=level),), runbooks=(make_world.runbook(tell={"on": ["end"]}),))
    decision = world.fire()
    run = world.finish(decision.parts[0].run_id)
    assert (run.mode, run.status, run.verdict) == (mode, RunStatus.FINISHED, None)
    assert [change.sentence for change in world.step(run.id).changes] == ["mend a"]
    assert (world.applied, world.items["a"]) == ([], "sick")
    assert all(plan_mode for _, plan_mode in world.sessions.asked), "every session refuses what is not read-only"
    assert world.told() == told
    assert world.incident(decision).state is IncidentState.NEEDS_HUMAN


def test_steps_that_act_get_a_session_that_may_and_probes_never_do(world):
    run_id = started(world)
    world.finish(run_id)
    acting = {step for step, plan_mode in world.sessions.asked if not plan_mode}
    assert acting == {"mend"}


def test_s8_a_stopped_run_halts_where_it_is_and_says_what_is_half_done(world):
    run_id = slow(world)
    stop(world.parts, stack="prod", by="ada", reason="upgrade")
    run = world.finish(run_id)
    assert (run.status, run.verdict, run.needs_person) == (RunStatus.STOPPED, Verdict.INCONCLUSIVE, True)
    assert "half done: mend a" in (run.outcome or "")
    assert "1 not begun" in (run.outcome or "")
    assert world.applied == ["a"]
    assert world.parts.engine.ledgers.read("prod").active == ()


def somebody_stops_it_before_the_second_look(world):
    reads = []

    def stop_late(call, key):
        if call == "get" and key.sk == "LEDGER" and key.pk == "STACK#prod":
            reads.append(key)
            if len(reads) == 2:
                world.parts.engine.ledgers.stop("prod", Stop(by="ada", reason="now"))

    world.table.fails = stop_late


def test_s8_a_stop_before_the_second_change_says_what_is_half_done_too(world):
    world.items = {"a": "sick", "b": "sick"}
    run_id = started(world)
    world.until(run_id, lambda run: bool(world.applied))
    somebody_stops_it_before_the_second_look(world)
    world.once(run_id)
    run = world.run(run_id)
    assert (run.status, world.applied) == (RunStatus.STOPPED, ["a"])
    assert "ada stopped prod: now (1 change(s) done, 1 not begun)" in (run.outcome or "")


def test_s8_a_stop_between_the_decision_and_the_change_keeps_the_change_from_being_made(world):
    """Set after the conductor looked, read again right before the call."""
    run_id = started(world)
    world.until(run_id, lambda run: run.status is RunStatus.RUNNING)
    somebody_stops_it_before_the_second_look(world)
    world.once(run_id)
    assert world.applied == []
    assert world.run(run_id).status is RunStatus.STOPPED


def test_s8_a_stop_flag_that_cannot_be_read_means_stopped(world):
    run_id = started(world)
    world.until(run_id, lambda run: run.status is RunStatus.RUNNING)
    unreadable = StoreUnavailable("reading", "no network")
    world.table.fails = lambda call, key: unreadable if call == "get" and key.sk == "LEDGER" else None
    world.once(run_id)
    assert world.run(run_id).status is RunStatus.STOPPED
    assert "could not be read" in (world.run(run_id).outcome or "")
    assert world.applied == []


def test_the_change_in_flight_is_finished_when_a_run_is_cancelled(world):
    run_id = slow(world)
    cancel(world.parts, run_id, by="ada", reason="wrong stack")
    run = world.finish(run_id)
    assert (run.status, run.verdict) == (RunStatus.CANCELLED, Verdict.INCONCLUSIVE)
    assert world.items == {"a": "well", "b": "sick"}
    assert "ada" in (run.outcome or "")


def test_on_cancel_really_acts_although_the_run_is_cancelled(make_world):
    steps = [
        {"id": "mend", "do": "fake.mend", "with": {"max": 1}, "onCancel": "step:tidy"},
        {"id": "wait", "do": "wait_until", "with": {"checks": ["busy"], "within": "1h", "every": "30s"}},
        {"id": "tidy", "do": "fake.mend"},
    ]  # fmt: skip
    world = make_world(runbooks=(make_world.runbook(steps=steps),))
    world.items = {"a": "sick", "b": "sick"}
    run_id = started(world)
    world.until(run_id, lambda run: run.cursor == "wait" and bool(world.applied))
    cancel(world.parts, run_id, by="ada", reason="enough")
    run = world.finish(run_id)
    assert run.status is RunStatus.CANCELLED
    assert world.step(run_id, "tidy").status is StepStatus.DONE
    assert world.items == {"a": "well", "b": "well"}


def test_a_cancelled_run_that_changed_nothing_is_over_at_once(world):
    run_id = started(world)
    world.until(run_id, lambda run: run.status is RunStatus.PLANNING)
    cancel(world.parts, run_id, by="ada", reason="never mind")
    run = world.finish(run_id)
    assert (run.status, run.verdict, world.applied) == (RunStatus.CANCELLED, None, [])
