"""What AWS asks IAM for a call: actions, resources and context, as the Service Authorization Reference has them.

A call that is not in these tables is nobody's right: its request names an action that no policy has.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from steward.sandbox import place
from steward.sandbox.iam_own_requests import of_table
from steward.sandbox.iam_policy import ANY, Asked
from steward.sandbox.other_account import region_of

Params = Mapping[str, Any]
Tags = Callable[[str], Mapping[str, str]]
"""Of a resource by its ARN."""
_PREFIXES = {
    "application-autoscaling": "application-autoscaling",
    "cloudtrail": "cloudtrail",
    "cloudwatch": "cloudwatch",
    "ecr": "ecr",
    "ecs": "ecs",
    "elbv2": "elasticloadbalancing",
    "kms": "kms",
    "logs": "logs",
    "rds": "rds",
    "s3": "s3",
    "secretsmanager": "secretsmanager",
    "service-quotas": "servicequotas",
    "ssm": "ssm",
    "stepfunctions": "states",
    "sts": "sts",
}
_OTHERWISE_CALLED = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListParts": "s3:ListMultipartUploadParts",
    "s3:CompleteMultipartUpload": "s3:PutObject",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:UploadPart": "s3:PutObject",
}
_NO_RESOURCE = {
    "backup:ListRecoveryPointsByResource",
    "application-autoscaling:DescribeScalableTargets",
    "cloudtrail:LookupEvents",
    "cloudwatch:GetMetricData",
    "ecs:DeregisterTaskDefinition",
    "ecs:DescribeTaskDefinition",
    "ecs:ListClusters",
    "ecs:ListServices",
    "ecs:ListTaskDefinitions",
    "ecs:ListTasks",
    "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetHealth",
    "events:ListEventBuses",
    "events:ListRuleNamesByTarget",
    "logs:DescribeLogGroups",
    "rds:DescribeAccountAttributes",
    "rds:DescribeEvents",
    "scheduler:ListSchedules",
    "servicequotas:ListServiceQuotas",
    "ssm:DescribeParameters",
    "states:SendTaskSuccess",
}


class Requests:
    """`region` is the client's: of the service that is called."""

    def __init__(
        self,
        tags_of: Tags,
        keys: Mapping[str, str] | None = None,
        key_of: Callable[[str], str | None] = lambda _arn: None,
    ) -> None:
        """`keys`: of customers, by the bucket that encrypts with them; `key_of`: the same, of what RDS has, by its
        ARN."""
        self._tags_of, self._keys, self._key_of = tags_of, {} if keys is None else keys, key_of

    def of(self, service: str, operation: str, params: Params, region: str) -> tuple[Asked, ...]:
        action = f"{_PREFIXES.get(service, service)}:{operation}"
        action = _OTHERWISE_CALLED.get(action, action)
        find: Callable[[str, str, Params, str], Iterable[Asked]] = getattr(
            self, f"_{service.replace('-', '_')}", _plain
        )
        return tuple(find(action, operation, params, region)) or (Asked(action),)

    def _dynamodb(self, action: str, _operation: str, params: Params, region: str) -> Iterable[Asked]:
        yield from of_table(action, _arn("dynamodb", region, f"table/{params.get('TableName', ANY)}"), params)

    def _ecs(self, action: str, operation: str, params: Params, region: str) -> Iterable[Asked]:
        cluster = _last(params.get("cluster", ""))
        where = (_arn("ecs", region, f"cluster/{cluster}"),)
        context: dict[str, tuple[str, ...]] = {"ecs:cluster": where} if cluster else {}
        if operation in {"RegisterTaskDefinition", "RunTask"}:
            yield from self._definitions(action, operation, params, region, context)
        elif action in _NO_RESOURCE:
            yield Asked(action, ANY, context)
        for one in _ecs_resources(operation, params, cluster):
            yield Asked(action, one if one.startswith("arn:") else _arn("ecs", region, one), context)

    def _definitions(
        self, action: str, operation: str, params: Params, region: str, context: dict[str, tuple[str, ...]]
    ) -> Iterable[Asked]:
        named = params.get("taskDefinition") or f"{params.get('family')}:*"
        arn = named if named.startswith("arn:") else _arn("ecs", region, f"task-definition/{named}")
        yield Asked(action, arn, context)
        roles = [params.get("taskRoleArn"), params.get("executionRoleArn")]
        if operation == "RunTask":  # those of its definition
            roles = [place.TASK_ROLE_ARN, place.EXECUTION_ROLE_ARN]
        yield from (_pass_role(role) for role in roles if role)
        if params.get("tags"):
            made = arn if operation == "RegisterTaskDefinition" else _arn("ecs", region, f"task/{place.CLUSTER}/*")
            yield Asked("ecs:TagResource", made, {"ecs:CreateAction": (operation,)})

    def _rds(self, action: str, operation: str, params: Params, region: str) -> Iterable[Asked]:
        if action in _NO_RESOURCE:
            yield Asked(action)
            return
        wanted = {f"aws:RequestTag/{tag['Key']}": (tag["Value"],) for tag in params.get("Tags", ())}
        keys = {params["KmsKeyId"]} if params.get("KmsKeyId") else set()
        for arn in _rds_resources(operation, params, region):
            has = {f"aws:ResourceTag/{key}": (value,) for key, value in self._tags_of(arn).items()}
            yield Asked(action, arn, {**wanted, **has})
            key = self._key_of(arn) if operation.startswith(_MAKES_OF) else None
            keys |= {key} if key else set()
        made = _rds_made(operation, params)
        if wanted and made:
            yield Asked("rds:AddTagsToResource", _arn("rds", region, made), wanted)
        for key in sorted(keys):  # RDS asks for each with the caller's rights, where the key is
            by_rds = {"kms:ViaService": (f"rds.{key.split(':')[3]}.amazonaws.com",)}
            yield Asked("kms:CreateGrant", key, {**by_rds, "kms:GrantIsForAWSResource": ("true",)})
            yield Asked("kms:DescribeKey", key, by_rds)

    def _s3(self, action: str, operation: str, params: Params, _region: str) -> Iterable[Asked]:
        for one in self._of_objects(action, operation, params):
            yield one
            by = {"s3:GetObject": "Decrypt", "s3:GetObjectVersion": "Decrypt", "s3:PutObject": "GenerateDataKey"}
            bucket = one.resource.rpartition(":::")[2].partition("/")[0]
            key = self._keys.get(bucket)
            if key is not None and one.action in by:
                # a key is used where it lies, which is where its bucket lies, whoever asked from where
                context = {"kms:ViaService": (f"s3.{region_of(bucket)}.amazonaws.com",)}
                yield Asked(f"kms:{by[one.action]}", key, context)

    def _of_objects(self, action: str, operation: str, params: Params) -> Iterable[Asked]:
        bucket = f"arn:aws:s3:::{params.get('Bucket', '')}"
        if operation in {"CopyObject", "UploadPartCopy"}:
            yield from _copied(params, bucket, with_tags=operation == "CopyObject")
        elif operation == "DeleteObjects":
            yield from (
                Asked("s3:DeleteObjectVersion" if one.get("VersionId") else "s3:DeleteObject", f"{bucket}/{one['Key']}")
                for one in params["Delete"]["Objects"]
            )
        elif "Key" in params:
            versioned = params.get("VersionId") and action in {"s3:GetObject", "s3:DeleteObject", "s3:GetObjectTagging"}
            named = {"s3:GetObjectTagging": "s3:GetObjectVersionTagging"}.get(action, f"{action}Version")
            yield Asked(named if versioned else action, f"{bucket}/{params['Key']}")
            if params.get("Tagging") and action == "s3:PutObject":
                yield Asked("s3:PutObjectTagging", f"{bucket}/{params['Key']}")
        else:
            yield Asked(action, bucket)

    def _kms(self, action: str, _operation: str, params: Params, region: str) -> Iterable[Asked]:
        key = params["KeyId"]
        if "alias/" in key:
            alias = "alias/" + key.rpartition("alias/")[2]
            yield Asked(action, _arn("kms", region, "key/behind-the-alias"), {"kms:RequestAlias": (alias,)})
        else:
            yield Asked(action, key if key.startswith("arn:") else _arn("kms", region, f"key/{key}"))


