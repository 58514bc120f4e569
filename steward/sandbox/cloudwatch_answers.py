"""CloudWatch: alarms and metrics, answered from the world. Metric maths is declined, not faked."""

from datetime import UTC, datetime, timedelta
from typing import Any

from steward.sandbox.alarms import Alarm, Alarms
from steward.sandbox.answers import Answers, Declined, Params
from steward.sandbox.metrics import Metrics, metric_key

_STATS = ("Sum", "SampleCount", "Minimum", "Maximum", "Average")


class CloudwatchAnswers:
    def __init__(self, alarms: Alarms, metrics: Metrics) -> None:
        self._alarms, self._metrics = alarms, metrics

    def table(self) -> Answers:
        return {
            "DescribeAlarms": self._describe,
            "DescribeAlarmsForMetric": self._describe_for_metric,
            "DescribeAlarmHistory": self._history,
            "PutMetricAlarm": self._put,
            "DeleteAlarms": self._delete,
            "SetAlarmState": self._set_state,
            "EnableAlarmActions": lambda params, _now: self._actions(params, on=True),
            "DisableAlarmActions": lambda params, _now: self._actions(params, on=False),
            "GetMetricData": self._data,
            "GetMetricStatistics": self._statistics,
            "ListMetrics": self._list_metrics,
        }

    # Alarms

    def _describe(self, params: Params, _now: datetime) -> dict[str, Any]:
        names, prefix = params.get("AlarmNames"), params.get("AlarmNamePrefix", "")
        state = params.get("StateValue")
        found = [
            alarm
            for alarm in self._alarms.all()
            if (names is None or alarm.name in names)
            and alarm.name.startswith(prefix)
            and state in {None, alarm.state.value}
        ]
        return {"MetricAlarms": [_view(alarm) for alarm in found], "CompositeAlarms": []}

    def _describe_for_metric(self, params: Params, _now: datetime) -> dict[str, Any]:
        key = _key(params)
        return {"MetricAlarms": [_view(alarm) for alarm in self._alarms.all() if alarm.key == key]}

    def _history(self, params: Params, _now: datetime) -> dict[str, Any]:
        name = params.get("AlarmName")
        items = [item for alarm in self._alarms.all() if name in {None, alarm.name} for item in alarm.history]
        return {"AlarmHistoryItems": sorted(items, key=lambda item: item["Timestamp"], reverse=True)}

    def _put(self, params: Params, now: datetime) -> dict[str, Any]:
        self._alarms.put(params, now)
        return {}

    def _delete(self, params: Params, _now: datetime) -> dict[str, Any]:
        self._alarms.delete(params["AlarmNames"])
        return {}

    def _set_state(self, params: Params, now: datetime) -> dict[str, Any]:
        alarm = self._alarms.find(params["AlarmName"])
        if alarm is None:
            raise Declined("ResourceNotFound", "Alarm not found", 404)
        if params["StateValue"] != alarm.state.value:
            self._alarms.change(alarm, params["StateValue"], params["StateReason"], None, now)
        return {}

    def _actions(self, params: Params, *, on: bool) -> dict[str, Any]:
        for name in params["AlarmNames"]:
            if alarm := self._alarms.find(name):
                alarm.params["ActionsEnabled"] = on
        return {}

    # Metrics

    def _data(self, params: Params, _now: datetime) -> dict[str, Any]:
        oldest_first = params.get("ScanBy") == "TimestampAscending"
        results = []
        for query in params["MetricDataQueries"]:
            if "MetricStat" not in query:
                raise Declined("ValidationError", "The sandbox does not evaluate metric expressions.")
            asked = query["MetricStat"]
            key, stat = _key(asked["Metric"]), asked["Stat"]
            start, end = _aware(params["StartTime"]), _aware(params["EndTime"])
            points = self._metrics.read(key, start, end, asked["Period"], stat)
            points = points if oldest_first else points[::-1]
            results.append(
                {
                    "Id": query["Id"],
                    "Label": query.get("Label", asked["Metric"]["MetricName"]),
                    "Timestamps": [at for at, _ in points],
                    "Values": [value for _, value in points],
                    "StatusCode": "Complete",
                }
            )
        return {"MetricDataResults": results, "Messages": []}

    def _statistics(self, params: Params, _now: datetime) -> dict[str, Any]:
        start, end, period = _aware(params["StartTime"]), _aware(params["EndTime"]), params["Period"]
        points: dict[datetime, dict[str, Any]] = {}
        for stat in [*params.get("Statistics", []), *params.get("ExtendedStatistics", [])]:
            for at, value in self._metrics.read(_key(params), start, end, period, stat):
                point = points.setdefault(at, {"Timestamp": at, "Unit": "None"})
                if stat in _STATS:
                    point[stat] = value
                else:
                    point.setdefault("ExtendedStatistics", {})[stat] = value
        return {"Label": params["MetricName"], "Datapoints": [points[at] for at in sorted(points)]}

    def _list_metrics(self, params: Params, _now: datetime) -> dict[str, Any]:
        wanted = {(each["Name"], each.get("Value")) for each in params.get("Dimensions", [])}
        metrics = []
        for namespace, name, dimensions in self._metrics.every_key():
            if params.get("Namespace", namespace) != namespace or params.get("MetricName", name) != name:
                continue
            if all((key, value) in dimensions or (value is None and key in dict(dimensions)) for key, value in wanted):
                described = [{"Name": key, "Value": value} for key, value in sorted(dimensions)]
                metrics.append({"Namespace": namespace, "MetricName": name, "Dimensions": described})
        return {"Metrics": metrics}


def _key(params: Params) -> tuple[str, str, frozenset[tuple[str, str]]]:
    dimensions = {each["Name"]: each["Value"] for each in params.get("Dimensions", [])}
    return metric_key(params["Namespace"], params["MetricName"], dimensions)


def _aware(moment: datetime | str | float) -> datetime:
    """boto3 takes text and numbers for times as well."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    elif not isinstance(moment, datetime):
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=moment)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _view(alarm: Alarm) -> dict[str, Any]:
    import json

    state = alarm.state
    unset: dict[str, Any] = {
        "ActionsEnabled": True,
        "OKActions": [],
        "AlarmActions": [],
        "InsufficientDataActions": [],
        "Dimensions": [],
        "TreatMissingData": "missing",
    }
    view = unset | {key: value for key, value in alarm.params.items() if key != "Tags"}
    return view | {
        "AlarmArn": alarm.arn,
        "AlarmConfigurationUpdatedTimestamp": alarm.configured_at,
        "StateValue": state.value,
        "StateReason": state.reason,
        "StateReasonData": json.dumps(state.data, separators=(",", ":")) if state.data else "{}",
        "StateUpdatedTimestamp": state.at,
        "StateTransitionedTimestamp": state.at,
    }
