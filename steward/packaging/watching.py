"""Who watches the watcher: alarms on Steward itself, and a dashboard. Silence is an alarm where it means death."""

import json
from typing import Any

from chalicelib.models.stack import Stack
from chalicelib.observability import DIMENSIONS, NAMESPACE, Metric
from steward.packaging.keeping import tags
from steward.packaging.messages import QUEUES, queue_id
from steward.packaging.names import LOGICAL, Names

Json = dict[str, Any]
_DRILL_S = 35 * 86_400
"""Drills are monthly; a month has at most 31 days."""
_DAY_S = 86_400


def alarms(names: Names, stacks: list[Stack]) -> Json:
    found: Json = {"HeartbeatAlarm": _heartbeat(names)}
    found |= {f"{queue_id(what)}Alarm": _lost(names, what, why) for what, why in QUEUES.items()}
    found |= {f"{LOGICAL[which]}ErrorsAlarm": _errors(names, which) for which in ("advance", "sweep")}
    for what, objective_s in objectives(stacks).items():
        found[f"{what.capitalize()}BackupAgeAlarm"] = _age(names, Metric.BACKUP_AGE, what, objective_s)
    if objectives(stacks):
        found["BackupsLateAlarm"] = _late(names)
    if any(_on_rds(stack) for stack in stacks):
        found["LastDrillAgeAlarm"] = _age(names, Metric.LAST_DRILL_AGE, None, _DRILL_S)
    return found


def objectives(stacks: list[Stack]) -> dict[str, int]:
    """What is backed up, and how old the oldest newest backup may be: the metric is the oldest of all stacks, and of
    those without any backup it says nothing. Whether each keeps its own objective says BackupsLate."""
    database = [stack.backup.objective for stack in stacks if _on_rds(stack)]
    artifacts = [stack.backup.objective for stack in stacks if stack.artifacts and stack.artifacts.backup_bucket]
    found = {"database": database, "artifacts": artifacts}
    return {what: max(times) for what, times in found.items() if times}


def _on_rds(stack: Stack) -> bool:
    return stack.database is not None and stack.database.is_on_rds


def _heartbeat(names: Names) -> Json:
    # S31: sweep says every minute that Steward lives; that nothing is heard is the alarm.
    metric = _own(names, Metric.HEARTBEAT)
    return _alarm(names, "heartbeat", "Steward does not sweep", metric, "LessThanThreshold", 1, "breaching", periods=2)


def _age(names: Names, metric: Metric, of: str | None, most_s: int) -> Json:
    what = f"{metric.value} {of or ''}".strip()
    said = f"{what}: older than {most_s // 3600} hours, or nobody knows"
    spec = {**_own(names, metric, of), "Statistic": "Maximum", "Period": 3600}
    name = f"{metric.value}-{of}" if of else metric.value
    return _alarm(names, name, said, spec, "GreaterThanThreshold", most_s, "breaching", periods=2)


def _late(names: Names) -> Json:
    """Each stack is measured by its own objective, and one that was never backed up is late from the first hour."""
    spec = {**_own(names, Metric.BACKUPS_LATE), "Statistic": "Maximum", "Period": 3600}
    said = "A stack's newest good backup is older than its objective, or it has none, or nobody knows"
    return _alarm(names, "backups-late", said, spec, "GreaterThanThreshold", 0, "breaching", periods=2)


def _lost(names: Names, what: str, why: str) -> Json:
    metric = {
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateNumberOfMessagesVisible",
        "Dimensions": [{"Name": "QueueName", "Value": names.queue(what)}],
        "Statistic": "Maximum",
        "Period": 300,
    }
    return _alarm(names, what, f"There are {why}", metric, "GreaterThanThreshold", 0, "notBreaching")


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
    widgets.append(_widget("Age of the oldest backup", _lines(names, Metric.BACKUP_AGE), "Maximum"))
    widgets.append(_widget("Heartbeat", _lines(names, Metric.HEARTBEAT), "Sum"))
    functions = [["AWS/Lambda", "Errors", "FunctionName", names.function(which)] for which in LOGICAL]
    widgets.append(_widget("Errors of functions", functions, "Sum"))
    body = {"widgets": [{**widget, **_place(number)} for number, widget in enumerate(widgets)]}
    text = {"Fn::Sub": json.dumps(body, sort_keys=True)}
    return {
        "Dashboard": {
            "Type": "AWS::CloudWatch::Dashboard",
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
