"""What nobody else comes back to (S31): held incidents, silent ones, dead workers, questions that ran out."""

from dataclasses import replace

import pytest

from chalicelib.catalog.match import Matcher
from chalicelib.errors import StoreUnavailable
from chalicelib.flows.approve import answer
from chalicelib.flows.start import Request, start
from chalicelib.flows.stop import resume, stop
from chalicelib.models.approval import ApprovalState
from chalicelib.models.decision import DecisionState, Outcome
from chalicelib.models.incident import IncidentState
from chalicelib.models.run import RunStatus, Verdict
from chalicelib.observability import Metric


def test_with_nothing_to_do_it_still_says_that_it_lives(world):
    swept = world.sweep()
    assert (swept.failed, swept.reconsidered, swept.resumed) == ((), 0, 0)
    assert world.telemetry.counts[Metric.HEARTBEAT, None] == 1


# -- held incidents ----------------------------------------------------------------------------


def test_a_held_incident_is_looked_at_again_as_a_decision_that_names_its_predecessor(world):
    stop(world.parts, stack="prod", by="ada", reason="upgrade")
    held = world.fire()
    assert held.outcome is Outcome.HOLD
    assert world.sweep().reconsidered == 0, "not before it is due"
    world.wait(seconds=301)
    assert world.sweep().reconsidered == 1
    first = next(d for d in world.parts.decisions.recent("prod").rows if d.event_id != "e1")
    assert (first.outcome, first.predecessor, first.trigger) == (
        Outcome.HOLD,
        "e1",
        {"reconsider": first.parts[0].incident_id},
    )

    resume(world.parts, stack="prod")
    world.wait(seconds=301)
    assert world.sweep().reconsidered == 1
    second = next(d for d in world.parts.decisions.recent("prod").rows if d.predecessor == first.event_id)
    assert (second.outcome, second.attempt) == (Outcome.RUN, 2)
    assert world.finish(second.parts[0].run_id).verdict is Verdict.VERIFIED


def test_after_n_looks_it_is_refused_and_people_are_told_once(make_world):
    world = make_world(stacks=(make_world.stack(limits={"maxReconsiders": 3}),))
    stop(world.parts, stack="prod", by="ada", reason="upgrade")
    decision = world.fire()
    for _ in range(8):
        world.wait(seconds=301)
        world.sweep()
    outcomes = [d.outcome for d in world.parts.decisions.recent("prod").rows]
    assert outcomes == [Outcome.REFUSE, *[Outcome.HOLD] * 4]
    assert world.incident(decision).state is IncidentState.NEEDS_HUMAN
    assert world.told() == ["refusal"]


def test_the_second_incident_gets_its_turn_when_the_first_run_is_over(world):
    first = world.fire()
    second = world.fire("e2", name="prod-latency")
    world.finish(first.parts[0].run_id)
    world.items["b"] = "sick"
    world.wait(minutes=16)
    assert world.sweep().reconsidered == 1
    run_id = world.incident(second).run_id
    assert run_id is not None
    assert world.finish(run_id).verdict is Verdict.VERIFIED


def test_an_incident_that_a_look_leaves_as_it_was_is_escalated_instead_of_looked_at_for_ever(make_world):
    """Its runbook was taken away meanwhile."""
    world = make_world()
    stop(world.parts, stack="prod", by="ada", reason="upgrade")
    decision = world.fire()
    world.with_parts(matcher=Matcher.of(()))
    for _ in range(4):
        world.wait(seconds=301)
        world.sweep()
    assert world.incident(decision).state is IncidentState.NEEDS_HUMAN
    assert world.told() == ["escalation"]


def test_s6_an_alarm_muted_meanwhile_is_not_acted_on(world):
    stop(world.parts, stack="prod", by="ada", reason="upgrade")
    world.fire()
    world.wait(seconds=60)
    world.fire("e2", detail={"muteDetail": {"mutedByArn": "arn:aws:cloudwatch:eu-west-2:111122223333:mute:m"}})
    resume(world.parts, stack="prod")
    world.wait(seconds=301)
    world.sweep()
    latest = world.parts.decisions.recent("prod").rows[0]
    assert latest.outcome is Outcome.HOLD
    assert world.parts.engine.runs.recent("prod").rows == ()


# -- incidents that end, and those with nobody on them -----------------------------------------


