"""What Steward sends to itself: schedules made from runbooks, and people's requests."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chalicelib.models.signal import SignalKind
from chalicelib.signals.read import read_signals

EVENTS = Path(__file__).parents[2] / "fixtures" / "events"
NOW = datetime(2026, 3, 4, 5, 6, 10, tzinfo=UTC)
ASKED = json.loads((EVENTS / "manual/asked.json").read_text())
SCHEDULED = json.loads((EVENTS / "schedule/ours.json").read_text())


def only(payload: object, at: datetime = NOW):
    (signal,) = read_signals(payload, received_at=at)
    return signal


def test_a_request_carries_who_asks_what_with_which_inputs():
    signal = only(ASKED)

    assert (signal.id, signal.source, signal.reason) == ("ask-1", "cli", "users complain")
    assert signal.facts == {
        "runbook": "service-down",
        "inputs": {"maxTasks": 2},
        "mode": "plan",
        "principal": "arn:aws:iam::210987654321:user/ada",
    }


def test_a_request_without_a_mode_is_live():
    assert only({name: value for name, value in ASKED.items() if name != "mode"}).facts["mode"] == "live"


def test_asking_twice_without_an_id_is_asking_twice():
    request = {name: value for name, value in ASKED.items() if name != "id"}

    assert only(request).id != only(request, NOW + timedelta(seconds=1)).id


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"runbook": None}, "runbook"),
        ({"runbook": "service\u200b-down"}, "runbook"),
        ({"stack": ["churn"]}, "stack"),
        ({"stack": ""}, "stack"),
        ({"mode": "force"}, "mode"),
        ({"inputs": [1]}, "inputs"),
        ({"inputs": {"n": float("nan")}}, "inputs"),
        ({"inputs": {"text": "x" * 9000}}, "inputs"),
        ({"inputs": {"text": "\ud800"}}, "inputs"),
        ({"steward": "reboot"}, "reboot"),
        ({"steward": None}, "NoneType"),
    ],
)
def test_a_request_that_does_not_fit_is_invalid_and_says_which_part(change, word):
    signal = only(ASKED | change)

    assert signal.kind is SignalKind.INVALID
    assert word in signal.reason


def test_a_schedule_is_the_same_event_when_it_is_delivered_twice_and_another_one_tomorrow():
    tomorrow = SCHEDULED | {"scheduled_at": "2026-03-05T05:00:00Z"}

    assert only(SCHEDULED).id == only(SCHEDULED, NOW + timedelta(minutes=3)).id
    assert only(SCHEDULED).id != only(tomorrow).id


def test_a_schedule_happened_when_it_was_due():
    assert only(SCHEDULED).occurred_at == datetime(2026, 3, 4, 5, 0, tzinfo=UTC)


@pytest.mark.parametrize("at", [None, "", "soon", "<aws.scheduler.scheduled-time>"])
def test_a_schedule_that_does_not_say_when_it_was_due_is_invalid(at):
    assert only(SCHEDULED | {"scheduled_at": at}).kind is SignalKind.INVALID


def test_a_placeholder_that_scheduler_did_not_fill_in_is_named():
    signal = only({"job": "tidy", "execution": "<aws.scheduler.execution-id>"})

    assert signal.kind is SignalKind.INVALID
    assert "execution" in signal.reason


def test_foreign_scheduler_input_without_a_time_is_a_new_event_each_time():
    payload = {"arn": "arn:aws:scheduler:eu-central-1:210987654321:schedule/default/tidy"}

    assert only(payload).kind is SignalKind.SCHEDULE
    assert only(payload).id != only(payload, NOW + timedelta(hours=1)).id
