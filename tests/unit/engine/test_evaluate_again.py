"""The evaluator once more on the same event, after a worker died."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.engine.admission import Ids
from chalicelib.engine.evaluate import evaluate
from chalicelib.guards.admit import admit, release
from chalicelib.models.decision import Outcome
from chalicelib.models.incident import IncidentState as I
from chalicelib.models.ledger import Fleet, Ledger, Reservation, Stop
from chalicelib.models.run import Mode
from tests.unit.engine.situations import NOW, cooling, opened, runbook, signal, situation, slot, stack


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
    first = evaluate(situation(ledger=cooling(), incident=opened(), reconsidering=True))
    again = evaluate(situation(ledger=cooling(), incident=first.incident, reconsidering=True))
    assert first.incident is not None
    assert again.incident is not None
    assert (first.incident.reconsidered, again.incident.reconsidered) == (1, 1)


def test_s7_a_reservation_whose_ledger_was_lost_to_another_run_is_given_back():
    here = situation()
    mine = Reservation(run_id=here.ids.run, stack="prod", until=NOW + timedelta(hours=1))
    lost = replace(here, fleet=Fleet(active=(mine,)), ledger=Ledger(stack="prod", active=(slot(),)))
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
