"""The rules that wake intake, and the topics that it hears: made of event_patterns.py and of the stacks' lists."""

from typing import Any

from chalicelib.models.stack import Stack
from steward.packaging.event_patterns import health_pattern, patterns
from steward.packaging.keeping import tags
from steward.packaging.messages import queue_arn
from steward.packaging.names import ARN, HERE, Names, forwarder, logical, short, sub

Json = dict[str, Any]
_RULE_NAME = 64
OLDEST_EVENT_S = 3600
"""An event that could not be delivered for an hour lies in the queue; sweep and alarms know better by then."""
RETRIES = {"MaximumEventAgeInSeconds": OLDEST_EVENT_S, "MaximumRetryAttempts": 20}


def event_rules(names: Names, stacks: list[Stack]) -> Json:
    found: Json = {}
    for stack in stacks:
        for what, pattern in patterns(stack):
            found[logical("rule", stack.stack, what)] = _rule(names, f"{stack.stack}-{what}", pattern)
    return found | _health(names, stacks) | _bus(names, stacks) | _permission(names) | _subscriptions(stacks)


def _health(names: Names, stacks: list[Stack]) -> Json:
    """One rule a place: what AWS says of a region, it would say once for each stack there."""
    found: Json = {}
    for stack in stacks:
        place = "-".join(("aws-health", stack.account or "here", stack.region))
        found[logical("rule", place)] = _rule(names, place, health_pattern(stack))
    return found


def _bus(names: Names, stacks: list[Stack]) -> Json:
    """Who of another account may put events on our bus: the roles that packaging makes there for it (away.py). Within
    our own account such a role's own right is enough."""
    found: Json = {}
    for account in sorted({stack.account for stack in stacks if stack.account is not None}):
        own = f"{ARN}:iam::{account}"
        roles = [sub(f"{own}:role/{forwarder(names, one.stack)}") for one in stacks if one.account == account]
        found[logical("bus", account)] = {
            "Type": "AWS::Events::EventBusPolicy",
            "Properties": {
                "StatementId": f"{names.prefix}-{account}",
                "Statement": {
                    "Effect": "Allow",
                    # by the account and not by its roles: those are made after this, and trust what is here
                    "Principal": {"AWS": sub(f"{own}:root")},
                    "Action": "events:PutEvents",
                    "Resource": sub(f"{ARN}:events:{HERE}:event-bus/default"),
                    "Condition": {"ArnEquals": {"aws:PrincipalArn": roles}},
                },
            },
        }
    return found


def rule_name(names: Names, what: str) -> str:
    return short(f"{names.prefix}-{what}", _RULE_NAME)


def _rule(names: Names, what: str, pattern: Json) -> Json:
    return {
        "Type": "AWS::Events::Rule",
        "Properties": {
            "Name": rule_name(names, what),
            "Description": f"What happens to {what} wakes Steward's intake",
            "EventPattern": pattern,
            "State": "ENABLED",
            "Tags": tags(names),
            "Targets": [
                {
                    "Id": "intake",
                    "Arn": {"Fn::GetAtt": ["Intake", "Arn"]},
                    "DeadLetterConfig": {"Arn": queue_arn("lost-events")},
                    "RetryPolicy": RETRIES,
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
