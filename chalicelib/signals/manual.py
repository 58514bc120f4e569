"""A person's request, as the API and the command line hand it in.

It carries who asks and with which inputs, so it is believed only where it arrives by itself: whoever
may write to a queue or publish to a topic could otherwise ask in anybody's name.
"""

import json
from typing import Any

from chalicelib.errors import SignalRejected
from chalicelib.models.signal import Signal, SignalKind
from chalicelib.signals.fields import REASON_LIMIT, Body, text
from chalicelib.signals.keys import key
from chalicelib.signals.origin import Arrival, make, origin_of

_MOST_INPUT = 8192
_ROADS = frozenset({"api", "cli"})


def read_manual(payload: Body, arrival: Arrival) -> tuple[Signal, ...]:
    refuse_carried(arrival, "manual request")
    runbook, stack = required_name(payload, "runbook"), required_name(payload, "stack")
    mode, via = required_mode(payload), text(payload.get("via"))
    # Asking twice is asking twice: without an id of its own the request is told apart by when it came.
    given = payload.get("id") or f"manual-{arrival.received_at.isoformat()}-{runbook}-{stack}"
    signal = make(
        origin_of(payload, arrival, via if via in _ROADS else "lambda", given=given),
        SignalKind.MANUAL,
        name=runbook,
        resource=stack,
        actionable=True,
        reason=text(payload.get("reason"), REASON_LIMIT),
        keys=key("stack", stack),
        facts={
            "runbook": runbook,
            "inputs": run_inputs(payload),
            "mode": mode,
            "principal": text(payload.get("principal")),
            "undo_of": text(payload.get("undo_of")),
        },
    )
    return (signal,)


def refuse_carried(arrival: Arrival, what: str) -> None:
    if arrival.depth:
        raise SignalRejected(f"a {what} is believed only from Steward itself, not out of a {arrival.road} message")


def required_mode(payload: Body) -> str:
    from chalicelib.models.run import Mode  # it brings the runbook models along; other events need neither

    mode = text(payload.get("mode")) or Mode.LIVE.value
    if mode not in set(Mode):
        raise SignalRejected(f"mode {mode!r} is none of {', '.join(Mode)}")
    return mode


def required_name(payload: Body, field: str) -> str:
    value = payload.get(field)
    if not isinstance(value, str) or not value or text(value) != value:
        raise SignalRejected(f"{field} must be the name of a {field}, not {text(value) or type(value).__name__}")
    return value


def run_inputs(payload: Body) -> dict[str, Any]:
    """As given: a value cut or cleaned here would be another value than the one asked for."""
    inputs = payload.get("inputs")
    if inputs is None:
        return {}
    try:
        spelled = json.dumps(inputs, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, TypeError, RecursionError):
        raise SignalRejected("inputs are not plain JSON") from None
    if not isinstance(inputs, dict) or len(spelled) > _MOST_INPUT:
        raise SignalRejected(f"inputs must be an object of at most {_MOST_INPUT} bytes")
    return inputs
