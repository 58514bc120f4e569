"""EventBridge rules made from the stacks' own ARNs: a foreign task, alarm or database never wakes a Lambda."""

import re
from collections.abc import Iterator
from typing import Any

from chalicelib.aws.resources import partition_of
from chalicelib.models.stack import Stack
from chalicelib.signals.keys import secret_name
from steward.packaging.messages import queue_arn
from steward.packaging.names import ARN, HERE, Names, logical, sub

Json = dict[str, Any]
Pattern = tuple[str, Json]
"""What the rule is about, and its pattern."""
_ALARMS = ["CloudWatch Alarm State Change", "CloudWatch Alarm Contributor State Change"]
_RDS = ["RDS DB Instance Event", "RDS DB Cluster Event"]
_RDS_SNAPSHOTS = ["RDS DB Snapshot Event", "RDS DB Cluster Snapshot Event"]
_BY_SECRETS = ["AWS Service Event via CloudTrail", "AWS API Call via CloudTrail"]
_ROTATIONS = ["RotationSucceeded", "RotationFailed", "PutSecretValue", "UpdateSecret", "UpdateSecretVersionStage"]
_RULE_NAME = 64
OLDEST_EVENT_S = 3600
"""An event that could not be delivered for an hour lies in the queue; sweep and alarms know better by then."""


def event_rules(names: Names, stacks: list[Stack]) -> Json:
    found: Json = {}
    for stack in stacks:
        for what, pattern in patterns(stack):
            found[logical("rule", stack.stack, what)] = _rule(names, f"{stack.stack}-{what}", pattern)
    return found | _permission(names) | _subscriptions(stacks)


def patterns(stack: Stack) -> Iterator[Pattern]:
    """In the order of how often they speak."""
    yield from _alarm_patterns(stack)
    cluster, service = stack.ecs.cluster, stack.ecs.service
    where = {"source": ["aws.ecs"], **_home(stack)}
    task = {"clusterArn": [_arn(stack, "ecs", f"cluster/{cluster}")], "group": [f"service:{service}"]}
    yield "tasks", {**where, "detail-type": ["ECS Task State Change"], "detail": task}
    kinds = ["ECS Service Action", "ECS Deployment State Change"]
    yield "service", {**where, "detail-type": kinds, "resources": [_arn(stack, "ecs", f"service/{cluster}/{service}")]}
    yield from _database_patterns(stack)
    yield from _secret_patterns(stack)
    backed_up = [*_database_arns(stack), *_bucket_arns(stack)]
    if backed_up:
        yield "backup", {"source": ["aws.backup"], **_home(stack), "detail": {"resourceArn": backed_up}}


def _alarm_patterns(stack: Stack) -> Iterator[Pattern]:
    where = {"source": ["aws.cloudwatch"], **_home(stack), "detail-type": _ALARMS}
    if stack.alarms:
        yield "alarms", {**where, "detail": {"alarmName": [{"wildcard": wildcard(glob)} for glob in stack.alarms]}}
    for name, values in _dimensions(stack).items():
        metric = {"metricStat": {"metric": {"dimensions": {name: values}}}}
        yield f"alarms-{name.lower()}", {**where, "detail": {"configuration": {"metrics": metric}}}


def _dimensions(stack: Stack) -> dict[str, list[Any]]:
    """What alarms on this stack's resources say they are about."""
    found: dict[str, list[Any]] = {"ServiceName": [stack.ecs.service]}
    if part := stack.load_balancer:
        name = part.target_group.rpartition(":targetgroup/")[2].partition("/")[0]
        found["TargetGroup"] = [{"prefix": f"targetgroup/{name}/"}]
    if database := stack.database:
        key = "DBInstanceIdentifier" if database.instance else "DBClusterIdentifier"
        found[key] = [database.instance or database.cluster]
    return found


def _database_patterns(stack: Stack) -> Iterator[Pattern]:
    if database := stack.database:
        where = {"source": ["aws.rds"], **_home(stack)}
        yield "database", {**where, "detail-type": _RDS, "resources": _database_arns(stack)}
        kind, name = ("snapshot", database.instance) if database.instance else ("cluster-snapshot", database.cluster)
        begins = [{"prefix": _arn(stack, "rds", f"{kind}:{start}{name}-")} for start in ("rds:", "")]
        yield "snapshots", {**where, "detail-type": _RDS_SNAPSHOTS, "resources": begins}


