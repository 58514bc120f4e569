"""The CloudWatch alarms that the shipped runbooks expect of a stack, as a CloudFormation template.

What only AWS knows (the last part of a target group's ARN) and what is a matter of taste (thresholds) are
parameters. EventBridge tells Steward of every alarm, so they need no action; a topic may be given all the same.
"""

import re
from fnmatch import fnmatchcase
from typing import Any

from chalicelib.models.stack import Stack

Json = dict[str, Any]
_ABOVE, _BELOW = "GreaterThanThreshold", "LessThanThreshold"
_TARGET_GROUP = re.compile(r"targetgroup/[^/]+/[0-9a-f]+$")
_LOG_METRICS = "MLflowSteward/Logs"
_REFUSED_BY_S3 = '?"AccessDenied" ?"NoSuchBucket" ?"Unable to locate credentials" ?"InvalidAccessKeyId"'


def alarm_template(stack: Stack) -> Json:
    parameters: Json = {"Topic": _text("ARN of an SNS topic that is told too; empty: none.", default="")}
    resources: Json = _service_alarms(stack, parameters)
    resources |= _load_balancer_alarms(stack, parameters) if stack.load_balancer else {}
    resources |= _database_alarms(stack, parameters) if stack.database and stack.database.is_on_rds else {}
    resources |= _artifact_alarm(stack) if stack.logs and stack.artifacts else {}
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"The alarms of {stack.stack} that MLflow Steward's runbooks react to",
        "Parameters": parameters,
        "Conditions": {"HasTopic": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Topic"}, ""]}]}},
        "Resources": resources,
    }


def alarm_names(template: Json) -> tuple[str, ...]:
    found = (one["Properties"].get("AlarmName") for one in template["Resources"].values())
    return tuple(name for name in found if name)


def untied(stack: Stack, template: Json) -> tuple[str, ...]:
    """Alarms that no glob of the stack file claims: those without dimensions would be nobody's."""
    return tuple(name for name in alarm_names(template) if not any(fnmatchcase(name, glob) for glob in stack.alarms))


def _service_alarms(stack: Stack, parameters: Json) -> Json:
    parameters["MemoryPercent"] = _number(90, "Of the task's memory; above it the next large request may be the last.")
    dimensions = {"ClusterName": stack.ecs.cluster, "ServiceName": stack.ecs.service}
    memory = _alarm(
        stack, "memory", "A task has used nearly all its memory", "AWS/ECS", "MemoryUtilization", dimensions,
        Statistic="Maximum", EvaluationPeriods=3, DatapointsToAlarm=3, Threshold=_ref("MemoryPercent"),
    )  # fmt: skip
    return {"Memory": memory}


def _load_balancer_alarms(stack: Stack, parameters: Json) -> Json:
    part = stack.load_balancer
    assert part is not None  # noqa: S101  # the caller saw to it
    known = _TARGET_GROUP.search(part.target_group)
    parameters["TargetGroupFullName"] = _text(
        f"The end of the target group's ARN: targetgroup/{part.target_group if not known else '…'}/0123456789abcdef",
        default=known[0] if known else None,
        pattern=r"^targetgroup/[A-Za-z0-9-]+/[0-9a-f]+$",
    )
    parameters["LoadBalancerFullName"] = _text(
        "The end of the load balancer's ARN: app/NAME/0123456789abcdef", pattern=r"^app/[A-Za-z0-9-]+/[0-9a-f]+$"
    )
    parameters["ErrorsPerMinute"] = _number(10, "Answers with 5xx in a minute, two minutes long.")
    parameters["RefusalsPerMinute"] = _number(60, "Answers with 4xx in a minute, two minutes long.")
    parameters["SlowSeconds"] = _number(2, "What a tenth of the requests takes longer than.")
    dimensions = {"TargetGroup": _ref("TargetGroupFullName"), "LoadBalancer": _ref("LoadBalancerFullName")}

    def alarm(name: str, says: str, metric: str, **rest: Any) -> Json:
        return _alarm(stack, name, says, "AWS/ApplicationELB", metric, dimensions, **rest)

    quiet = {"EvaluationPeriods": 2, "DatapointsToAlarm": 2, "TreatMissingData": "notBreaching", "Statistic": "Sum"}
    return {
        "UnhealthyHosts": alarm(
            "unhealthy-hosts", "A target fails its health checks", "UnHealthyHostCount",
            Statistic="Maximum", EvaluationPeriods=1, DatapointsToAlarm=1, Threshold=0,
        ),
        "Errors": alarm(
            "5xx", "The server answers many requests with 5xx", "HTTPCode_Target_5XX_Count",
            **quiet, Threshold=_ref("ErrorsPerMinute"),
        ),
        "Refusals": alarm(
            "auth-4xx", "The server refuses nearly all requests", "HTTPCode_Target_4XX_Count",
            **quiet, Threshold=_ref("RefusalsPerMinute"),
        ),
        "Latency": alarm(
            "latency", "A tenth of the requests is slow", "TargetResponseTime", ExtendedStatistic="p90",
            EvaluationPeriods=3, DatapointsToAlarm=2, Threshold=_ref("SlowSeconds"), TreatMissingData="notBreaching",
        ),
    }  # fmt: skip


