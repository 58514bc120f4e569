"""Summaries of what no run tells: a decision that does not act, an incident that needs a person, the fleet's page."""

from datetime import datetime, timedelta

import pytest

from chalicelib.models.decision import GuardResult, Outcome, SignalDecision
from chalicelib.models.incident import IncidentState
from chalicelib.models.signal import Signal, SignalKind, SignalState
from chalicelib.models.summary import Severity
from chalicelib.notify.compose import summarize_decision, summarize_incident_escalation, summarize_page
from tests.unit.notify.facts import BEGAN, NOW, commands, incident, stack, text_of


def decision(outcome: Outcome, again: datetime | None = None) -> SignalDecision:
    signal = Signal(
        id="e1",
        kind=SignalKind.ALARM,
        state=SignalState.FIRING,
        name="unhealthy-hosts",
        source="eventbridge",
        occurred_at=BEGAN,
    )
    return SignalDecision(
        signal=signal,
        outcome=outcome,
        runbook="service-down",
        incident_id="inc-1",
        reasons=("run run-0 is in progress",),
        guards=(GuardResult(guard="one_run", passed=False, because="run-0 holds the slot"),),
        reconsider_at=again,
    )


@pytest.mark.parametrize(
    ("outcome", "occasion"),
    [(Outcome.SUGGEST, "suggestion"), (Outcome.HOLD, "hold"), (Outcome.REFUSE, "refusal"), (Outcome.ASK, "approval")],
)
def test_a_decision_that_does_not_act_says_why_and_that_nothing_was_changed(outcome: Outcome, occasion: str) -> None:
    summary = summarize_decision(decision(outcome), stack(), NOW)
    assert summary.occasion == occasion
    assert "run run-0 is in progress" in summary.model_dump_json()
    assert "one_run: did not pass | run-0 holds the slot" in text_of(summary, "What Steward found")
    assert text_of(summary, "What was changed").startswith("Nothing was changed.")


def test_a_held_decision_says_when_it_is_looked_at_again() -> None:
    summary = summarize_decision(decision(Outcome.HOLD, NOW), stack(), NOW)
    assert "again at 2026-11-20 02:06:00 UTC" in text_of(summary, "What comes next")


def test_an_escalation_calls_somebody_and_names_the_runs_that_were_tried() -> None:
    needs = incident(state=IncidentState.NEEDS_HUMAN, reason="verdict failed")
    summary = summarize_incident_escalation(needs, stack(), NOW)
    assert summary.severity is Severity.CRITICAL
    assert summary.title == "fraud-scoring-mlflow: unhealthy tracking server needs a person, open for 6 min"
    assert "run run-1" in text_of(summary, "What was tried")
    assert "steward runs show run-1" in commands(summary)


def test_the_fleet_s_page_is_about_all_stacks_and_the_same_within_a_minute_s7() -> None:
    first = summarize_page("3 stacks fire within 10 minutes", NOW, stacks=("a", "b", "c"))
    again = summarize_page("3 stacks fire within 10 minutes", NOW + timedelta(seconds=20), stacks=("a", "b", "c"))
    assert first.id == again.id
    assert first.stack == "fleet"
    assert first.severity is Severity.CRITICAL
