"""Runs from their admission to their end, move by move."""

from datetime import timedelta

import pytest

from chalicelib.errors import AwsDenied
from chalicelib.flows.advance import MOST_MOVES, advance
from chalicelib.models.incident import IncidentState
from chalicelib.models.run import RunStatus, StepStatus, Verdict
from tests.unit.flows.underway import slow, started


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
