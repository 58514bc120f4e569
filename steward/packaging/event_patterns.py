"""EventBridge patterns made from the stacks' own ARNs: a foreign task, alarm or database never wakes a Lambda."""

import json
import re
from collections.abc import Iterator
from typing import Any

from chalicelib.aws.resources import partition_of
from chalicelib.models.stack import Stack
from chalicelib.signals.keys import secret_name
from steward.packaging.names import sub

Json = dict[str, Any]
Pattern = tuple[str, Json]
"""What the rule is about, and its pattern."""
_ALARMS = ["CloudWatch Alarm State Change", "CloudWatch Alarm Contributor State Change"]
_RDS = ["RDS DB Instance Event", "RDS DB Cluster Event"]
_RDS_SNAPSHOTS = ["RDS DB Snapshot Event", "RDS DB Cluster Snapshot Event"]
_LIVES_ON = (
    "EC2",
    "ECR",
    "ECS",
    "ELASTICLOADBALANCING",
    "FARGATE",
    "KMS",
    "RDS",
    "S3",
    "SECRETSMANAGER",
    "VPC",
)
"""As AWS Health writes them."""
_BY_SECRETS = ["AWS Service Event via CloudTrail", "AWS API Call via CloudTrail"]
_ROTATIONS = ["RotationSucceeded", "RotationFailed", "PutSecretValue", "UpdateSecret", "UpdateSecretVersionStage"]


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
        # A restore names what it made, or made anew, and a copy what it copied.
        about = [{field: backed_up} for field in ("resourceArn", "createdResourceArn", "sourceResourceArn")]
        yield "backup", {"source": ["aws.backup"], **_home(stack), "detail": {"$or": about}}


def health_pattern(stack: Stack) -> Json:
    """What AWS says of the services that a stack lives on, in its region; notices to the account are none of it."""
    detail = {"service": list(_LIVES_ON), "eventTypeCategory": ["issue", "investigation", "scheduledChange"]}
    return {"source": ["aws.health"], **_home(stack), "detail-type": ["AWS Health Event"], "detail": detail}


def _alarm_patterns(stack: Stack) -> Iterator[Pattern]:
    where = {"source": ["aws.cloudwatch"], **_home(stack), "detail-type": _ALARMS}
    if stack.alarms:
        yield "alarms", {**where, "detail": {"alarmName": [named(glob) for glob in stack.alarms]}}
    for name, dimensions in _dimensions(stack).items():
        metric = {"metricStat": {"metric": {"dimensions": dimensions}}}
        yield f"alarms-{name.lower()}", {**where, "detail": {"configuration": {"metrics": metric}}}


def _dimensions(stack: Stack) -> dict[str, Json]:
    """What alarms on this stack's resources say they are about. A service's name alone may be another's, in another
    cluster."""
    found: dict[str, Json] = {"ServiceName": {"ServiceName": [stack.ecs.service], "ClusterName": [stack.ecs.cluster]}}
    if part := stack.load_balancer:
        name = part.target_group.rpartition(":targetgroup/")[2].partition("/")[0]
        found["TargetGroup"] = {"TargetGroup": [{"prefix": f"targetgroup/{name}/"}]}
    if (database := stack.database) and database.is_on_rds:
        key = "DBInstanceIdentifier" if database.instance else "DBClusterIdentifier"
        found[key] = {key: [database.instance or database.cluster]}
    return found


def _database_patterns(stack: Stack) -> Iterator[Pattern]:
    if (database := stack.database) and database.is_on_rds:
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
    if stack.database is None or not stack.database.is_on_rds:
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


def named(glob: str) -> str | Json:
    """A bus takes 30 rules with wildcards in them, for ever: what can be said without one is."""
    if not re.search(r"[*?\[\\]", glob):
        return glob
    begins = re.fullmatch(r"([^*?\[\\]+)\*+", glob)
    return {"prefix": begins[1]} if begins else {"wildcard": wildcard(glob)}


def has_wildcard(pattern: Json) -> bool:
    return '{"wildcard": ' in json.dumps(pattern)


def wildcard(glob: str) -> str:
    """EventBridge knows `*` alone: what is finer in a glob is decided by intake, which is then woken too often."""
    return re.sub(r"\*+", "*", re.sub(r"\?|\[[^\]]*\]", "*", glob.replace("\\", "\\\\")))
