"""Runs from their admission to their end, move by move."""

from datetime import timedelta

import pytest

from chalicelib.errors import AwsDenied, StoreUnavailable
from chalicelib.flows.advance import MOST_MOVES, advance
from chalicelib.flows.approve import cancel
from chalicelib.flows.stop import stop
from chalicelib.models.incident import IncidentState
from chalicelib.models.ledger import Stop
from chalicelib.models.run import Mode, RunStatus, StepStatus, Verdict


def started(world, **more):
    return world.fire(**more).parts[0].run_id


def test_an_alarm_becomes_a_verified_remediation_that_people_hear_of(world):
    decision = world.fire()
    run = world.finish(decision.parts[0].run_id)
    assert (run.status, run.verdict, run.needs_person) == (RunStatus.FINISHED, Verdict.VERIFIED, False)
    assert (world.applied, world.items) == (["a"], {"a": "well", "b": "well"})
    assert world.incident(decision).state is IncidentState.QUIET
    assert world.told() == ["start", "end"]
    assert run.released.all_done
    assert run.first_action_at is not None
    ledger = world.parts.engine.ledgers.read("prod")
    assert (ledger.active, ledger.outbox) == ((), ())
    assert "mend" in ledger.cooldowns
    assert world.parts.engine.ledgers.read_fleet().active == ()


def test_the_timeline_reads_as_a_story(world):
    run_id = started(world)
    world.finish(run_id)
    words = world.words(run_id)
    order = ["preflight", "planned", "change_done", "step_done", "verifying", "sample", "verdict", "told"]
    positions = [len(words) - 1 - words[::-1].index(word) if word == "told" else words.index(word) for word in order
                 if word != "step_done"]  # fmt: skip
    assert positions == sorted(positions)
    moments = world.parts.engine.runs.moments(run_id)
    assert [moment.seq for moment in moments] == list(range(1, len(moments) + 1))


def test_the_incident_shows_what_its_run_is_doing(world):
    decision = world.fire()
    assert world.incident(decision).state is IncidentState.ACTING
    world.until(decision.parts[0].run_id, lambda run: run.status is RunStatus.VERIFYING)
    assert world.incident(decision).state is IncidentState.VERIFYING


def test_s2_a_signal_that_the_stack_does_not_confirm_changes_nothing(world):
    world.items["a"] = "well"
    decision = world.fire()
    run = world.finish(decision.parts[0].run_id)
    assert (run.verdict, world.applied) == (Verdict.RECOVERED_BEFORE_ACTION, [])
    assert world.incident(decision).state is IncidentState.QUIET


def test_s2_a_signal_that_cannot_be_confirmed_is_looked_at_again_later(world):
    world.probe_error = world.throttled
    decision = world.fire()
    run = world.finish(decision.parts[0].run_id)
    assert (run.status, run.verdict, world.applied) == (RunStatus.STOPPED, None, [])
    assert "could not be confirmed" in (run.outcome or "")
    incident = world.incident(decision)
    assert incident.state is IncidentState.OPEN
    assert incident.reconsider_at is not None


@pytest.mark.parametrize("error", [AwsDenied("sts:AssumeRole", "AccessDenied", "no"), KeyError("a bug")])
def test_s3_a_role_that_cannot_be_assumed_or_a_bug_in_a_probe_is_our_trouble_not_a_dead_run(world, error):
    world.sessions.error = error
    run = world.finish(started(world))
    assert run.status is RunStatus.STOPPED
    assert "could not be confirmed" in (run.outcome or "")


def test_s6_it_stands_aside_while_somebody_else_is_at_work(world):
    world.busy = True
    decision = world.fire()
    run = world.finish(decision.parts[0].run_id)
    assert run.status is RunStatus.STOPPED
    assert "busy" in (run.outcome or "")
    assert world.applied == []
    world.busy = False
    world.wait(minutes=20)
    assert world.sweep().reconsidered == 1
    again = world.incident(decision).run_id
    assert world.finish(again).verdict is Verdict.VERIFIED


def test_a_stack_that_does_not_recover_fails_and_calls_people(make_world):
    world = make_world()
    run_id = started(world)
    world.until(run_id, lambda run: run.status is RunStatus.VERIFYING)
    world.items["a"] = "sick"
    run = world.finish(run_id)
    assert (run.verdict, run.needs_person) == (Verdict.FAILED, True)
    assert world.parts.engine.incidents.get(run.incident_id).state is IncidentState.NEEDS_HUMAN
    assert len(world.parts.engine.ledgers.read_fleet().failed) == 1


def test_s5_blind_verification_is_inconclusive(world):
    run_id = started(world)
    world.until(run_id, lambda run: run.status is RunStatus.VERIFYING)
    world.probe_error = world.throttled
    run = world.finish(run_id)
    assert (run.verdict, run.needs_person) == (Verdict.INCONCLUSIVE, True)


def test_a_recovery_before_the_first_change_ends_the_run(world):
    run_id = started(world)
    world.until(run_id, lambda run: run.plan_sealed)
    world.wait(seconds=1)
    world.resolve()
    run = world.finish(run_id)
    assert (run.verdict, world.applied) == (Verdict.RECOVERED_BEFORE_ACTION, [])


def test_when_there_is_nothing_to_change_it_keeps_looking_and_then_leaves_it_to_people(make_world):
    steps = [{"id": "mend", "do": "fake.mend", "when": "`false`"}]
    world = make_world(runbooks=(make_world.runbook(steps=steps),))
    decision = world.fire()
    run = world.finish(decision.parts[0].run_id)
    assert (run.verdict, run.needs_person, world.applied) == (None, True, [])
    assert world.incident(decision).state is IncidentState.NEEDS_HUMAN


# -- who may act -------------------------------------------------------------------------------


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


