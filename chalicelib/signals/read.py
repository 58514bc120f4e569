"""Payload to Signals: anything a Lambda function can be handed goes in, at least one Signal comes out.

Nothing here raises on bad input. What cannot be trusted is one `invalid` Signal that says why in
plain words; what is well formed and of no family is `unknown`. To add a source: one file, one line
in `SHAPES` here or in the table of `eventbridge.py`.
"""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from chalicelib.errors import SignalRejected
from chalicelib.models.signal import Signal, SignalKind
from chalicelib.signals import (
    alarm_event,
    alarm_message,
    alertmanager,
    eventbridge,
    grafana,
    http_request,
    manual,
    rds_event,
    schedule,
    sns,
    sqs,
)
from chalicelib.signals.fields import Body, text
from chalicelib.signals.keys import account_of, region_of
from chalicelib.signals.origin import Arrival, Opener, make, origin_of

_DEEPEST = 3  # SQS around SNS around an event; nothing real is wrapped more often
_MOST_RECORDS = 10_000  # the largest batch that Lambda hands out


class Shape(NamedTuple):
    """One form in which something arrives, told by its keys, and what reads it."""

    fits: Callable[[Body], bool]
    read: Callable[[Body, Arrival, Opener], tuple[Signal, ...]]


def read_signals(payload: object, *, received_at: datetime) -> tuple[Signal, ...]:
    return _open(payload, Arrival(received_at))


def _open(payload: object, arrival: Arrival) -> tuple[Signal, ...]:
    try:
        return _read(payload, arrival)
    except SignalRejected as rejected:
        return (_invalid(payload, arrival, rejected.reason),)


def _read(payload: object, arrival: Arrival) -> tuple[Signal, ...]:
    if not isinstance(payload, dict):
        raise SignalRejected(f"the payload is a {type(payload).__name__}, not an object")
    if not payload:
        raise SignalRejected("the payload is empty")
    if arrival.depth > _DEEPEST:
        raise SignalRejected("wrapped too many times")
    for shape in SHAPES:
        if shape.fits(payload):
            return shape.read(payload, arrival, _open)
    road = "lambda"
    return (make(origin_of(payload, arrival, road), SignalKind.UNKNOWN, reason="an object of no family"),)


def _invalid(payload: object, arrival: Arrival, reason: str) -> Signal:
    envelope = payload if isinstance(payload, dict) else {}
    origin = origin_of(
        payload,
        arrival,
        "eventbridge" if eventbridge.is_event(envelope) else "lambda",
        given=envelope.get("id") or arrival.id,
        account=account_of(envelope.get("account")),
        region=region_of(envelope.get("region")),
    )
    return make(origin, SignalKind.INVALID, reason=reason)


def _read_own(payload: Body, arrival: Arrival, _: Opener) -> tuple[Signal, ...]:
    said = payload.get("steward")
    if said == "schedule":
        return schedule.read_own_schedule(payload, arrival)
    if said == "manual":
        return manual.read_manual(payload, arrival)
    raise SignalRejected(f"Steward makes no event called {text(said) or type(said).__name__}")


def _read_records(payload: Body, arrival: Arrival, open_inner: Opener) -> tuple[Signal, ...]:
    records = payload.get("Records")
    if not isinstance(records, list) or not records:
        raise SignalRejected("a batch without records")
    if len(records) > _MOST_RECORDS:
        raise SignalRejected(f"a batch of {len(records)} records")
    return tuple(signal for record in records for signal in _read_record(record, arrival, open_inner))


def _read_record(record: object, arrival: Arrival, open_inner: Opener) -> tuple[Signal, ...]:
    one = record if isinstance(record, dict) else {}
    if "Sns" in one or one.get("EventSource") == "aws:sns":
        read, road, carrier = sns.read_record, "sns", one.get("Sns")
        given = carrier.get("MessageId") if isinstance(carrier, dict) else None
    elif one.get("eventSource") == "aws:sqs" or "receiptHandle" in one:
        read, road, given = sqs.read_record, "sqs", one.get("messageId")
    else:
        return (_invalid(record, arrival, "a record that is neither of SNS nor of SQS"),)
    try:
        return read(one, arrival, open_inner)
    except SignalRejected as rejected:
        known = arrival._replace(road=road, id=given if isinstance(given, str) else None)
        return (_invalid(record, known, rejected.reason),)


def _is_put_events_entry(payload: Body) -> bool:
    return "DetailType" in payload and "Detail" in payload


def _read_put_events_entry(_payload: Body, _arrival: Arrival, _open: Opener) -> tuple[Signal, ...]:
    raise SignalRejected("this is the entry of a PutEvents call, not an event that EventBridge delivered")


# The first that fits reads it: envelopes before what they may hold, telling keys before vague ones.
SHAPES: tuple[Shape, ...] = (
    Shape(lambda payload: "steward" in payload, _read_own),
    Shape(lambda payload: "Records" in payload, _read_records),
    Shape(eventbridge.is_event, eventbridge.read_event),
    Shape(alarm_event.is_lambda_action, alarm_event.read_lambda_action),
    Shape(http_request.is_http_request, http_request.read_http_request),
    Shape(sns.is_notification, sns.read_notification),
    Shape(alarm_message.is_alarm_message, alarm_message.read_alarm_message),
    Shape(rds_event.is_legacy, rds_event.read_legacy),
    Shape(_is_put_events_entry, _read_put_events_entry),
    Shape(grafana.is_grafana, grafana.read_grafana),
    Shape(alertmanager.is_alertmanager, alertmanager.read_alertmanager),
    Shape(schedule.is_scheduler_input, schedule.read_scheduler_input),
)