def test_a_settled_incident_is_closed_and_the_next_firing_is_another(world):
    first = world.fire()
    world.finish(first.parts[0].run_id)
    world.wait(seconds=299)
    assert world.sweep().closed == 0
    world.wait(seconds=2)
    assert world.sweep().closed == 1
    assert world.incident(first).state is IncidentState.CLOSED
    assert world.parts.engine.incidents.open_of("prod") == ()
    world.wait(minutes=20)
    assert world.fire("e2").parts[0].incident_id != first.parts[0].incident_id


def test_an_incident_that_fires_again_before_it_settled_is_not_closed(world):
    first = world.fire()
    world.finish(first.parts[0].run_id)
    world.wait(seconds=100)
    world.fire("e2")
    world.wait(seconds=250)
    assert world.sweep().closed == 0
    assert world.incident(first).state is IncidentState.OPEN


def test_s31_an_open_incident_with_nobody_on_it_is_escalated_once(world):
    """Its worker died right after opening it, and the event never came again."""
    world.table.die_after = 3
    with pytest.raises(world.Died):
        world.fire()
    world.table.die_after = None
    (incident,) = world.parts.engine.incidents.open_of("prod")
    world.parts.decisions.decide(
        world.parts.decisions.get("e1").model_copy(update={"state": DecisionState.DECIDED, "outcome": Outcome.IGNORE})
    )
    world.wait(minutes=11)
    assert world.sweep().escalated == 1
    assert world.parts.engine.incidents.get(incident.id).state is IncidentState.NEEDS_HUMAN
    world.wait(minutes=30)
    assert world.sweep().escalated == 0
    assert world.told() == ["escalation"]


def test_an_incident_of_a_stack_that_was_taken_out_of_care_does_not_stop_the_sweep(world):
    stop(world.parts, stack="prod", by="ada", reason="upgrade")
    decision = world.fire()
    world.with_parts(engine=replace(world.parts.engine, stacks={}))
    world.wait(minutes=20)
    for _ in range(3):
        assert world.sweep().failed == ()
        world.wait(minutes=10)
    assert world.incident(decision).state in {IncidentState.NEEDS_HUMAN, IncidentState.OPEN}


# -- questions, and what fails -----------------------------------------------------------------


def test_an_expired_question_ends_its_run(make_world):
    world = make_world(runbooks=(make_world.runbook(autonomy="approve"),))
    run_id = world.fire().parts[0].run_id
    world.turn(run_id)
    world.driver.due(world.now())
    world.wait(hours=4, seconds=1)
    assert world.sweep().expired == 1
    assert world.parts.engine.approvals.current(run_id).state is ApprovalState.EXPIRED
    assert world.run(run_id).woken
    assert world.finish(run_id).status is RunStatus.STOPPED
    assert world.sweep().expired == 0


def test_an_answered_question_does_not_expire(make_world):
    world = make_world(runbooks=(make_world.runbook(autonomy="approve"),))
    run_id = world.fire().parts[0].run_id
    world.turn(run_id)
    answer(world.parts, run_id, approve=True, by="ada", reason="yes")
    world.wait(hours=5)
    assert world.sweep().expired == 0
    assert world.parts.engine.approvals.current(run_id).state is ApprovalState.APPROVED


def test_one_item_that_fails_does_not_stop_the_rest(make_world):
    world = make_world(stacks=(make_world.stack("prod"), make_world.stack("other")))
    for name in ("prod", "other"):
        start(world.parts, Request(runbook="mend", stack=name, principal="ada", key=name))
    world.wait(minutes=7)
    world.table.fails = lambda call, key: StoreUnavailable("reading", "y") if key.pk == "STACK#prod" else None
    swept = world.sweep()
    assert len(swept.failed) == 1
    assert "outbox of prod" in swept.failed[0]
    assert swept.resumed == 2
    assert swept.as_json()["resumed"] == 2


def test_a_run_too_large_to_be_stored_gives_its_slot_back(make_world):
    fat = make_world.runbook(description="x" * 30_000)
    world = make_world(runbooks=(fat,))
    world.fire()
    assert world.parts.engine.runs.recent("prod").rows == ()
    ledger = world.parts.engine.ledgers.read("prod")
    assert (ledger.active, ledger.outbox, world.parts.engine.ledgers.read_fleet().active) == ((), (), ())
