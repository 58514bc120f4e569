"""What whoever deploys a stage must be allowed, as an IAM policy: CloudFormation works with the caller's rights.

docs/deploy.md has it for the stage `dev`; `steward doctor` asks IAM whether the caller has it. A test holds it
against the kinds of resources that packaging makes.
"""

from typing import Any

from steward.packaging.names import PREFIX

Json = dict[str, Any]
ACCOUNT, REGION, BUCKET = "ACCOUNT", "REGION", "DEPLOY-BUCKET"
"""To be filled in by a person."""
_SAM = "aws:transform/Serverless-2016-10-31"


def deployer_policy(stage: str, account: str = ACCOUNT, region: str = REGION, bucket: str = BUCKET) -> Json:
    here, own = f"{region}:{account}", f"{PREFIX}-{stage}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            _allow("Deploy", _CLOUDFORMATION, _arns("cloudformation", here, f"stack/{own}/*")),
            _allow("Transform", ("cloudformation:CreateChangeSet",), [f"arn:aws:cloudformation:{region}:{_SAM}"]),
            _allow("Upload", ("s3:PutObject", "s3:GetObject"), [f"arn:aws:s3:::{bucket}/*"]),
            _allow("Buckets", _BUCKETS, [f"arn:aws:s3:::{own}-*"]),
            _allow("Functions", ("lambda:*",), _arns("lambda", here, f"function:{own}-*")),
            _allow("State", _TABLE, _arns("dynamodb", here, f"table/{own}")),
            _allow("Machine", _MACHINE, _arns("states", here, f"stateMachine:{own}*")),
            _allow("Events", _RULES, _arns("events", here, f"rule/{own}-*")),
            _allow("Schedules", _SCHEDULES, _arns("scheduler", here, f"schedule-group/{own}", f"schedule/{own}/*")),
            _allow("Messages", ("sqs:*", "sns:*"), [*_arns("sqs", here, f"{own}-*"), *_arns("sns", here, f"{own}-*")]),
            _allow("Watching", _WATCHING, [*_arns("cloudwatch", here, f"alarm:{own}-*"), _dashboard(account, own)]),
            _allow("Logs", _LOGS, _log_groups(here, own)),
            _allow(
                "Parameters",
                _PARAMETERS,
                _arns("ssm", here, f"parameter/steward/{stage}/*", "parameter/steward/addresses/*"),
            ),
            _allow("Roles", _ROLES, [f"arn:aws:iam::{account}:role/{own}-*"]),
            _allow("Bus", _BUS, _arns("events", here, "event-bus/default")),
            _allow("Api", ("apigateway:*",), [f"arn:aws:apigateway:{region}::/*"]),
            # AWS knows no resource for these, or none that has a name before it exists.
            _allow("NoResource", _NO_RESOURCE, ["*"]),
        ],
    }


def deployer_actions(stage: str) -> tuple[str, ...]:
    """Each by its name, for IAM's simulator: which of `lambda:*` a policy grants, it can say only of one action."""
    said = (action for statement in deployer_policy(stage)["Statement"] for action in statement["Action"])
    return tuple(sorted({_INSTEAD.get(action, action) for action in said}))


def _allow(sid: str, actions: tuple[str, ...], resources: list[str]) -> Json:
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": resources}


def _arns(service: str, here: str, *names: str) -> list[str]:
    return [f"arn:aws:{service}:{here}:{name}" for name in names]


def _dashboard(account: str, own: str) -> str:
    return f"arn:aws:cloudwatch::{account}:dashboard/{own}"


def _log_groups(here: str, own: str) -> list[str]:
    return _arns("logs", here, f"log-group:/aws/lambda/{own}-*", f"log-group:/aws/vendedlogs/states/{own}*")


_INSTEAD = {
    "lambda:*": "lambda:CreateFunction",
    "sqs:*": "sqs:CreateQueue",
    "sns:*": "sns:CreateTopic",
    "apigateway:*": "apigateway:POST",
}
_CLOUDFORMATION = tuple(
    f"cloudformation:{verb}"
    for verb in (
        "CreateChangeSet",
        "DeleteChangeSet",
        "DeleteStack",
        "DescribeChangeSet",
        "DescribeEvents",
        "DescribeStackEvents",
        "DescribeStacks",
        "ExecuteChangeSet",
        "GetTemplateSummary",
    )
)
_BUCKETS = (
    "s3:CreateBucket",
    "s3:DeleteBucket",
    "s3:DeleteBucketPolicy",
    "s3:PutBucketOwnershipControls",
    "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketTagging",
    "s3:PutBucketVersioning",
    "s3:PutEncryptionConfiguration",
    "s3:PutLifecycleConfiguration",
    "s3:Get*",
    "s3:ListBucket",
)
_TABLE = (
    "dynamodb:CreateTable",
    "dynamodb:DeleteTable",
    "dynamodb:Describe*",
    "dynamodb:ListTagsOfResource",
    "dynamodb:TagResource",
    "dynamodb:UpdateContinuousBackups",
    "dynamodb:UpdateTable",
    "dynamodb:UpdateTimeToLive",
)
_MACHINE = (
    "states:CreateStateMachine",
    "states:DeleteStateMachine",
    "states:DescribeStateMachine",
    "states:ListTagsForResource",
    "states:TagResource",
    "states:UpdateStateMachine",
)
_RULES = (
    "events:DeleteRule",
    "events:DescribeRule",
    "events:ListTagsForResource",
    "events:ListTargetsByRule",
    "events:PutRule",
    "events:PutTargets",
    "events:RemoveTargets",
    "events:TagResource",
)
_BUS = ("events:DescribeEventBus", "events:PutPermission", "events:RemovePermission")
_SCHEDULES = (
    "scheduler:CreateSchedule",
    "scheduler:CreateScheduleGroup",
    "scheduler:DeleteSchedule",
    "scheduler:DeleteScheduleGroup",
    "scheduler:GetSchedule",
    "scheduler:GetScheduleGroup",
    "scheduler:ListTagsForResource",
    "scheduler:TagResource",
    "scheduler:UpdateSchedule",
)
_WATCHING = (
    "cloudwatch:DeleteAlarms",
    "cloudwatch:DeleteDashboards",
    "cloudwatch:GetDashboard",
    "cloudwatch:PutDashboard",
    "cloudwatch:PutMetricAlarm",
    "cloudwatch:TagResource",
)
_LOGS = (
    "logs:CreateLogGroup",
    "logs:DeleteLogGroup",
    "logs:ListTagsForResource",
    "logs:PutRetentionPolicy",
    "logs:TagResource",
)
_PARAMETERS = (
    "ssm:AddTagsToResource",
    "ssm:DeleteParameter",
    "ssm:GetParameters",
    "ssm:ListTagsForResource",
    "ssm:PutParameter",
)
_ROLES = (
    "iam:AttachRolePolicy",
    "iam:CreateRole",
    "iam:DeleteRole",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:GetRole",
    "iam:GetRolePolicy",
    "iam:PassRole",
    "iam:PutRolePolicy",
    "iam:TagRole",
    "iam:UpdateAssumeRolePolicy",
)
_NO_RESOURCE = (
    "cloudformation:ValidateTemplate",
    "cloudwatch:DescribeAlarms",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
    "kms:CreateAlias",
    "kms:CreateKey",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:PutKeyPolicy",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "logs:CreateLogDelivery",
    "logs:DescribeLogGroups",
    "logs:PutResourcePolicy",
)


def policy_text(policy: Json) -> str:
    """One statement a line: short enough to read, long enough to paste."""
    import json

    lines = ",\n".join(f"  {json.dumps(statement)}" for statement in policy["Statement"])
    return f'{{"Version": "{policy["Version"]}", "Statement": [\n{lines}\n]}}'
