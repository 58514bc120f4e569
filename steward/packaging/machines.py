"""The Step Functions machines: the one for all runs, and the one for very large copies."""

import json
from typing import Any

from chalicelib.engine import copy_machine, machine
from steward.packaging.keeping import tags
from steward.packaging.names import ARN, HERE, Names, sub

Json = dict[str, Any]
_RETENTION_DAYS = 90


def machines(names: Names, *, copies: bool) -> Json:
    run = _machine(names, names.prefix, "Machine", machine.definition("${AdvanceArn}"), {"AdvanceArn": "Advance"})
    found = run | _role(names, "Machine", "machine", [_invokes("Advance")])
    if not copies:
        return found
    return found | _copies(names)


def _copies(names: Names) -> Json:
    name = f"{names.prefix}-copies"
    arn = f"{ARN}:states:{HERE}:stateMachine:{name}"
    own: list[Json] = [
        {"Effect": "Allow", "Action": "states:StartExecution", "Resource": sub(arn)},
        {
            "Effect": "Allow",
            "Action": ["states:DescribeExecution", "states:StopExecution"],
            # the children of a Distributed Map run under the machine's name and the label of its Map
            "Resource": [sub(f"{ARN}:states:{HERE}:execution:{name}{rest}") for rest in (":*", "/*")],
        },
    ]
    text = copy_machine.definition("${CopyShardArn}")
    made = _machine(names, name, "CopiesMachine", text, {"CopyShardArn": "CopyShard"})
    return made | _role(names, "CopiesMachine", "copies-machine", [_invokes("CopyShard"), *own])


def _machine(names: Names, name: str, title: str, definition: Json, functions: dict[str, str]) -> Json:
    group = f"/aws/vendedlogs/states/{name}"
    return {
        title: {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {
                "StateMachineName": name,
                "StateMachineType": "STANDARD",
                "DefinitionString": json.dumps(definition, sort_keys=True),
                "DefinitionSubstitutions": {
                    word: {"Fn::GetAtt": [function, "Arn"]} for word, function in functions.items()
                },
                "RoleArn": {"Fn::GetAtt": [f"{title}Role", "Arn"]},
                "LoggingConfiguration": {
                    "Level": "ERROR",
                    # A run's words are in the store; here they would be a second place to guard.
                    "IncludeExecutionData": False,
                    "Destinations": [
                        {"CloudWatchLogsLogGroup": {"LogGroupArn": {"Fn::GetAtt": [f"{title}Logs", "Arn"]}}}
                    ],
                },
                "Tags": tags(names),
            },
        },
        f"{title}Logs": {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {"LogGroupName": group, "RetentionInDays": _RETENTION_DAYS, "Tags": tags(names)},
        },
    }


def _invokes(function: str) -> Json:
    return {
        "Effect": "Allow",
        "Action": "lambda:InvokeFunction",
        "Resource": {"Fn::GetAtt": [function, "Arn"]},
    }


def _role(names: Names, title: str, which: str, statements: list[Json]) -> Json:
    delivery = [
        "logs:CreateLogDelivery",
        "logs:GetLogDelivery",
        "logs:UpdateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:ListLogDeliveries",
        "logs:PutResourcePolicy",
        "logs:DescribeResourcePolicies",
        "logs:DescribeLogGroups",
    ]
    # AWS knows no resource for the delivery of logs by a service (Step Functions' own documentation).
    logs = {"Effect": "Allow", "Action": delivery, "Resource": "*"}
    return {f"{title}Role": service_role(names, which, "states.amazonaws.com", [*statements, logs])}


def service_role(names: Names, which: str, service: str, statements: list[Json]) -> Json:
    """Only for our own account's use of that service (the confused deputy)."""
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
    }
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": sub(names.role(which)),
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
            "Policies": [{"PolicyName": "own", "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}],
            "Tags": tags(names),
        },
    }
