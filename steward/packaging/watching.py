"""Who watches the watcher: alarms on Steward itself, and a dashboard. Silence is an alarm where it means death."""

import json
from collections.abc import Iterator
from typing import Any

from chalicelib.flows.protection import EVERY_HOURS
from chalicelib.models.posture import DRILL_EVERY
from chalicelib.models.stack import Stack
from chalicelib.observability import DIMENSIONS, NAMESPACE, Metric
from steward.packaging.keeping import tags
from steward.packaging.messages import QUEUES, queue_id
from steward.packaging.names import LOGICAL, Names

Json = dict[str, Any]
AGES_PERIOD_S = (EVERY_HOURS + 1) * 3600
"""Longer than it takes until ages are told again, so that missing data can be breaching. The window slides: what is
late is told within minutes, and seen in the next evaluation."""
MAKES_DASHBOARD, DASHBOARD = "MakesDashboard", "MakeDashboard"


def parameters() -> Json:
    said = "An account has three dashboards for nothing; each further one costs 3 dollars a month"
    return {DASHBOARD: {"Type": "String", "AllowedValues": ["yes", "no"], "Default": "no", "Description": said}}


def conditions() -> Json:
    return {MAKES_DASHBOARD: {"Fn::Equals": [{"Ref": DASHBOARD}, "yes"]}}


def alarms(names: Names, stacks: list[Stack]) -> Json:
    """Each says what no other one does. A sweep that fails lies in its queue, so its errors have none of their own."""
    found: Json = {"HeartbeatAlarm": _heartbeat(names), "AdvanceErrorsAlarm": _errors(names, "advance")}
    found |= {f"{queue_id(what)}Alarm": lost(names, what, names.queue(what), why) for what, why in QUEUES.items()}
    for what in backed_up(stacks):
        found[f"{what.capitalize()}BackupAgeAlarm"] = _backup_age(names, what)
    if any(_on_rds(stack) for stack in stacks):
        found["LastDrillAgeAlarm"] = _drill_age(names)
    return found


def backed_up(stacks: list[Stack]) -> Iterator[str]:
    if any(_on_rds(stack) for stack in stacks):
        yield "database"
    if any(stack.artifacts and stack.artifacts.backup_bucket for stack in stacks):
        yield "artifacts"


def _on_rds(stack: Stack) -> bool:
    return stack.database is not None and stack.database.is_on_rds


def _heartbeat(names: Names) -> Json:
    # S31: sweep says every minute that Steward lives; that nothing is heard is the alarm.
    metric = _own(names, Metric.HEARTBEAT)
    return _alarm(names, "heartbeat", "Steward does not sweep", metric, "LessThanThreshold", 1, "breaching", periods=2)


def _backup_age(names: Names, what: str) -> Json:
    said = f"A stack's newest good backup of its {what} is older than its objective, or it has none, or nobody knows"
    return _aged(names, Metric.BACKUP_AGE, said, 100, what)


def _drill_age(names: Names) -> Json:
    said = f"No restore was proven for {DRILL_EVERY.days} days, or nobody knows"
    return _aged(names, Metric.LAST_DRILL_AGE, said, int(DRILL_EVERY.total_seconds()))


def _aged(names: Names, metric: Metric, said: str, most: int, of: str | None = None) -> Json:
    spec = {**_own(names, metric, of), "Statistic": "Maximum", "Period": AGES_PERIOD_S}
    name = f"{metric.value}-{of}" if of else metric.value
    return _alarm(names, name, said, spec, "GreaterThanThreshold", most, "breaching")


def lost(names: Names, what: str, queue: str, why: str) -> Json:
    metric = {
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateNumberOfMessagesVisible",
        "Dimensions": [{"Name": "QueueName", "Value": queue}],
        "Statistic": "Maximum",
        "Period": 300,
    }
    return _alarm(names, what, f"There are {why}", metric, "GreaterThanThreshold", 0)


