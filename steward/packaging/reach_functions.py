"""`reach`: one function per stack that has `network:`, in that stack's own subnets, without any AWS right.

Chalice makes one function of that name in no network; it is the mould and is taken out of the template.
"""

import copy
from typing import Any

from chalicelib.aws.lambda_invoke import reach_function
from chalicelib.models.stack import Stack
from steward.packaging.functions import log_group
from steward.packaging.keeping import tags
from steward.packaging.names import ARN, HERE, Names, logical, sub

Json = dict[str, Any]
MOULD = "Reach"
MOULD_ROLE = "DefaultRole"
"""Chalice's, for functions without a policy of their own: the mould is the only one."""
# Lambda makes and removes its network interfaces with the function's own role. AWS knows no resource for
# DescribeNetworkInterfaces; the others are made before anything is there to name.
_INTERFACES = [
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
]


def with_network(stacks: list[Stack]) -> list[Stack]:
    """Those for whom a function is made: a stack may name one that is there already."""
    return [stack for stack in stacks if stack.network is not None and stack.network.function is None]


def cast(resources: Json, names: Names, stacks: list[Stack]) -> Json:
    """The template's resources with `reach` once for each of these stacks, and its mould gone."""
    mould = resources[MOULD]
    left = {name: body for name, body in resources.items() if name not in {MOULD, MOULD_ROLE}}
    for stack in with_network(stacks):
        left |= _one(mould, names, stack)
    return left


def _one(mould: Json, names: Names, stack: Stack) -> Json:
    assert stack.network is not None  # noqa: S101 - only such are cast
    name, title = reach_function(names.stage, stack), logical("reach", stack.stack)
    function = copy.deepcopy(mould)
    function["Properties"] |= {
        "FunctionName": name,
        "Role": {"Fn::GetAtt": [f"{title}Role", "Arn"]},
        "VpcConfig": {
            "SubnetIds": list(stack.network.subnets),
            "SecurityGroupIds": list(stack.network.security_groups),
        },
        "ReservedConcurrentExecutions": {"Fn::If": ["ReservesConcurrency", 2, {"Ref": "AWS::NoValue"}]},
        "Tags": {tag["Key"]: tag["Value"] for tag in tags(names)},
    }
    function["Properties"].pop("Environment", None)  # it reads no state and no environment
    function["DependsOn"] = [f"{title}Role"]
    group = f"/aws/lambda/{name}"
    return {title: function, f"{title}Role": _role(names, group), f"{title}Logs": log_group(names, group)}


def _role(names: Names, group: str) -> Json:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    streams = sub(f"{ARN}:logs:{HERE}:log-group:{group}:*")
    statements = [
        {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": streams},
        {"Effect": "Allow", "Action": _INTERFACES, "Resource": "*"},
        # The right to have interfaces made is Lambda's use of the role; code in the function has none of it.
        {
            "Effect": "Deny",
            "Action": _INTERFACES,
            "Resource": "*",
            "Condition": {"ArnLike": {"lambda:SourceFunctionArn": sub(f"{ARN}:lambda:{HERE}:function:*")}},
        },
    ]
    policy = {"PolicyName": "own", "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
            "Policies": [policy],
            "Tags": tags(names),
        },
    }
