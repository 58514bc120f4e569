"""What is deployed where a stack stands, when that is not where Steward does: a template of its own for each.

In another account: the stack's roles (S23). In another account or region: rules with the same patterns as at home,
whose target is Steward's bus. An event keeps its account and region on the way, so intake believes it as any other
(S2). What cannot be sent lies in a queue there, with an alarm and a topic there: EventBridge and CloudWatch reach none
elsewhere. It is deployed after Steward's own: IAM trusts no role that is not there yet.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.models.rights import StackRole
from chalicelib.models.runbook import Runbook
from chalicelib.models.stack import Stack
from steward.packaging.event_patterns import health_pattern, patterns
from steward.packaging.events import RETRIES, rule_name
from steward.packaging.home import is_away
from steward.packaging.keeping import tags
from steward.packaging.messages import queue, queue_arn, queue_id, topic
from steward.packaging.names import ARN, HERE, Names, forward_queue, forward_topic, forwarder, logical, sub
from steward.packaging.rights import role_name, role_resources
from steward.packaging.watching import lost

Json = dict[str, Any]
_BUS = f"{ARN}:events:${{StewardRegion}}:${{StewardAccount}}:event-bus/default"
_LOST = "lost-forwards"


def away_templates(
    stacks: Sequence[Stack], names: Names, runbooks: Mapping[str, Runbook], *, copies: bool, home: str
) -> dict[str, Json]:
    return {
        stack.stack: away_template(stack, names, runbooks, copies=copies) for stack in stacks if is_away(stack, home)
    }


def away_template(stack: Stack, names: Names, runbooks: Mapping[str, Runbook], *, copies: bool = False) -> Json:
    """It says whose account and region Steward stands in."""
    there = {"steward_account": "${StewardAccount}", "steward_region": "${StewardRegion}"}
    # A role that the stack's file names is there already, and is its owner's.
    makes_roles = stack.account is not None and stack.role == role_name(names.stage, stack.stack, StackRole.ACT)
    roles = role_resources(stack, names, runbooks, copies=copies, **there) if makes_roles else {}
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"What MLflow Steward ({names.stage}) needs where the stack {stack.stack} stands",
        "Parameters": {
            "StewardAccount": {"Type": "String", "AllowedPattern": r"^\d{12}$", "Description": "Steward's account"},
            "StewardRegion": {"Type": "String", "AllowedPattern": r"^[a-z]{2}(-[a-z]+)+-\d$"},
        },
        "Resources": {**roles, **_forwarding(stack, names)},
    }


def _forwarding(stack: Stack, names: Names) -> Json:
    found: Json = {"Forwarder": _role(stack, names)}
    rules = []
    for what, pattern in (*patterns(stack), ("aws-health", health_pattern(stack))):
        rules.append(rule_name(names, f"{stack.stack}-{what}"))
        found[logical("rule", what)] = {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "Name": rules[-1],
                "Description": f"What happens to {stack.stack} ({what}) is sent to Steward's bus",
                "EventPattern": pattern,
                "State": "ENABLED",
                "Targets": [
                    {
                        "Id": "steward",
                        "Arn": sub(_BUS),
                        "RoleArn": {"Fn::GetAtt": ["Forwarder", "Arn"]},
                        "DeadLetterConfig": {"Arn": queue_arn(_LOST)},
                        "RetryPolicy": RETRIES,
                    }
                ],
                "Tags": tags(names),
            },
        }
    return found | _lost(stack, names, rules)


def _lost(stack: Stack, names: Names, rules: Sequence[str]) -> Json:
    own = {"ArnEquals": {"aws:SourceArn": [sub(f"{ARN}:events:{HERE}:rule/{rule}") for rule in rules]}}
    name = forward_queue(names, stack.stack)
    why = f"events of {stack.stack} that could not be sent to Steward"
    return {
        **queue(names, queue_id(_LOST), name, [("RulesOfThisStack", "events.amazonaws.com", own)]),
        **topic(names, forward_topic(names, stack.stack)),
        f"{queue_id(_LOST)}Alarm": lost(names, f"{stack.stack}-{_LOST}", name, why),
    }


def _role(stack: Stack, names: Names) -> Json:
    trust = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ours = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    puts = {"Effect": "Allow", "Action": "events:PutEvents", "Resource": sub(_BUS)}
    policy = {"PolicyName": "forward", "PolicyDocument": {"Version": "2012-10-17", "Statement": [puts]}}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": forwarder(names, stack.stack),
            "Description": f"Sends what happens to {stack.stack} to Steward's bus, and can do nothing else",
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [{**trust, "Condition": ours}]},
            "Policies": [policy],
            "Tags": tags(names),
        },
    }
