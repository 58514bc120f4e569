"""How AWS writes times in events."""

from datetime import UTC, datetime
from typing import Any


def seconds_z(moment: datetime) -> str:
    """As in the envelope of an event."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def millis_z(moment: datetime) -> str:
    """As in the details of ECS and RDS events."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def millis_offset(moment: datetime) -> str:
    """As CloudWatch alarms write it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "+0000")


def epoch_millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def in_event(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """An API answer as an event carries it: the same, with times as text."""
    if isinstance(value, datetime):
        return millis_z(value)
    if isinstance(value, dict):
        return {key: in_event(each) for key, each in value.items()}
    if isinstance(value, list):
        return [in_event(each) for each in value]
    return value
