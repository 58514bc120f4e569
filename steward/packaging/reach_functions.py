"""`reach`: one function for the stacks of the same subnets and security groups (`network:`), without any AWS right.

Chalice makes one function of that name in no network; it is the mould and is taken out of the template.
"""

import copy
from typing import Any

from chalicelib.aws.lambda_invoke import reach_function
from chalicelib.models.stack import NetworkPart, Stack
from steward.packaging.functions import REACH_RESERVED, log_group
from steward.packaging.keeping import tag_map, tags
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
    """The template's resources with `reach` once for each of their networks, and its mould gone."""
    mould = resources[MOULD]
    left = {name: body for name, body in resources.items() if name not in {MOULD, MOULD_ROLE}}
    for name, network in networks(names, stacks).items():
        left |= _one(mould, names, name, network)
    return left


def networks(names: Names, stacks: list[Stack]) -> dict[str, NetworkPart]:
    """By the function's name, which is made of the place: stacks of one place share it."""
    own = sorted(with_network(stacks), key=lambda stack: stack.stack)
    return {reach_function(names.stage, stack): stack.network for stack in own if stack.network is not None}


def _one(mould: Json, names: Names, name: str, network: NetworkPart) -> Json:
    title = logical("reach", name.rpartition("-")[2])
    function = copy.deepcopy(mould)
    function["Properties"] |= {
        "FunctionName": name,
        "Role": {"Fn::GetAtt": [f"{title}Role", "Arn"]},
        "VpcConfig": {
            "SubnetIds": sorted(network.subnets),
            "SecurityGroupIds": sorted(network.security_groups),
        },
        "ReservedConcurrentExecutions": {"Fn::If": ["ReservesConcurrency", REACH_RESERVED, {"Ref": "AWS::NoValue"}]},
        "Tags": tag_map(names),
    }
    function["Properties"].pop("Environment", None)  # it reads no state and no environment
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