def _database_alarms(stack: Stack, parameters: Json) -> Json:
    part = stack.database
    assert part is not None  # noqa: S101  # the caller saw to it
    parameters["ConnectionsThreshold"] = _number(70, "About 80% of the database's max_connections.")
    one = {"DBInstanceIdentifier": part.instance} if part.instance else {"DBClusterIdentifier": part.cluster}
    connections = _alarm(
        stack, "db-connections", "The database has hardly a connection left to give", "AWS/RDS", "DatabaseConnections",
        one, Statistic="Maximum", EvaluationPeriods=1, DatapointsToAlarm=1, Threshold=_ref("ConnectionsThreshold"),
    )  # fmt: skip
    if part.instance is None:  # Aurora's storage grows by itself
        parameters["ProcessorPercent"] = _number(95, "Of the cluster's processor; above it queries wait.")
        busy = _alarm(
            stack, "database-cpu", "The database has no processor left", "AWS/RDS", "CPUUtilization", one,
            Statistic="Average", EvaluationPeriods=5, DatapointsToAlarm=5, Threshold=_ref("ProcessorPercent"),
        )  # fmt: skip
        return {"DatabaseConnections": connections, "DatabaseBusy": busy}
    parameters["FreeStorageBytes"] = _number(2 * 1024**3, "Below it the database soon takes no more writes.")
    storage = _alarm(
        stack, "database-storage", "The database is nearly out of disk", "AWS/RDS", "FreeStorageSpace", one,
        Statistic="Minimum", EvaluationPeriods=3, DatapointsToAlarm=3, Threshold=_ref("FreeStorageBytes"),
        ComparisonOperator=_BELOW,
    )  # fmt: skip
    return {"DatabaseConnections": connections, "DatabaseStorage": storage}


def _artifact_alarm(stack: Stack) -> Json:
    """S3 counts nothing by itself that says who was refused; MLflow's log does."""
    assert stack.logs is not None  # noqa: S101  # the caller saw to it
    metric = f"{stack.stack}-artifact-refusals"
    transformation = {"MetricNamespace": _LOG_METRICS, "MetricName": metric, "MetricValue": "1", "DefaultValue": 0}
    counted = {
        "Type": "AWS::Logs::MetricFilter",
        "Properties": {
            "LogGroupName": stack.logs.group,
            "FilterPattern": _REFUSED_BY_S3,
            "MetricTransformations": [transformation],
        },
    }
    refused = _alarm(
        stack, "artifact-refusals", "The log says that S3 refuses the artifact store", _LOG_METRICS, metric, {},
        Statistic="Sum", EvaluationPeriods=5, DatapointsToAlarm=2, Threshold=0, TreatMissingData="notBreaching",
    )  # fmt: skip
    return {"ArtifactRefusalsCounted": counted, "ArtifactRefusals": refused}


def _alarm(
    stack: Stack, name: str, says: str, namespace: str, metric: str, dimensions: dict[str, Any], **rest: Any
) -> Json:
    topic = {"Fn::If": ["HasTopic", [_ref("Topic")], _ref("AWS::NoValue")]}
    properties = {
        "AlarmName": f"{stack.stack}-{name}",
        "AlarmDescription": says,
        "Namespace": namespace,
        "MetricName": metric,
        "Period": 60,
        "ComparisonOperator": _ABOVE,
        "TreatMissingData": "missing",
        "AlarmActions": topic,
        "OKActions": topic,
        **({"Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()]} if dimensions else {}),
        **rest,
    }
    return {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}


def _ref(name: str) -> Json:
    return {"Ref": name}


def _text(says: str, *, default: str | None = None, pattern: str | None = None) -> Json:
    asked: Json = {"Type": "String", "Description": says}
    return (
        asked | ({"Default": default} if default is not None else {}) | ({"AllowedPattern": pattern} if pattern else {})
    )


def _number(default: float, says: str) -> Json:
    return {"Type": "Number", "Default": default, "Description": says}
