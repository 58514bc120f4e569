"""The one evaluator: what is decided about a signal, and why. Pure, so every case is a value."""

from datetime import timedelta

import pytest

from chalicelib.engine.admission import Ids
from chalicelib.engine.evaluate import evaluate
from chalicelib.engine.incidents import acting, move, needs_human
from chalicelib.models.decision import Outcome
from chalicelib.models.incident import IncidentState as I
from chalicelib.models.ledger import Ledger
from chalicelib.models.run import Mode, Run
from chalicelib.models.signal import SignalKind
from tests.unit.engine.situations import NOW, by_hand, opened, runbook, signal, situation, slot, stack


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
    found = evaluate(situation(by_hand("plan"), ledger=Ledger(stack="prod", active=(slot(),))))
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