def _plain(action: str, _operation: str, params: Params, region: str) -> Iterable[Asked]:
    if action in _NO_RESOURCE:
        yield Asked(action)
    elif named := _NAMED.get(action):
        service, rest, key = named
        given = params.get(key)
        space = "application-autoscaling:service-namespace"
        context = {space: (params["ServiceNamespace"],)} if "ServiceNamespace" in params else {}
        for one in given if isinstance(given, list) else [given or ANY]:
            yield Asked(action, one if one.startswith("arn:") else _arn(service, region, rest.format(one)), context)


_NAMED = {
    "application-autoscaling:RegisterScalableTarget": ("application-autoscaling", "scalable-target/*", "ResourceId"),
    "cloudwatch:DescribeAlarms": ("cloudwatch", "alarm:{}", "AlarmNames"),
    "ecr:DescribeImages": ("ecr", "repository/{}", "repositoryName"),
    "events:ListTargetsByRule": ("events", "rule/{}", "Rule"),
    "lambda:InvokeFunction": ("lambda", "function:{}", "FunctionName"),
    "logs:FilterLogEvents": ("logs", "log-group:{}:*", "logGroupName"),
    "scheduler:GetSchedule": ("scheduler", "schedule/*/{}", "Name"),
    "secretsmanager:DescribeSecret": ("secretsmanager", "secret:{}-AbCdEf", "SecretId"),
    "secretsmanager:GetSecretValue": ("secretsmanager", "secret:{}-AbCdEf", "SecretId"),
    "secretsmanager:PutSecretValue": ("secretsmanager", "secret:{}-AbCdEf", "SecretId"),
    "sns:Publish": ("sns", "{}", "TopicArn"),
    "ssm:GetParametersByPath": ("ssm", "parameter{}", "Path"),
    "states:DescribeExecution": ("states", "execution:{}", "executionArn"),
    "states:StartExecution": ("states", "stateMachine:{}", "stateMachineArn"),
    "states:StopExecution": ("states", "execution:{}", "executionArn"),
}
"""Action to service, the rest of the ARN, and the parameter that names the resource."""