def _secret_patterns(stack: Stack) -> Iterator[Pattern]:
    named = (stack.mlflow.admin_secret, stack.database.secret if stack.database else None)
    names = [name for one in named if (name := secret_name(one))]
    if names:
        ids: list[Any] = [*names, *({"prefix": _arn(stack, "secretsmanager", f"secret:{name}-")} for name in names)]
        where = {"source": ["aws.secretsmanager"], **_home(stack), "detail-type": _BY_SECRETS}
        said = {"eventName": _ROTATIONS, "additionalEventData": {"SecretId": ids}}
        asked = {"eventName": _ROTATIONS, "requestParameters": {"secretId": ids}}
        yield "secrets", {**where, "detail": {"$or": [said, asked]}}


def _database_arns(stack: Stack) -> list[Any]:
    if stack.database is None:
        return []
    kind, name = ("db", stack.database.instance) if stack.database.instance else ("cluster", stack.database.cluster)
    return [_arn(stack, "rds", f"{kind}:{name}")]


def _bucket_arns(stack: Stack) -> list[Any]:
    if stack.artifacts is None or stack.artifacts.endpoint:
        return []
    return [f"arn:{partition_of(stack.region)}:s3:::{stack.artifacts.bucket}"]


def _home(stack: Stack) -> Json:
    """An event's account and region must be the stack's (S2); what comes over the bus from elsewhere is not."""
    return {"account": [stack.account or {"Ref": "AWS::AccountId"}], "region": [stack.region]}


def _arn(stack: Stack, service: str, rest: str) -> str | Json:
    account = stack.account or "${AWS::AccountId}"
    return sub(f"arn:{partition_of(stack.region)}:{service}:{stack.region}:{account}:{rest}")


def wildcard(glob: str) -> str:
    """EventBridge knows `*` alone: what is finer in a glob is decided by intake, which is then woken too often."""
    return re.sub(r"\*+", "*", re.sub(r"\?|\[[^\]]*\]", "*", glob.replace("\\", "\\\\")))


def rule_name(names: Names, what: str) -> str:
    return short(f"{names.prefix}-{what}", _RULE_NAME)


def short(name: str, most: int) -> str:
    """Cut, with the hash of the whole: two that begin alike stay two."""
    from chalicelib.models.shape import content_hash

    return name if len(name) <= most else f"{name[: most - 9]}-{content_hash(name)[:8]}"


def _rule(names: Names, what: str, pattern: Json) -> Json:
    return {
        "Type": "AWS::Events::Rule",
        "Properties": {
            "Name": rule_name(names, what),
            "Description": f"What happens to {what} wakes Steward's intake",
            "EventPattern": pattern,
            "State": "ENABLED",
            "Targets": [
                {
                    "Id": "intake",
                    "Arn": {"Fn::GetAtt": ["Intake", "Arn"]},
                    "DeadLetterConfig": {"Arn": queue_arn("lost-events")},
                    "RetryPolicy": {"MaximumEventAgeInSeconds": OLDEST_EVENT_S, "MaximumRetryAttempts": 20},
                }
            ],
        },
    }


def _permission(names: Names) -> Json:
    return {
        "IntakeFromRules": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "FunctionName": {"Ref": "Intake"},
                "Action": "lambda:InvokeFunction",
                "Principal": "events.amazonaws.com",
                "SourceAccount": {"Ref": "AWS::AccountId"},
                "SourceArn": sub(f"{ARN}:events:{HERE}:rule/{names.prefix}-*"),
            },
        }
    }


def _subscriptions(stacks: list[Stack]) -> Json:
    """Only of topics that a stack lists (S2)."""
    found: Json = {}
    for number, topic in enumerate(sorted({topic for stack in stacks for topic in stack.topics})):
        found[f"Subscription{number}"] = {
            "Type": "AWS::SNS::Subscription",
            "Properties": {
                "Protocol": "lambda",
                "TopicArn": topic,
                "Region": topic.split(":")[3],
                "Endpoint": {"Fn::GetAtt": ["Intake", "Arn"]},
                "RedrivePolicy": {"deadLetterTargetArn": queue_arn("lost-events")},
            },
        }
        found[f"IntakeFromTopic{number}"] = {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "FunctionName": {"Ref": "Intake"},
                "Action": "lambda:InvokeFunction",
                "Principal": "sns.amazonaws.com",
                "SourceArn": topic,
            },
        }
    return found
