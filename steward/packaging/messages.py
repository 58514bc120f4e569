"""Queues for what could not be delivered, and the topic on which Steward's own alarms speak."""

from collections.abc import Sequence
from typing import Any

from steward.packaging.keeping import tags, tls_only
from steward.packaging.names import ARN, HERE, Names, sub

Json = dict[str, Any]
QUEUES = {
    "lost-events": "events that intake could not take",
    "lost-schedules": "schedules that could not be carried out",
    "lost-sweeps": "sweeps that did not come to an end",
}
_KEPT_S = 14 * 86_400
"""As long as SQS can: two weeks to look at what was lost."""


def messages(names: Names, topics: Sequence[str] = ()) -> Json:
    """`topics`: those that the stacks list, whose undelivered messages end in `lost-events` too."""
    found: Json = {}
    for what in QUEUES:
        found |= _queue(names, what, tuple(topics) if what == "lost-events" else ())
    return found | _topic(names)


def queue_id(what: str) -> str:
    return "".join(word.capitalize() for word in what.split("-"))


def queue_arn(what: str) -> Json:
    return {"Fn::GetAtt": [queue_id(what), "Arn"]}


def _queue(names: Names, what: str, topics: tuple[str, ...]) -> Json:
    title = queue_id(what)
    arn = sub(f"{ARN}:sqs:{HERE}:{names.queue(what)}")
    # EventBridge delivers with no role of ours; that it is our account's rule is what counts.
    rules = {
        "Sid": "RulesOfThisStage",
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnLike": {"aws:SourceArn": sub(f"{ARN}:events:{HERE}:rule/{names.prefix}-*")}},
    }
    listed = {
        "Sid": "TopicsThatStacksList",
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": sorted(topics)}},
    }
    statements = [rules, *([listed] if topics else []), tls_only("sqs:*", arn)]
    return {
        title: {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "QueueName": names.queue(what),
                "MessageRetentionPeriod": _KEPT_S,
                "SqsManagedSseEnabled": True,
                "Tags": tags(names),
            },
        },
        f"{title}Policy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {
                "Queues": [{"Ref": title}],
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": statements,
                },
            },
        },
    }


def _topic(names: Names) -> Json:
    arn = sub(f"{ARN}:sns:{HERE}:{names.topic}")
    alarms = {
        "Sid": "AlarmsOfThisAccount",
        "Effect": "Allow",
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": arn,
        "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
    }
    return {
        "AlarmTopic": {
            "Type": "AWS::SNS::Topic",
            "Properties": {"TopicName": names.topic, "Tags": tags(names)},
        },
        "AlarmTopicPolicy": {
            "Type": "AWS::SNS::TopicPolicy",
            "Properties": {
                "Topics": [{"Ref": "AlarmTopic"}],
                "PolicyDocument": {"Version": "2012-10-17", "Statement": [alarms, tls_only("sns:Publish", arn)]},
            },
        },
    }