# -- stop and cancel ---------------------------------------------------------------------------


def slow(world):
    world.items = {"a": "sick", "b": "sick"}
    world.script = {"a": [world.pending]}
    run_id = started(world)
    world.until(run_id, lambda run: bool(world.applied))
    return run_id


def test_s8_a_stopped_run_halts_where_it_is_and_says_what_is_half_done(world):
    run_id = slow(world)
    stop(world.parts, stack="prod", by="ada", reason="upgrade")
    run = world.finish(run_id)
    assert (run.status, run.verdict, run.needs_person) == (RunStatus.STOPPED, Verdict.INCONCLUSIVE, True)
    assert "half done: mend a" in (run.outcome or "")
    assert "1 not begun" in (run.outcome or "")
    assert world.applied == ["a"]
    assert world.parts.engine.ledgers.read("prod").active == ()


def test_s8_a_stop_before_the_second_change_says_what_is_half_done_too(world):
    world.items = {"a": "sick", "b": "sick"}
    run_id = started(world)
    world.until(run_id, lambda run: bool(world.applied))
    reads = []

    def stop_late(call, key):
        if call == "get" and key.sk == "LEDGER" and key.pk == "STACK#prod":
            reads.append(key)
            if len(reads) == 2:
                world.parts.engine.ledgers.stop("prod", Stop(by="ada", reason="now"))

    world.table.fails = stop_late
    world.once(run_id)
    run = world.run(run_id)
    assert (run.status, world.applied) == (RunStatus.STOPPED, ["a"])
    assert "ada stopped prod: now (1 change(s) done, 1 not begun)" in (run.outcome or "")


def test_s8_a_stop_between_the_decision_and_the_change_keeps_the_change_from_being_made(world):
    """Set after the conductor looked, read again right before the call."""
    run_id = started(world)
    world.until(run_id, lambda run: run.status is RunStatus.RUNNING)
    reads = []

    def stop_late(call, key):
        if call == "get" and key.sk == "LEDGER" and key.pk == "STACK#prod":
            reads.append(key)
            if len(reads) == 2:
                world.parts.engine.ledgers.stop("prod", Stop(by="ada", reason="now"))

    world.table.fails = stop_late
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


# -- waiting -----------------------------------------------------------------------------------

WAITING = [
    {"id": "mend", "do": "fake.mend", "with": {"max": 1}},
    {"id": "quiet", "do": "wait_until", "with": {"checks": ["busy"], "within": "10m", "hold": "1m", "every": "30s"}},
]


def test_the_time_of_a_wait_begins_when_the_run_gets_there(make_world):
    world = make_world(runbooks=(make_world.runbook(steps=WAITING),))
    world.script = {"a": [world.pending] * 80}
    run_id = started(world)
    world.until(run_id, lambda run: run.cursor == "quiet" and world.items["a"] == "well", moves=400)
    assert world.now() - world.run(run_id).created_at > timedelta(minutes=10)
    assert world.step(run_id, "quiet").status is StepStatus.WAITING


def test_a_wait_ends_when_its_checks_held_and_fails_when_they_never_did(make_world):
    world = make_world(runbooks=(make_world.runbook(steps=WAITING, guards={"standAside": []}),))
    run_id = started(world)
    world.until(run_id, lambda run: run.cursor == "quiet" and bool(world.applied))
    began = world.now()
    world.busy = True
    world.until(run_id, lambda run: world.step(run_id, "quiet").status is StepStatus.DONE)
    assert world.now() - began >= timedelta(minutes=1)

    other = make_world(runbooks=(make_world.runbook(steps=WAITING),))
    run = other.finish(started(other))
    assert run.verdict is Verdict.FAILED
    assert "not within 10m" in (run.outcome or "")


def test_worse_news_makes_a_run_that_only_waits_make_room(make_world):
    world = make_world(runbooks=(make_world.runbook(steps=WAITING),))
    run_id = started(world)
    world.until(run_id, lambda run: run.cursor == "quiet" and bool(world.applied))
    held = world.fire("e2", name="prod-latency")
    assert held.parts[0].reconsider_at is not None
    world.turn(run_id)
    world.wait(seconds=31)
    world.turn(run_id)
    assert world.run(run_id).status is RunStatus.VERIFYING


# -- executions --------------------------------------------------------------------------------


def test_an_advance_of_an_older_generation_ends_silently(world):
    run_id = started(world)
    run = world.run(run_id)
    world.parts.engine.runs.save(run.model_copy(update={"generation": 2}))
    before = world.table.writes
    assert advance(world.parts, run_id, 1, "w").kind == "succeed"
    assert world.table.writes == before


def test_a_run_that_does_not_exist_fails_its_execution(world):
    assert advance(world.parts, "r-none", 1, "w").kind == "fail"


def test_after_too_many_moves_the_next_execution_takes_over(world):
    run_id = started(world)
    world.driver.due(world.now())
    world.parts.engine.runs.save(world.run(run_id).model_copy(update={"moves": MOST_MOVES}))
    assert world.once(run_id).kind == "succeed"
    assert world.run(run_id).generation == 2
    assert world.driver.due(world.now()) == [(run_id, 2)]
    assert world.finish(run_id).verdict is Verdict.VERIFIED


def test_a_ring_while_it_decides_keeps_it_from_lying_down(world):
    run_id = slow(world)
    world.parts.engine.runs.ring(run_id)
    assert world.once(run_id).kind == "advance"
    assert world.once(run_id).kind == "sleep"


def test_a_channel_that_fails_holds_nothing(world):
    world.channel.send = None  # a bug in a channel
    run = world.finish(started(world))
    assert run.verdict is Verdict.VERIFIED
    assert run.released.all_done
    assert "not_told" in world.words(run.id)
