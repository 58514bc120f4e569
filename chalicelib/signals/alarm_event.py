"""CloudWatch alarms through EventBridge, and as a direct Lambda action: both carry the same `detail`.

The direct action calls it `alarmData` and has an envelope of its own.
"""

from chalicelib.errors import SignalRejected
from chalicelib.models.signal import Signal, SignalKind
from chalicelib.signals.alarm import (
    AlarmReading,
    alarm_keys,
    alarm_name,
    alarm_signal,
    children_of,
    threshold_of,
)
from chalicelib.signals.fields import Body, decode, labels, mapping, mappings, moment, number, text
from chalicelib.signals.keys import account_of, parse_arn, region_of
from chalicelib.signals.origin import Arrival, Event, Opener, make, origin_of


def read_state_change(event: Event) -> Signal:
    """Also for `CloudWatch Alarm Contributor State Change`, whose detail has one more entry."""
    return alarm_signal(event.origin, _reading(event.detail, next(iter(event.resources), None)))


def read_configuration_change(event: Event) -> Signal:
    reading = _reading(event.detail, next(iter(event.resources), None))
    operation = text(event.detail.get("operation"))
    told = alarm_signal(event.origin, reading)
    return make(
        event.origin,
        SignalKind.ALARM_CONFIG,
        name=alarm_name(reading),
        resource=told.resource,
        reason=f"the alarm's configuration: {operation or 'changed'}",
        keys=alarm_keys(reading),
        facts={**told.facts, "operation": operation},
    )


def is_lambda_action(payload: Body) -> bool:
    return "alarmData" in payload


def read_lambda_action(payload: Body, arrival: Arrival, _: Opener) -> tuple[Signal, ...]:
    data = payload.get("alarmData")
    if not isinstance(data, dict) or not data:
        raise SignalRejected("an alarm action without alarmData")
    arn = parse_arn(payload.get("alarmArn"))
    origin = origin_of(
        payload,
        arrival,
        "lambda",
        at=moment(payload.get("time")),
        account=account_of(payload.get("accountId")) or (arn.account if arn else None),
        region=region_of(payload.get("region")) or (arn.region if arn else None),
    )
    return (alarm_signal(origin, _reading(data, payload.get("alarmArn"))),)


def _reading(detail: Body, arn: object) -> AlarmReading:
    state, configuration = mapping(detail.get("state")), mapping(detail.get("configuration"))
    metrics, period = _metrics_of(configuration)
    judged = metrics[0] if metrics else {}
    data = state.get("reasonData")
    return AlarmReading(
        name=detail.get("alarmName") or configuration.get("alarmName"),
        arn=arn,
        value=state.get("value"),
        previous=mapping(detail.get("previousState")).get("value"),
        reason=state.get("reason"),
        at=moment(state.get("timestamp")),
        dimensions=tuple([one.get("dimensions") for one in metrics]),
        namespace=judged.get("namespace"),
        metric=judged.get("name"),
        period=period,
        evaluation_periods=configuration.get("evaluationPeriods"),
        threshold=configuration.get("threshold", threshold_of(data)),
        description=configuration.get("description"),
        rule=configuration.get("alarmRule"),
        children=children_of(mapping(decode(data)).get("triggeringAlarms")) if "alarmRule" in configuration else (),
        contributor=_contributor(detail),
        muted=detail.get("muteDetail", state.get("muteDetail")),
        suppressed_by=state.get("actionsSuppressedBy", detail.get("actionsSuppressedBy")),
        suppressed_reason=state.get("actionsSuppressedReason"),
        actions_enabled=configuration.get("actionsEnabled"),
    )


def _metrics_of(configuration: Body) -> tuple[list[Body], int | float | None]:
    """The `metric` of every `metricStat`, the one that is judged before the inputs of its math, and the longest
    period of all."""
    judged: list[Body] = []
    inputs: list[Body] = []
    longest: int | float | None = None
    for one in mappings(configuration.get("metrics"))[:50]:
        stat = one.get("metricStat")
        # A Metrics Insights query has its period beside the expression, everything else inside of metricStat.
        period = number(stat.get("period", one.get("period")) if isinstance(stat, dict) else one.get("period"))
        if period is not None and (longest is None or period > longest):
            longest = period
        if isinstance(stat, dict):
            (judged if one.get("returnData") is True else inputs).append(mapping(stat.get("metric")))
    return judged + inputs, longest


def _contributor(detail: Body) -> Body:
    contributor = mapping(detail.get("alarmContributor"))
    return {"id": contributor.get("id"), "attributes": labels(contributor.get("attributes"))} if contributor else {}
