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
        # EventBridge delivers with no role of ours; that it is our account's rule is what counts.
        ours: Json = {"ArnLike": {"aws:SourceArn": sub(f"{ARN}:events:{HERE}:rule/{names.prefix}-*")}}
        senders = [("RulesOfThisStage", "events.amazonaws.com", ours)]
        if topics and what == "lost-events":
            senders.append(("TopicsThatStacksList", "sns.amazonaws.com", {"ArnEquals": {"aws:SourceArn": [*topics]}}))
        found |= queue(names, queue_id(what), names.queue(what), senders)
    return found | topic(names, names.topic)


def queue_id(what: str) -> str:
    return "".join(word.capitalize() for word in what.split("-"))


def queue_arn(what: str) -> Json:
    return {"Fn::GetAtt": [queue_id(what), "Arn"]}


def queue(names: Names, title: str, name: str, senders: Sequence[tuple[str, str, Json]]) -> Json:
    """`senders`: what a statement is called, the service that may put something in, and for whom."""
    arn = sub(f"{ARN}:sqs:{HERE}:{name}")
    statements = [
        {
            "Sid": said,
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": condition,
        }
        for said, service, condition in senders
    ]
    return {
        title: {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "QueueName": name,
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
                    "Statement": [*statements, tls_only("sqs:*", arn)],
                },
            },
        },
    }


def topic(names: Names, name: str) -> Json:
    arn = sub(f"{ARN}:sns:{HERE}:{name}")
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
            "Properties": {"TopicName": name, "Tags": tags(names)},
        },
        "AlarmTopicPolicy": {
            "Type": "AWS::SNS::TopicPolicy",
            "Properties": {
                "Topics": [{"Ref": "AlarmTopic"}],
                "PolicyDocument": {"Version": "2012-10-17", "Statement": [alarms, tls_only("sns:Publish", arn)]},
            },
        },
    }