def _arn(service: str, region: str, rest: str) -> str:
    return f"arn:aws:{service}:{region}:{place.ACCOUNT}:{rest}"


def _last(name_or_arn: str) -> str:
    return name_or_arn.rsplit("/", 1)[-1]


def _pass_role(role: str) -> Asked:
    return Asked("iam:PassRole", role, {"iam:PassedToService": ("ecs-tasks.amazonaws.com",)})


def _ecs_resources(operation: str, params: Params, cluster: str) -> Iterable[str]:
    match operation:
        case "DescribeServices":
            return [f"service/{cluster}/{_last(one)}" for one in params["services"]]
        case "UpdateService" | "ListServiceDeployments":
            return [f"service/{cluster}/{_last(params['service'])}"]
        case "DescribeTasks":
            return [f"task/{cluster}/{_last(one)}" for one in params["tasks"]]
        case "StopTask":
            return [f"task/{cluster}/{_last(params['task'])}"]
        case "DescribeServiceRevisions":
            return list(params["serviceRevisionArns"])
        case _:
            return []


_RDS_NAMED = {
    "DBInstanceIdentifier": "db",
    "SourceDBInstanceIdentifier": "db",
    "DBClusterIdentifier": "cluster",
    "DBSnapshotIdentifier": "snapshot",
    "SourceDBSnapshotIdentifier": "snapshot",
    "TargetDBSnapshotIdentifier": "snapshot",
    "DBClusterSnapshotIdentifier": "cluster-snapshot",
    "SourceDBClusterSnapshotIdentifier": "cluster-snapshot",
    "TargetDBClusterSnapshotIdentifier": "cluster-snapshot",
    "DBSubnetGroupName": "subgrp",
    "DBParameterGroupName": "pg",
}
_MAKES_OF = ("Copy", "CreateDBClusterSnapshot", "CreateDBSnapshot", "Restore")
"""Operations that make something of what they name, which lies under the same key."""
_RDS_ALL = {
    "DescribeDBInstances": "db:*",
    "DescribeDBClusters": "cluster:*",
    "DescribeDBSnapshots": "snapshot:*",
    "DescribeDBClusterSnapshots": "cluster-snapshot:*",
}


def _rds_resources(operation: str, params: Params, region: str) -> Iterable[str]:
    """Each one that is named, its own; a list of all is asked of `*` of its kind."""
    named = [(kind, params[key]) for key, kind in _RDS_NAMED.items() if params.get(key)]
    if operation == "RestoreDBClusterFromSnapshot":
        named.append(("cluster-snapshot", params["SnapshotIdentifier"]))
    found = [name if name.startswith("arn:") else _arn("rds", region, f"{kind}:{name}") for kind, name in named]
    return found or [_arn("rds", region, _RDS_ALL.get(operation, ANY))]


def _rds_made(operation: str, params: Params) -> str | None:
    """What a call with tags makes."""
    made = {
        "CreateDBSnapshot": ("snapshot", "DBSnapshotIdentifier"),
        "CopyDBSnapshot": ("snapshot", "TargetDBSnapshotIdentifier"),
        "CreateDBClusterSnapshot": ("cluster-snapshot", "DBClusterSnapshotIdentifier"),
        "CopyDBClusterSnapshot": ("cluster-snapshot", "TargetDBClusterSnapshotIdentifier"),
        "RestoreDBInstanceFromDBSnapshot": ("db", "DBInstanceIdentifier"),
        "RestoreDBClusterFromSnapshot": ("cluster", "DBClusterIdentifier"),
        "CreateDBInstance": ("db", "DBInstanceIdentifier"),
    }.get(operation)
    return f"{made[0]}:{params[made[1]]}" if made else None


def _copied(params: Params, bucket: str, *, with_tags: bool) -> Iterable[Asked]:
    """Tags come along with an object that has some, and need their own rights: here they are always asked for."""
    path, _, version = str(params["CopySource"]).partition("?versionId=")  # as botocore and the lane send it
    arn, target = f"arn:aws:s3:::{unquote(path).lstrip('/')}", f"{bucket}/{params['Key']}"
    yield Asked("s3:GetObjectVersion" if version else "s3:GetObject", arn)
    yield Asked("s3:PutObject", target)
    if with_tags:
        yield Asked("s3:GetObjectVersionTagging" if version else "s3:GetObjectTagging", arn)
        yield Asked("s3:PutObjectTagging", target)
