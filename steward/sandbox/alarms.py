"""Alarms that evaluate their metric once a minute and say every change as EventBridge does."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from steward.sandbox import place
from steward.sandbox.events import EventLog
from steward.sandbox.ids import Ids
from steward.sandbox.metrics import MetricKey, Metrics, metric_key
from steward.sandbox.times import millis_offset

OK, ALARM, BLIND = "OK", "ALARM", "INSUFFICIENT_DATA"
OnChange = Callable[["Alarm", str, datetime], None]
"""Alarm, the state it had, now."""

_COMPARES: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanThreshold": (lambda value, limit: value > limit, "greater than"),
    "GreaterThanOrEqualToThreshold": (lambda value, limit: value >= limit, "greater than or equal to"),
    "LessThanThreshold": (lambda value, limit: value < limit, "less than"),
    "LessThanOrEqualToThreshold": (lambda value, limit: value <= limit, "less than or equal to"),
}
_LOOKS_BACK_FURTHER = 2
"""CloudWatch retrieves more periods than it needs, so that one late datapoint blinds nobody."""


@dataclass
class AlarmState:
    value: str
    reason: str
    data: dict[str, Any] | None
    at: datetime

    def in_event(self) -> dict[str, Any]:
        state = {"value": self.value, "reason": self.reason, "timestamp": millis_offset(self.at)}
        return state | ({"reasonData": json.dumps(self.data, separators=(",", ":"))} if self.data else {})


@dataclass
class Alarm:
    params: dict[str, Any]
    """As PutMetricAlarm got them."""
    metric_id: str
    state: AlarmState
    configured_at: datetime
    history: list[dict[str, Any]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return str(self.params["AlarmName"])

    @property
    def arn(self) -> str:
        return place.arn("cloudwatch", f"alarm:{self.name}")

    @property
    def dimensions(self) -> dict[str, str]:
        return {each["Name"]: each["Value"] for each in self.params.get("Dimensions", [])}

    @property
    def key(self) -> MetricKey:
        return metric_key(self.params.get("Namespace", ""), self.params.get("MetricName", ""), self.dimensions)

    @property
    def stat(self) -> str:
        return str(self.params.get("ExtendedStatistic") or self.params.get("Statistic", "Average"))

    @property
    def period_s(self) -> int:
        return int(self.params.get("Period", 60))

    @property
    def periods(self) -> int:
        return int(self.params["EvaluationPeriods"])

    @property
    def needed(self) -> int:
        return int(self.params.get("DatapointsToAlarm", self.periods))

    @property
    def threshold(self) -> float:
        return float(self.params["Threshold"])

    @property
    def missing(self) -> str:
        return str(self.params.get("TreatMissingData", "missing"))

    def breaches(self, value: float) -> bool:
        return _COMPARES[self.params["ComparisonOperator"]][0](value, self.threshold)


class Alarms:
    def __init__(self, ids: Ids, events: EventLog, metrics: Metrics) -> None:
        self._ids, self._events, self._metrics = ids, events, metrics
        self._alarms: dict[str, Alarm] = {}
        self.on_change: list[OnChange] = []

    def put(self, params: Mapping[str, Any], now: datetime, state: str = BLIND) -> Alarm:
        old = self._alarms.get(params["AlarmName"])
        first = AlarmState(state, "Unchecked: Initial alarm creation", None, now)
        alarm = Alarm(dict(params), self._ids.uuid(), old.state if old else first, now, old.history if old else [])
        self._alarms[alarm.name] = alarm
        return alarm

    def was_ok(self, alarm: Alarm, at: datetime, points: list[tuple[datetime, float]]) -> None:
        """A past nobody simulated: since then it is OK, because of these datapoints or for want of any."""
        alarm.state = AlarmState(OK, _reason(alarm, OK, points), _reason_data(alarm, points, at), at)

    def delete(self, names: list[str]) -> None:
        for name in names:
            self._alarms.pop(name, None)

    def find(self, name: str) -> Alarm | None:
        return self._alarms.get(name)

    def all(self) -> list[Alarm]:
        return [self._alarms[name] for name in sorted(self._alarms)]

    def evaluate(self, now: datetime) -> None:
        for alarm in self.all():
            if "Metrics" not in alarm.params:  # metric maths is not evaluated here
                self._evaluate(alarm, now)

    def _evaluate(self, alarm: Alarm, now: datetime) -> None:
        length = alarm.period_s
        ends = datetime.fromtimestamp(now.timestamp() // length * length, now.tzinfo)
        looked = alarm.periods + _LOOKS_BACK_FURTHER
        starts = [ends - timedelta(seconds=length * n) for n in range(looked, 0, -1)]
        values = self._metrics.recent(alarm.key, starts, length, alarm.stat)
        known = [(at, value) for at, value in zip(starts, values, strict=True) if value is not None]
        verdict = _verdict(alarm, values[-alarm.periods :], has_older=bool(known))
        if verdict is None or verdict == alarm.state.value:
            return
        if verdict == BLIND:
            reason, shown = _blind_reason(alarm.periods), []
        else:
            shown = [(at, value) for at, value in known if at >= starts[-alarm.periods]]
            reason = _reason(alarm, verdict, shown)
        self.change(alarm, verdict, reason, _reason_data(alarm, shown, now), now)

    def change(self, alarm: Alarm, value: str, reason: str, data: dict[str, Any] | None, now: datetime) -> None:
        before, alarm.state = alarm.state, AlarmState(value, reason, data, now)
        alarm.history.insert(0, _history_item(alarm, before))
        detail = {
            "alarmName": alarm.name,
            "configuration": _configuration(alarm),
            "previousState": before.in_event(),
            "state": alarm.state.in_event(),
        }
        self._events.emit("aws.cloudwatch", "CloudWatch Alarm State Change", now, alarm.arn, detail)
        for told in list(self.on_change):
            told(alarm, before.value, now)


def _verdict(alarm: Alarm, window: list[float | None], *, has_older: bool) -> str | None:
    """None: stay as it is."""
    if all(value is None for value in window):
        if alarm.missing == "missing":
            return None if has_older else BLIND
        if alarm.missing == "ignore":
            return None
    breaching = sum(alarm.breaches(value) if value is not None else alarm.missing == "breaching" for value in window)
    return ALARM if breaching >= alarm.needed else OK


def _points(points: list[tuple[datetime, float]]) -> str:
    return ", ".join(f"{value!r} ({at:%d/%m/%y %H:%M:%S})" for at, value in reversed(points))


def _reason(alarm: Alarm, verdict: str, points: list[tuple[datetime, float]]) -> str:
    crossing = [(at, value) for at, value in points if alarm.breaches(value) == (verdict == ALARM)]
    if not crossing:
        return _missing_reason(alarm.periods - len(points), "Breaching" if verdict == ALARM else "NonBreaching")
    words = _COMPARES[alarm.params["ComparisonOperator"]][1]
    needed = alarm.needed if verdict == ALARM else alarm.periods - alarm.needed + 1
    were = ("were" if len(crossing) > 1 else "was") + ("" if verdict == ALARM else " not")
    before, after = (OK, ALARM) if verdict == ALARM else (ALARM, OK)
    least = f"minimum {needed} datapoint{'s' if needed > 1 else ''} for {before} -> {after} transition"
    return (
        f"Threshold Crossed: {len(crossing)} out of the last {alarm.periods} datapoints [{_points(crossing)}]"
        f" {were} {words} the threshold ({alarm.threshold!r}) ({least})."
    )


def _missing_reason(missing: int, treated: str) -> str:
    many, were = ("s", "were") if missing > 1 else ("", "was")
    return (
        f"Threshold Crossed: no datapoints were received for {missing} period{many} and"
        f" {missing} missing datapoint{many} {were} treated as [{treated}]."
    )


def _blind_reason(periods: int) -> str:
    return f"Insufficient Data: {periods} datapoint{'s were' if periods > 1 else ' was'} unknown."


def _reason_data(alarm: Alarm, points: list[tuple[datetime, float]], now: datetime) -> dict[str, Any]:
    data: dict[str, Any] = {"version": "1.0", "queryDate": millis_offset(now)}
    if points:
        data["startDate"] = millis_offset(points[0][0])
    statistic = {} if alarm.stat.startswith("p") else {"statistic": alarm.stat}
    evaluated = [{"timestamp": millis_offset(at), "value": value} for at, value in reversed(points)]
    return {
        **data,
        **statistic,
        "period": alarm.period_s,
        "recentDatapoints": [value for _, value in points],
        "threshold": alarm.threshold,
        "evaluatedDatapoints": evaluated,
    }


def _configuration(alarm: Alarm) -> dict[str, Any]:
    metric = {
        "namespace": alarm.params.get("Namespace"),
        "name": alarm.params.get("MetricName"),
        "dimensions": alarm.dimensions,
    }
    stat = {"metric": metric, "period": alarm.period_s, "stat": alarm.stat}
    described = {"description": alarm.params["AlarmDescription"]} if "AlarmDescription" in alarm.params else {}
    return {**described, "metrics": [{"id": alarm.metric_id, "metricStat": stat, "returnData": True}]}


def _history_item(alarm: Alarm, before: AlarmState) -> dict[str, Any]:
    data = {"version": "1.0", "oldState": _said(before), "newState": _said(alarm.state)}
    return {
        "AlarmName": alarm.name,
        "AlarmType": "MetricAlarm",
        "Timestamp": alarm.state.at,
        "HistoryItemType": "StateUpdate",
        "HistorySummary": f"Alarm updated from {before.value} to {alarm.state.value}",
        "HistoryData": json.dumps(data, separators=(",", ":")),
    }


def _said(state: AlarmState) -> dict[str, Any]:
    said: dict[str, Any] = {"stateValue": state.value, "stateReason": state.reason}
    return said | ({"stateReasonData": state.data} if state.data else {})
