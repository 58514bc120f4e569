"""What all three roads of a CloudWatch alarm share: one reading in, one Signal out.

Only `ALARM` fires and only `OK` resolves; any other state, known or not, is info. An alarm that is
muted, suppressed or has its actions switched off is told, and is not actionable (S6).
"""

import re
from datetime import datetime
from typing import Any, NamedTuple

from chalicelib.errors import SignalRejected
from chalicelib.models.signal import Signal, SignalKind, SignalState
from chalicelib.signals.dimensions import dimension_keys, resource_of
from chalicelib.signals.fields import Body, integer, labels, mapping, mappings, number, text
from chalicelib.signals.keys import arn_keys, key, parse_arn
from chalicelib.signals.origin import Origin, make

_STATES = {"ALARM": SignalState.FIRING, "OK": SignalState.RESOLVED}
_DOCUMENTED = frozenset({"ALARM", "OK", "INSUFFICIENT_DATA"})
_LAST_N = re.compile(r"out of the last (\d{1,3}) datapoint")
_NOT_SUPPRESSED = (None, "", "None")
_THRESHOLD = re.compile(r'"threshold"\s*:\s*(-?[0-9.eE+-]+)')
_SEVEN_DAYS_S = 7 * 86400
_NOT_MUTED = (None, "", False)


class AlarmReading(NamedTuple):
    """What one of the three shapes says, still as it was written."""

    name: object
    arn: object
    value: object
    previous: object = None
    reason: object = None
    at: datetime | None = None
    dimensions: tuple[object, ...] = ()
    """Of every metric of the alarm, the one that is judged first."""
    namespace: object = None
    metric: object = None
    period: object = None
    evaluation_periods: object = None
    threshold: object = None
    description: object = None
    rule: object = None
    children: tuple[str, ...] = ()
    """ARNs of the alarms that made a composite one change."""
    contributor: Body = {}
    muted: object = None
    suppressed_by: object = None
    suppressed_reason: object = None
    actions_enabled: object = None


def alarm_signal(origin: Origin, alarm: AlarmReading) -> Signal:
    name = alarm_name(alarm)
    value = text(alarm.value)
    state = _STATES.get(value or "", SignalState.INFO)
    silence = _silence(alarm)
    dimensions = [labels(one) for one in alarm.dimensions]
    about = dimensions
    if alarm.contributor.get("attributes"):
        about = [*dimensions, labels(alarm.contributor["attributes"])]
    return make(
        origin,
        SignalKind.ALARM,
        state,
        name=name,
        resource=_resource(about),
        at=alarm.at,
        actionable=state is SignalState.FIRING and silence is None,
        reason=silence or _state_reason(value, alarm.reason),
        keys=alarm_keys(alarm),
        facts=_facts(alarm, value, dimensions),
    )


def alarm_name(alarm: AlarmReading) -> str:
    """The name as it is matched and shown; rejects an alarm that cannot say which one it is."""
    if isinstance(alarm.name, str) and (name := text(alarm.name)):
        return name
    arn = parse_arn(alarm.arn)
    if arn and (name := text(arn.resource.removeprefix("alarm:"))):
        return name
    raise SignalRejected("an alarm event that does not name its alarm")


def _silence(alarm: AlarmReading) -> str | None:
    if alarm.suppressed_by not in _NOT_SUPPRESSED:
        by = text(alarm.suppressed_by) or "something unnamed"
        return text(alarm.suppressed_reason) or f"its actions are suppressed by {by}"
    if alarm.muted not in _NOT_MUTED:
        rule = text(mapping(alarm.muted).get("mutedByArn"))
        return f"the alarm is muted by {rule}" if rule else "the alarm is muted"
    if alarm.actions_enabled is False:
        return "the alarm's actions are switched off"
    return None


def _state_reason(value: str | None, reason: object) -> object:
    if value in _DOCUMENTED:
        return reason
    said = f"the alarm state {value!r} is none that CloudWatch has" if value else "the event says no alarm state"
    return f"{said}: neither firing nor resolved"


def _resource(dimensions: list[dict[str, str]]) -> str | None:
    for one in dimensions:
        if found := resource_of(one):
            return found
    return None


def alarm_keys(alarm: AlarmReading) -> list[str]:
    found = [*key("alarm", alarm.name), *arn_keys(alarm.arn)]
    for dimensions in alarm.dimensions:
        found += dimension_keys(dimensions)
    if alarm.contributor:
        found += dimension_keys(alarm.contributor.get("attributes"))
    for child in alarm.children:
        found += arn_keys(child)
    return found


def _facts(alarm: AlarmReading, value: str | None, dimensions: list[dict[str, str]]) -> dict[str, Any]:
    merged: dict[str, str] = {}
    for one in reversed(dimensions):
        merged |= one
    facts = {
        "state_value": value,
        "previous_state": text(alarm.previous),
        "namespace": text(alarm.namespace),
        "metric": text(alarm.metric),
        "dimensions": merged,
        "period_s": _positive(alarm.period),
        "evaluation_periods": _positive(alarm.evaluation_periods) or _last_n(alarm.reason),
        "threshold": number(alarm.threshold),
        "alarm_arn": text(alarm.arn, 1024),
        "muted": alarm.muted not in _NOT_MUTED,
        "suppressed_by": None if alarm.suppressed_by in _NOT_SUPPRESSED else text(alarm.suppressed_by),
        "description": text(alarm.description, 1024),
    }
    if alarm.rule:
        facts |= _composite_facts(alarm)
    if alarm.contributor:
        facts |= _contributor_facts(alarm)
    return facts


def _composite_facts(alarm: AlarmReading) -> dict[str, Any]:
    children = [text(arn.resource.removeprefix("alarm:")) for one in alarm.children if (arn := parse_arn(one))]
    return {"alarm_rule": text(alarm.rule, 1024), "triggering_alarms": [name for name in children if name] or None}


def _contributor_facts(alarm: AlarmReading) -> dict[str, Any]:
    return {
        "contributor_id": text(alarm.contributor.get("id")),
        "contributor": labels(alarm.contributor.get("attributes")) or None,
    }


def _positive(value: object) -> int | None:
    """CloudWatch looks back seven days at most; a larger number is nobody's period."""
    found = integer(value)
    return found if found and 0 < found <= _SEVEN_DAYS_S else None


def _last_n(reason: object) -> int | None:
    """State changes do not carry EvaluationPeriods, but their reason counts the datapoints looked at."""
    found = _LAST_N.search(reason) if isinstance(reason, str) else None
    return int(found[1]) or None if found else None


def threshold_of(reason_data: object) -> object:
    """From the JSON text without parsing it: this is on the way of every alarm, and nothing decides on it."""
    found = _THRESHOLD.search(reason_data) if isinstance(reason_data, str) else None
    return found[1] if found else None


def children_of(entries: object) -> tuple[str, ...]:
    """`triggeringAlarms` and `TriggeringChildren`: the same list in two spellings."""
    arns = (one.get("arn", one.get("Arn")) for one in mappings(entries)[:50])
    return tuple(arn for arn in arns if isinstance(arn, str))
