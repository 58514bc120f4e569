"""What a reader knows about where its payload came from, and the one place that makes Signals of it."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from chalicelib.models.signal import Signal, SignalKind, SignalState
from chalicelib.signals.fields import REASON_LIMIT, Body, event_id, text
from chalicelib.signals.keys import key


class Arrival(NamedTuple):
    """How one payload reached us. Wrappers (SNS, SQS) hand an inner one on with what they know."""

    received_at: datetime
    road: str | None = None
    """None at the door: the payload's own shape then tells the road."""
    id: str | None = None
    """The carrier's id, for payloads that have none of their own."""
    topic: str | None = None
    depth: int = 0


Opener = Callable[[object, Arrival], tuple[Signal, ...]]
"""Reads what a wrapper carried, as if it had come alone."""


class Origin(NamedTuple):
    id: str
    road: str
    at: datetime
    account: str | None = None
    region: str | None = None
    topic: str | None = None


class Event(NamedTuple):
    """An EventBridge event, opened."""

    origin: Origin
    detail_type: str
    resources: tuple[str, ...]
    detail: Body


def origin_of(
    payload: object,
    arrival: Arrival,
    road: str,
    *,
    given: object = None,
    at: datetime | None = None,
    account: str | None = None,
    region: str | None = None,
) -> Origin:
    """For payloads without an envelope of their own; `road` is the one they come by when nothing carries them."""
    return Origin(
        id=event_id(given or arrival.id, payload),
        road=arrival.road or road,
        at=at or arrival.received_at,
        account=account,
        region=region,
        topic=arrival.topic,
    )


def make(
    origin: Origin,
    kind: SignalKind,
    state: SignalState = SignalState.INFO,
    *,
    name: object = None,
    resource: object = None,
    at: datetime | None = None,
    actionable: bool | None = None,
    reason: object = None,
    keys: Iterable[str] = (),
    facts: dict[str, Any] | None = None,
    echo_of: str | None = None,
) -> Signal:
    """Firing is actionable unless the reader knows better; what Steward did itself never is."""
    firing = state is SignalState.FIRING
    return Signal(
        id=origin.id,
        kind=kind,
        state=state,
        name=text(name),
        resource=text(resource),
        source=origin.road,
        account=origin.account,
        region=origin.region,
        occurred_at=at or origin.at,
        actionable=(firing if actionable is None else actionable) and echo_of is None,
        reason=text(reason, REASON_LIMIT),
        keys=tuple(dict.fromkeys((*keys, *key("topic", origin.topic)) if origin.topic else keys)),
        facts={name: value for name, value in (facts or {}).items() if value is not None},
        echo_of=echo_of,
    )
