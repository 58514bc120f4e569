"""The Message of a CloudWatch alarm that went through SNS: capital letters, and `Trigger` may be missing."""

from chalicelib.models.signal import Signal
from chalicelib.signals.alarm import AlarmReading, alarm_signal, children_of
from chalicelib.signals.fields import Body, mapping, mappings, moment, number
from chalicelib.signals.keys import account_of, parse_arn
from chalicelib.signals.origin import Arrival, Opener, origin_of

_TOLD_BY = ("StateChangeTime", "OldStateValue", "AlarmRule", "Trigger", "AlarmArn", "AlarmContributorId")


def is_alarm_message(payload: Body) -> bool:
    return "NewStateValue" in payload or ("AlarmName" in payload and any(name in payload for name in _TOLD_BY))


def read_alarm_message(payload: Body, arrival: Arrival, _: Opener) -> tuple[Signal, ...]:
    arn = parse_arn(payload.get("AlarmArn"))
    # `Region` is a long name ("EU (Ireland)"); an alarm can only notify topics of its own region.
    topic = parse_arn(arrival.topic)
    origin = origin_of(
        payload,
        arrival,
        "lambda",
        at=moment(payload.get("StateChangeTime")),
        account=account_of(payload.get("AWSAccountId")) or (arn.account if arn else None),
        region=(arn.region if arn else None) or (topic.region if topic else None),
    )
    return (alarm_signal(origin, _reading(payload)),)


def _reading(message: Body) -> AlarmReading:
    trigger = mapping(message.get("Trigger"))
    metrics = [mapping(one.get("MetricStat")) for one in _judged_first(trigger)]
    judged = mapping(metrics[0].get("Metric")) if metrics else trigger
    inner = tuple(mapping(one.get("Metric")).get("Dimensions") for one in metrics)
    periods = [trigger.get("Period"), *(one.get("Period") for one in metrics)]
    return AlarmReading(
        name=message.get("AlarmName"),
        arn=message.get("AlarmArn"),
        value=message.get("NewStateValue"),
        previous=message.get("OldStateValue"),
        reason=message.get("NewStateReason"),
        at=moment(message.get("StateChangeTime")),
        dimensions=inner or ((trigger["Dimensions"],) if "Dimensions" in trigger else ()),
        namespace=judged.get("Namespace"),
        metric=judged.get("MetricName"),
        period=max((found for one in periods if (found := number(one)) is not None), default=None),
        evaluation_periods=trigger.get("EvaluationPeriods"),
        threshold=trigger.get("Threshold"),
        description=message.get("AlarmDescription"),
        rule=message.get("AlarmRule"),
        children=children_of(message.get("TriggeringChildren")),
        contributor=_contributor(message),
        muted=message.get("MuteDetail"),
        suppressed_by=message.get("ActionsSuppressedBy"),
        suppressed_reason=message.get("ActionsSuppressedReason"),
    )


def _judged_first(trigger: Body) -> list[Body]:
    metrics = [one for one in mappings(trigger.get("Metrics"))[:50] if isinstance(one.get("MetricStat"), dict)]
    return sorted(metrics, key=lambda one: one.get("ReturnData") is not True)


def _contributor(message: Body) -> Body:
    if "AlarmContributorId" not in message:
        return {}
    return {"id": message["AlarmContributorId"], "attributes": message.get("AlarmContributorAttributes")}
