"""The one evaluator: what is decided about a signal, and why. Pure, so every case is a value."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.engine.admission import Ids
from chalicelib.engine.evaluate import HOLD_S, QUEUE_S, Situation, evaluate
from chalicelib.engine.incidents import acting, hear, move, needs_human, open_incident
from chalicelib.guards.admit import admit, release
from chalicelib.models.decision import Outcome
from chalicelib.models.incident import IncidentState as I
from chalicelib.models.ledger import Fleet, FleetLimits, Freeze, Ledger, Reservation, Slot, Stop
from chalicelib.models.run import Mode, Run
from chalicelib.models.runbook import Runbook
from chalicelib.models.signal import Signal, SignalKind, SignalState
from chalicelib.models.stack import Stack
from chalicelib.models.words import utc

NOW = utc("2026-11-02T09:00:00+00:00")
ACCOUNT = "111122223333"


def runbook(autonomy: str = "auto", **guards: Any) -> Runbook:
    return Runbook.model_validate(
        {
            "runbook": "mend",
            "title": "Mend it",
            "on": [{"alarm": {}}, {"manual": {}}],
            "autonomy": autonomy,
            "guards": {"cooldown": "15m", "maxRuns": {"count": 3, "per": "6h"}, **guards},
            "inputs": {"max": {"type": "integer", "default": 1}},
            "steps": [{"id": "mend", "do": "fake.mend"}],
        }  # fmt: skip
    )


def stack(autonomy: str = "auto", **more: Any) -> Stack:
    return Stack.model_validate(
        {
            "stack": "prod",
            "region": "eu-west-2",
            "account": ACCOUNT,
            "autonomy": autonomy,
            "ecs": {"cluster": "c", "service": "s"},
            **more,
        }  # fmt: skip
    )


def signal(state: str = "firing", **more: Any) -> Signal:
    facts = {
        "id": "e1", "kind": SignalKind.ALARM, "state": SignalState(state), "name": "down", "resource": "c/s",
        "source": "eventbridge", "occurred_at": NOW, "actionable": state == "firing", "stack": "prod",
        "account": ACCOUNT, "region": "eu-west-2",
    }  # fmt: skip
    return Signal.model_validate({**facts, **more})


def by_hand(mode: str = "live", **more: Any) -> Signal:
    facts = {"mode": mode, "principal": "ada", "inputs": {"max": 2}, "undo_of": None, **more}
    return signal(kind=SignalKind.MANUAL, account=None, region=None, name="mend", resource="prod", facts=facts)


def situation(one: Signal | None = None, **more: Any) -> Situation:
    one = one or signal()
    facts = {
        "signal": one, "stack": stack(), "runbooks": (runbook(),), "incident": None, "ledger": Ledger(stack="prod"),
        "fleet": Fleet(), "limits": FleetLimits(stacks=10), "now": NOW, "ids": Ids.of(one.id, one.id),
        "own_account": ACCOUNT,
    }  # fmt: skip
    return Situation(**{**facts, **more})


def opened(**update: Any):
    return hear(open_incident(signal(), "i-1", NOW), signal(), NOW).model_copy(update=update)


def test_a_firing_that_a_runbook_reacts_to_is_admitted_and_its_incident_is_acted_on():
    found = evaluate(situation())
    assert (found.part.outcome, found.part.runbook) == (Outcome.RUN, "mend")
    assert found.incident is not None
    assert (found.incident.state, found.incident.run_id) == (I.ACTING, found.part.run_id)
    assert found.ledger is not None
    assert [slot.run_id for slot in found.ledger.active] == [found.part.run_id]
    assert found.fleet is not None
    assert [reservation.run_id for reservation in found.fleet.active] == [found.part.run_id]
    run = Run.model_validate(found.ledger.outbox[0].request)
    assert (run.mode, run.alarms, run.incident_id) == (Mode.LIVE, ("down",), found.incident.id)


@pytest.mark.parametrize(
    ("one", "outcome", "word"),
    [
        (signal(kind=SignalKind.INVALID, reason="no such event"), Outcome.INVALID, "no such event"),
        (signal(echo_of="r-7"), Outcome.IGNORE, "r-7"),
        (signal("info", reason="task started"), Outcome.IGNORE, "task started"),
        (signal("resolved"), Outcome.IGNORE, "no incident is open"),
        (signal(actionable=False, reason="the alarm is muted"), Outcome.IGNORE, "muted"),
    ],
    ids=["invalid", "echo", "info", "resolved", "s6 muted"],
)
def test_what_is_not_for_acting_is_said_by_name_and_opens_nothing(one, outcome, word):
    found = evaluate(situation(one))
    assert (found.part.outcome, found.incident, found.ledger) == (outcome, None, None)
    assert word in found.part.reasons[0]


def test_a_signal_of_no_known_stack_is_ignored_with_the_reason():
    why = "not tied to a stack: it fits several stacks"
    found = evaluate(situation(signal(stack=None, reason=why), stack=None))
    assert (found.part.outcome, found.part.reasons) == (Outcome.IGNORE, (why,))


def test_what_no_runbook_reacts_to_opens_no_incident():
    found = evaluate(situation(runbooks=()))
    assert (found.part.outcome, found.incident) == (Outcome.IGNORE, None)


def test_a_resolved_tells_its_incident_and_rings_the_run_that_is_on_it():
    incident = acting(opened(), "r-1", NOW)
    found = evaluate(situation(signal("resolved", occurred_at=NOW + timedelta(seconds=5)), incident=incident))
    assert (found.part.outcome, found.ring) == (Outcome.IGNORE, "r-1")
    assert found.incident is not None
    assert found.incident.firing == ()


@pytest.mark.parametrize("state", [I.ACTING, I.AWAITING, I.VERIFYING])
def test_while_a_run_is_on_it_a_signal_is_appended_and_rings_the_run(state):
    incident = acting(opened(), "r-1", NOW)
    incident = incident if state is I.ACTING else move(incident, state, NOW)
    found = evaluate(situation(signal(id="e2"), incident=incident, ids=Ids.of("e2", "e2")))
    assert (found.part.outcome, found.ring, found.ledger) == (Outcome.IGNORE, "r-1", None)
    assert "r-1 is on it" in found.part.reasons[0]


def test_no_automatic_run_while_it_waits_for_a_person():
    found = evaluate(situation(incident=needs_human(opened(), NOW, "did not help")))
    assert found.part.outcome is Outcome.IGNORE
    assert "person" in found.part.reasons[0]


# -- S2: whose signal it is --------------------------------------------------------------------

STRANGERS = [{"account": "999900001111"}, {"region": "us-east-1"}, {"account": None}, {"stack": "other"}]


@pytest.mark.parametrize("strange", STRANGERS, ids=["account", "region", "no account", "stack"])
def test_s2_a_signal_of_another_account_or_region_is_refused_and_opens_nothing(strange):
    found = evaluate(situation(signal(**strange)))
    assert (found.part.outcome, found.incident, found.ledger) == (Outcome.REFUSE, None, None)
    assert found.part.guards


@pytest.mark.parametrize("strange", STRANGERS[:2], ids=["account", "region"])
@pytest.mark.parametrize("state", ["firing", "resolved", "info"])
def test_s2_a_forged_signal_neither_ends_an_incident_nor_takes_it_from_automation(strange, state):
    found = evaluate(situation(signal(state, occurred_at=NOW + timedelta(seconds=9), **strange), incident=opened()))
    assert found.incident is None
    assert found.ring is None


def test_a_signal_that_is_too_old_is_refused_for_good_and_left_to_people():
    found = evaluate(situation(signal(occurred_at=NOW - timedelta(hours=2))))
    assert found.part.outcome is Outcome.REFUSE
    assert found.incident is not None
    assert found.incident.state is I.NEEDS_HUMAN


def test_a_held_signal_that_is_looked_at_again_is_not_too_old():
    old = signal(occurred_at=NOW - timedelta(hours=2))
    assert evaluate(situation(old, incident=opened(), reconsidering=True)).part.outcome is Outcome.RUN


# -- S21: as far as the stack lets it ----------------------------------------------------------


@pytest.mark.parametrize(
    ("cap", "wants", "outcome", "mode"),
    [
        ("shadow", "auto", Outcome.SUGGEST, Mode.SHADOW),
        ("suggest", "auto", Outcome.SUGGEST, Mode.SUGGEST),
        ("approve", "auto", Outcome.ASK, Mode.LIVE),
        ("auto", "auto", Outcome.RUN, Mode.LIVE),
        ("auto", "approve", Outcome.ASK, Mode.LIVE),
        ("auto", "suggest", Outcome.SUGGEST, Mode.SUGGEST),
        ("auto", "shadow", Outcome.SUGGEST, Mode.SHADOW),
        ("suggest", "shadow", Outcome.SUGGEST, Mode.SHADOW),
    ],
)
def test_s21_a_stack_s_level_caps_its_runbooks(cap, wants, outcome, mode):
    found = evaluate(situation(stack=stack(cap), runbooks=(runbook(wants),)))
    assert found.part.outcome is outcome
    assert found.ledger is not None
    run = Run.model_validate(found.ledger.outbox[0].request)
    assert run.mode is mode
    assert bool(found.ledger.active) is (mode is Mode.LIVE), "what only looks takes no slot"


@pytest.mark.parametrize(("cap", "outcome", "mode"), [("suggest", Outcome.SUGGEST, Mode.SUGGEST),
                                                      ("approve", Outcome.ASK, Mode.LIVE)])  # fmt: skip
def test_s21_a_person_is_capped_by_the_stack_too(cap, outcome, mode):
    found = evaluate(situation(by_hand(), stack=stack(cap)))
    assert found.part.outcome is outcome
    assert found.ledger is not None
    assert Run.model_validate(found.ledger.outbox[0].request).mode is mode


def test_a_plan_asked_for_by_hand_is_a_run_that_takes_no_slot_and_opens_no_incident():
    found = evaluate(situation(by_hand("plan"), ledger=Ledger(stack="prod", active=(_slot(),))))
    assert (found.part.outcome, found.incident) == (Outcome.RUN, None)
    assert found.ledger is not None
    run = Run.model_validate(found.ledger.outbox[0].request)
    assert (run.mode, run.started_by, run.inputs) == (Mode.PLAN, "ada", {"max": 2})
    assert [slot.run_id for slot in found.ledger.active] == ["r-other"]


def test_a_request_by_hand_keeps_its_reason_and_what_it_undoes():
    asked = by_hand(undo_of="r-7").model_copy(update={"reason": "users complain"})
    found = evaluate(situation(asked))
    assert found.ledger is not None
    run = Run.model_validate(found.ledger.outbox[0].request)
    assert (run.reason, run.undo_of) == ("users complain", "r-7")


# -- not now -----------------------------------------------------------------------------------


def _slot() -> Slot:
    return Slot(run_id="r-other", runbook="mend", since=NOW)


def _cooling(minutes: int = 10) -> Ledger:
    return Ledger(stack="prod", cooldowns={"mend": NOW + timedelta(minutes=minutes)})


def test_a_cooldown_holds_and_says_when_it_is_looked_at_again():
    found = evaluate(situation(ledger=_cooling()))
    assert (found.part.outcome, found.part.reconsider_at) == (Outcome.HOLD, NOW + timedelta(minutes=10))
    assert found.incident is not None
    assert (found.incident.state, found.incident.reconsider_at) == (I.OPEN, NOW + timedelta(minutes=10))
    assert "cooling down" in found.part.reasons[0]
    assert found.ledger is None


def test_the_second_incident_of_a_stack_is_held_and_told_which_run_is_in_progress():
    found = evaluate(situation(ledger=Ledger(stack="prod", active=(_slot(),)), incident=opened(), reconsidering=True))
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
    both = _cooling().model_copy(update={"stop": Stop(by="ada", reason="upgrade")})
    found = evaluate(situation(ledger=both))
    assert {guard.guard for guard in found.part.guards if not guard.passed} == {"stop", "cooldown"}


def test_what_was_asked_for_by_hand_is_refused_at_once_since_nobody_comes_back_to_it():
    found = evaluate(situation(by_hand(), ledger=Ledger(stack="prod", active=(_slot(),))))
    assert (found.part.outcome, found.incident, found.ledger) == (Outcome.REFUSE, None, None)


def test_only_looking_again_is_counted_so_that_a_flapping_alarm_does_not_use_up_the_looks():
    incident = opened(reconsidered=3)
    again = evaluate(situation(ledger=_cooling(), incident=incident, reconsidering=True))
    heard = evaluate(situation(ledger=_cooling(), incident=incident))
    assert again.incident is not None
    assert heard.incident is not None
    assert (again.incident.reconsidered, heard.incident.reconsidered) == (4, 3)


def test_after_n_looks_it_is_refused_and_left_to_people():
    few = stack(limits={"maxReconsiders": 2})
    before = evaluate(situation(stack=few, ledger=_cooling(), incident=opened(reconsidered=1), reconsidering=True))
    assert before.part.outcome is Outcome.HOLD
    found = evaluate(situation(stack=few, ledger=_cooling(), incident=opened(reconsidered=2), reconsidering=True))
    assert found.part.outcome is Outcome.REFUSE
    assert found.incident is not None
    assert found.incident.state is I.NEEDS_HUMAN
    assert "held 2 times" in (found.incident.reason or "")


def test_s6_an_alarm_that_was_muted_while_it_was_held_is_held_on():
    muted = signal(actionable=False, reason="the alarm is muted")
    found = evaluate(situation(muted, incident=opened(), reconsidering=True))
    assert found.part.outcome is Outcome.HOLD
    assert "muted" in found.part.reasons[0]


# -- once more, after a worker died ------------------------------------------------------------


def test_the_same_event_makes_the_same_run_and_incident_whoever_evaluates_it():
    one, two = evaluate(situation()), evaluate(situation(now=NOW + timedelta(seconds=70)))
    assert (one.part.run_id, one.part.incident_id) == (two.part.run_id, two.part.incident_id)


@pytest.mark.parametrize("how_far", ["ledger", "incident"])
@pytest.mark.parametrize(
    "since",
    [
        {},
        {"fleet": Fleet(stop=Stop(by="ada", reason="upgrade"))},
        {"now": NOW + timedelta(hours=3)},
        {"stack": stack(freeze=[{"from": NOW.isoformat(), "until": (NOW + timedelta(days=1)).isoformat()}])},
    ],
    ids=["at once", "stopped since", "stale since", "frozen since"],
)
def test_what_was_admitted_stays_admitted_when_the_event_is_evaluated_again(how_far, since):
    first = evaluate(situation())
    known = first.incident if how_far == "incident" else opened(id=first.part.incident_id)
    again = evaluate(situation(ledger=first.ledger, incident=known, **{"fleet": first.fleet, **since}))
    assert (again.part.outcome, again.part.run_id) == (Outcome.RUN, first.part.run_id)
    assert again.incident is not None
    assert (again.incident.state, again.incident.run_id) == (I.ACTING, first.part.run_id)
    assert again.ledger == first.ledger


def test_a_run_that_is_over_by_then_is_recorded_and_does_not_take_the_incident_again():
    first = evaluate(situation())
    assert first.ledger is not None
    ledger = release(first.ledger, first.part.run_id or "", "mend", NOW, 900)
    over = opened(runs=(first.part.run_id,), id=first.part.incident_id)
    again = evaluate(situation(ledger=ledger, incident=over))
    assert (again.part.outcome, again.part.run_id) == (Outcome.RUN, first.part.run_id)
    assert again.incident == over


def test_a_refusal_is_a_refusal_again_so_that_people_are_told():
    old = {"one": signal(occurred_at=NOW - timedelta(hours=2))}
    first = evaluate(situation(old["one"]))
    again = evaluate(situation(old["one"], incident=first.incident))
    assert (first.part.outcome, again.part.outcome) == (Outcome.REFUSE, Outcome.REFUSE)
    other = evaluate(situation(signal(id="e5"), incident=first.incident, ids=Ids.of("e5", "e5")))
    assert other.part.outcome is Outcome.IGNORE


def test_a_look_that_is_taken_over_is_counted_once():
    first = evaluate(situation(ledger=_cooling(), incident=opened(), reconsidering=True))
    again = evaluate(situation(ledger=_cooling(), incident=first.incident, reconsidering=True))
    assert first.incident is not None
    assert again.incident is not None
    assert (first.incident.reconsidered, again.incident.reconsidered) == (1, 1)


def test_s7_a_reservation_whose_ledger_was_lost_to_another_run_is_given_back():
    here = situation()
    mine = Reservation(run_id=here.ids.run, stack="prod", until=NOW + timedelta(hours=1))
    lost = replace(here, fleet=Fleet(active=(mine,)), ledger=Ledger(stack="prod", active=(_slot(),)))
    found = evaluate(lost)
    assert found.part.outcome is Outcome.HOLD
    assert found.fleet is not None
    assert found.fleet.active == ()


def test_nothing_given_is_changed():
    here = situation(incident=opened())
    ledger, fleet, incident = (here.ledger.model_dump(), here.fleet.model_dump(), here.incident.model_dump())
    evaluate(here)
    assert (here.ledger.model_dump(), here.fleet.model_dump(), here.incident.model_dump()) == (ledger, fleet, incident)


def test_admission_says_that_a_run_was_admitted_before_by_giving_the_very_same_ledger():
    """What the evaluator relies on."""
    first = evaluate(situation())
    assert first.ledger is not None
    from chalicelib.engine.admission import admission_request

    request = admission_request(signal(), stack(), runbook(), None, Mode.LIVE, runbook().autonomy, situation().ids, NOW)
    assert admit(first.ledger, request, NOW).ledger is first.ledger
