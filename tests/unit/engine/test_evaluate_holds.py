"""The evaluator: what is not for now, how long it is held, and when it is left to people."""

from datetime import timedelta

from chalicelib.engine.evaluate import HOLD_S, QUEUE_S, evaluate
from chalicelib.models.decision import Outcome
from chalicelib.models.incident import IncidentState as I
from chalicelib.models.ledger import Fleet, Freeze, Ledger, Stop
from tests.unit.engine.situations import NOW, by_hand, cooling, opened, runbook, signal, situation, slot, stack


def test_a_cooldown_holds_and_says_when_it_is_looked_at_again():
    found = evaluate(situation(ledger=cooling()))
    assert (found.part.outcome, found.part.reconsider_at) == (Outcome.HOLD, NOW + timedelta(minutes=10))
    assert found.incident is not None
    assert (found.incident.state, found.incident.reconsider_at) == (I.OPEN, NOW + timedelta(minutes=10))
    assert "cooling down" in found.part.reasons[0]
    assert found.ledger is None


def test_the_second_incident_of_a_stack_is_held_and_told_which_run_is_in_progress():
    found = evaluate(situation(ledger=Ledger(stack="prod", active=(slot(),)), incident=opened(), reconsidering=True))
    assert (found.part.outcome, found.part.reconsider_at) == (Outcome.HOLD, NOW + timedelta(seconds=QUEUE_S))
    assert "r-other" in found.part.reasons[0]
    assert found.incident is not None
    assert found.incident.reconsidered == 0, "the other run ends by itself"


def test_a_stop_holds_until_people_resume():
    """S8"""
    stopped = Ledger(stack="prod", stop=Stop(by="ada", reason="upgrade"))
    found = evaluate(situation(ledger=stopped))
    assert (found.part.outcome, found.part.reconsider_at) == (Outcome.HOLD, NOW + timedelta(seconds=HOLD_S))
    assert "ada stopped prod: upgrade" in found.part.reasons[0]


def test_a_freeze_holds_what_starts_by_itself_and_not_people():
    frozen = Ledger(stack="prod", freezes=(Freeze(by="ada", reason="demo", until=NOW + timedelta(hours=1)),))
    assert evaluate(situation(ledger=frozen)).part.outcome is Outcome.HOLD
    assert evaluate(situation(by_hand(), ledger=frozen)).part.outcome is Outcome.RUN


def test_s7_when_many_stacks_fire_automatic_runs_hold():
    fleet = Fleet()
    for name in ("x", "y"):
        other = evaluate(situation(signal(stack=name), stack=stack(stack=name), fleet=fleet, runbooks=(runbook(),)))
        fleet = other.fleet or fleet
    found = evaluate(situation(fleet=fleet.model_copy(update={"active": ()})))
    assert found.part.outcome is Outcome.HOLD
    assert any(guard.guard == "fleet_brake" and not guard.passed for guard in found.part.guards)
    assert found.fleet is not None
    assert {trouble.stack for trouble in found.fleet.firing} == {"x", "y", "prod"}


def test_every_guard_is_asked_so_that_people_see_all_that_stands_in_the_way():
    both = cooling().model_copy(update={"stop": Stop(by="ada", reason="upgrade")})
    found = evaluate(situation(ledger=both))
    assert {guard.guard for guard in found.part.guards if not guard.passed} == {"stop", "cooldown"}


def test_what_was_asked_for_by_hand_is_refused_at_once_since_nobody_comes_back_to_it():
    found = evaluate(situation(by_hand(), ledger=Ledger(stack="prod", active=(slot(),))))
    assert (found.part.outcome, found.incident, found.ledger) == (Outcome.REFUSE, None, None)


def test_only_looking_again_is_counted_so_that_a_flapping_alarm_does_not_use_up_the_looks():
    incident = opened(reconsidered=3)
    again = evaluate(situation(ledger=cooling(), incident=incident, reconsidering=True))
    heard = evaluate(situation(ledger=cooling(), incident=incident))
    assert again.incident is not None
    assert heard.incident is not None
    assert (again.incident.reconsidered, heard.incident.reconsidered) == (4, 3)


def test_after_n_looks_it_is_refused_and_left_to_people():
    few = stack(limits={"maxReconsiders": 2})
    before = evaluate(situation(stack=few, ledger=cooling(), incident=opened(reconsidered=1), reconsidering=True))
    assert before.part.outcome is Outcome.HOLD
    found = evaluate(situation(stack=few, ledger=cooling(), incident=opened(reconsidered=2), reconsidering=True))
    assert found.part.outcome is Outcome.REFUSE
    assert found.incident is not None
    assert found.incident.state is I.NEEDS_HUMAN
    assert "held 2 times" in (found.incident.reason or "")


def test_s6_an_alarm_that_was_muted_while_it_was_held_is_held_on():
    muted = signal(actionable=False, reason="the alarm is muted")
    found = evaluate(situation(muted, incident=opened(), reconsidering=True))
    assert found.part.outcome is Outcome.HOLD
    assert "muted" in found.part.reasons[0]
