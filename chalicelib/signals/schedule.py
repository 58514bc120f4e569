"""The clock: EventBridge rules, EventBridge Scheduler with and without an input of its own, and ours.

Our schedules are made by packaging with the input
`{"steward": "schedule", "runbook": …, "stack": …, "scheduled_at": "<aws.scheduler.scheduled-time>"}`.
Scheduler fills the placeholder in; where it is still there, somebody invoked the function by hand.
"""

from typing import Any

from chalicelib.errors import SignalRejected
from chalicelib.models.signal import Signal, SignalKind
from chalicelib.signals.fields import Body, event_id, moment, text
from chalicelib.signals.keys import arn_keys, key, parse_arn
from chalicelib.signals.manual import refuse_carried, required_name, run_inputs
from chalicelib.signals.origin import Arrival, Event, Opener, make, origin_of

_PLACEHOLDER = "<aws.scheduler."


def read_rule_schedule(event: Event) -> Signal:
    """`Scheduled Event` of a rule or of Scheduler; it names no stack, so it ties only through a runbook's own."""
    arn = parse_arn(next(iter(event.resources), None))
    return make(
        event.origin,
        SignalKind.SCHEDULE,
        name=arn.name if arn else None,
        resource=arn.name if arn else None,
        actionable=True,
        keys=arn_keys(next(iter(event.resources), None)),
        facts={"schedule_arn": text(next(iter(event.resources), None), 1024)},
    )


def read_own_schedule(payload: Body, arrival: Arrival) -> tuple[Signal, ...]:
    refuse_placeholders(payload)
    refuse_carried(arrival, "schedule")
    runbook, stack = required_name(payload, "runbook"), required_name(payload, "stack")
    at = moment(payload.get("scheduled_at"))
    if at is None:
        # Without it tomorrow's event would have today's id, and be taken for a redelivery.
        raise SignalRejected("a schedule without the time it was due (scheduled_at)")
    facts: dict[str, Any] = {
        "runbook": runbook,
        "inputs": run_inputs(payload),
        "scheduled_at": at.isoformat(),
        "schedule_arn": text(payload.get("schedule_arn"), 1024),
    }
    origin = origin_of(payload, arrival, "eventbridge", at=at, given=payload.get("id"))
    signal = make(
        origin,
        SignalKind.SCHEDULE,
        name=runbook,
        resource=stack,
        actionable=True,
        keys=key("stack", stack),
        facts=facts,
    )
    return (signal,)


def is_scheduler_input(payload: Body) -> bool:
    return any(_is_schedule_arn(one) or _is_placeholder(one) for one in payload.values())


def read_scheduler_input(payload: Body, arrival: Arrival, _: Opener) -> tuple[Signal, ...]:
    """Somebody else's input for Scheduler: told by the schedule's ARN in it."""
    refuse_placeholders(payload)
    schedule = next(one for one in payload.values() if _is_schedule_arn(one))
    arn = parse_arn(schedule)
    times = (payload.get(name) for name in ("scheduled_time", "scheduledTime", "scheduled_at", "scheduledAt", "time"))
    due = next((found for one in times if (found := moment(one))), None)
    origin = origin_of(
        payload,
        arrival,
        "eventbridge",
        at=due,
        # Without its time tomorrow's input would have today's id, and be taken for a redelivery.
        given=None if due else event_id(None, [payload, arrival.received_at.isoformat()]),
        account=arn.account if arn else None,
        region=arn.region if arn else None,
    )
    name = arn.name if arn else None
    facts = {"schedule_arn": text(schedule, 1024), "job": text(payload.get("job"))}
    return (make(origin, SignalKind.SCHEDULE, name=name, resource=name, actionable=True, facts=facts),)


def refuse_placeholders(payload: Body) -> None:
    for name, value in payload.items():
        if _is_placeholder(value):
            raise SignalRejected(
                f"{text(name)} is still the placeholder {text(value)}: EventBridge Scheduler did not send this"
            )


def _is_placeholder(value: object) -> bool:
    return isinstance(value, str) and _PLACEHOLDER in value[:1024]


def _is_schedule_arn(value: object) -> bool:
    arn = parse_arn(value)
    return arn is not None and arn.service == "scheduler"