def _errors(names: Names, which: str) -> Json:
    metric = {
        "Namespace": "AWS/Lambda",
        "MetricName": "Errors",
        "Dimensions": [{"Name": "FunctionName", "Value": names.function(which)}],
        "Statistic": "Sum",
        "Period": 300,
    }
    return _alarm(names, f"{which}-errors", f"{which} fails again and again", metric, "GreaterThanThreshold", 3)


def _own(names: Names, metric: Metric, of: str | None = None) -> Json:
    dimensions = [{"Name": "stage", "Value": names.stage}]
    if of is not None:
        dimensions.append({"Name": DIMENSIONS[metric].name, "Value": of})
    return {
        "Namespace": NAMESPACE,
        "MetricName": metric.value,
        "Dimensions": dimensions,
        "Statistic": "Sum",
        "Period": 300,
    }


def _alarm(
    names: Names,
    name: str,
    said: str,
    metric: Json,
    comparison: str,
    threshold: int,
    missing: str = "notBreaching",
    *,
    periods: int = 1,
) -> Json:
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": f"{names.prefix}-{name.lower()}",
            "AlarmDescription": said,
            **metric,
            "ComparisonOperator": comparison,
            "Threshold": threshold,
            "EvaluationPeriods": periods,
            "TreatMissingData": missing,
            "AlarmActions": [{"Ref": "AlarmTopic"}],
            "OKActions": [{"Ref": "AlarmTopic"}],
            "Tags": tags(names),
        },
    }


def dashboard(names: Names) -> Json:
    own = [
        ("Decisions by outcome", Metric.DECISIONS_BY_OUTCOME, "Sum"),
        ("Runs by verdict", Metric.RUNS_BY_VERDICT, "Sum"),
        ("Refusals by guard", Metric.REFUSALS_BY_GUARD, "Sum"),
        ("Seconds to the first action", Metric.TIME_TO_FIRST_ACTION, "p90"),
        ("Seconds to recovery", Metric.TIME_TO_RECOVERY, "p90"),
        ("Messages that were not delivered", Metric.DELIVERIES_FAILED, "Sum"),
    ]
    widgets = [_widget(title, _lines(names, metric), stat) for title, metric, stat in own]
    widgets.append(
        _widget("Age of the oldest backup, in percent of its objective", _lines(names, Metric.BACKUP_AGE), "Maximum")
    )
    widgets.append(_widget("Heartbeat", _lines(names, Metric.HEARTBEAT), "Sum"))
    functions = [["AWS/Lambda", "Errors", "FunctionName", names.function(which)] for which in LOGICAL]
    widgets.append(_widget("Errors of functions", functions, "Sum"))
    body = {"widgets": [{**widget, **_place(number)} for number, widget in enumerate(widgets)]}
    text = {"Fn::Sub": json.dumps(body, sort_keys=True)}
    return {
        "Dashboard": {
            "Type": "AWS::CloudWatch::Dashboard",
            "Condition": MAKES_DASHBOARD,
            "Properties": {"DashboardName": names.prefix, "DashboardBody": text},
        }
    }


_MANY = 15
"""More lines than that are searched for: a dashboard that names over 50 metrics costs 3 dollars a month."""


def _lines(names: Names, metric: Metric) -> list[list[Any]]:
    line = [NAMESPACE, metric.value, "stage", names.stage]
    dimension = DIMENSIONS.get(metric)
    if dimension and len(dimension.values) > _MANY:
        wanted = f'{{{NAMESPACE},stage,{dimension.name}}} MetricName="{metric.value}" stage="{names.stage}"'
        return [[{"expression": f"SEARCH('{wanted}', 'Sum', 3600)", "id": "found"}]]
    return [[*line, dimension.name, value] for value in sorted(dimension.values)] if dimension else [line]


def _widget(title: str, metrics: list[list[Any]], stat: str) -> Json:
    shown = {"title": title, "metrics": metrics, "stat": stat, "period": 3600, "view": "timeSeries"}
    return {"type": "metric", "properties": {**shown, "region": "${AWS::Region}"}}


def _place(number: int) -> Json:
    return {"x": (number % 3) * 8, "y": (number // 3) * 6, "width": 8, "height": 6}
