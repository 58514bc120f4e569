"""EventBridge events: opened here, and handed to the reader that is registered for (source, detail-type).

Only `aws.*` is AWS's own: on a custom bus anybody can write any detail-type, and such an event is
`unknown` whatever it says.
"""

from collections.abc import Callable

from chalicelib.errors import SignalRejected
from chalicelib.models.signal import Signal, SignalKind
from chalicelib.signals.alarm_event import read_configuration_change, read_state_change
from chalicelib.signals.backup import read_backup
from chalicelib.signals.ecs_container_instance import read_container_instance
from chalicelib.signals.ecs_service import read_deployment, read_service_action
from chalicelib.signals.ecs_task import read_task
from chalicelib.signals.fields import REASON_LIMIT, Body, decode, event_id, moment, text, texts
from chalicelib.signals.health import read_health
from chalicelib.signals.keys import account_of, arn_keys, parse_arn, region_of
from chalicelib.signals.origin import Arrival, Event, Opener, Origin, make
from chalicelib.signals.rds_event import read_rds_event
from chalicelib.signals.rds_snapshot import read_rds_snapshot
from chalicelib.signals.s3_object import read_s3_object
from chalicelib.signals.schedule import read_rule_schedule
from chalicelib.signals.secrets_rotation import read_secret_event
from chalicelib.signals.sfn_execution import read_execution

EventReader = Callable[[Event], Signal]

BY_TYPE: dict[tuple[str, str], EventReader] = {
    ("aws.cloudwatch", "CloudWatch Alarm State Change"): read_state_change,
    ("aws.cloudwatch", "CloudWatch Alarm Contributor State Change"): read_state_change,
    ("aws.cloudwatch", "CloudWatch Alarm Configuration Change"): read_configuration_change,
    ("aws.ecs", "ECS Task State Change"): read_task,
    ("aws.ecs", "ECS Service Action"): read_service_action,
    ("aws.ecs", "ECS Deployment State Change"): read_deployment,
    ("aws.ecs", "ECS Container Instance State Change"): read_container_instance,
    ("aws.events", "Scheduled Event"): read_rule_schedule,
    ("aws.scheduler", "Scheduled Event"): read_rule_schedule,
    ("aws.rds", "RDS DB Instance Event"): read_rds_event,
    ("aws.rds", "RDS DB Cluster Event"): read_rds_event,
    ("aws.rds", "RDS DB Snapshot Event"): read_rds_snapshot,
    ("aws.rds", "RDS DB Cluster Snapshot Event"): read_rds_snapshot,
    ("aws.health", "AWS Health Event"): read_health,
    ("aws.states", "Step Functions Execution Status Change"): read_execution,
    ("aws.secretsmanager", "AWS API Call via CloudTrail"): read_secret_event,
    ("aws.secretsmanager", "AWS Service Event via CloudTrail"): read_secret_event,
    # Rotation events of some years came without a detail-type.
    ("aws.secretsmanager", ""): read_secret_event,
}
BY_PREFIX: tuple[tuple[str, str, EventReader], ...] = (
    ("aws.backup", "", read_backup),  # Backup, Restore, Copy, Report Job State Change and more
    ("aws.s3", "Object ", read_s3_object),  # Object Created, Deleted, Restore Completed, Tags Added, …
)
_NO_DETAIL = frozenset({"Scheduled Event"})  # a rule's schedule has nothing to say beyond its name


def is_event(payload: Body) -> bool:
    return "detail-type" in payload or ("detail" in payload and "source" in payload)


def read_event(payload: Body, arrival: Arrival, _: Opener) -> tuple[Signal, ...]:
    source, detail_type = payload.get("source"), payload.get("detail-type", "")
    if not isinstance(source, str) or not isinstance(detail_type, str) or not source:
        raise SignalRejected("an EventBridge event without a source")
    read = reader_of(source, detail_type)
    if read is None:
        return (_unknown(payload, arrival, source, detail_type),)
    event = Event(_origin(payload, arrival), detail_type, _resources(payload), _detail(payload, detail_type))
    return (read(event),)


def reader_of(source: str, detail_type: str) -> EventReader | None:
    if found := BY_TYPE.get((source, detail_type)):
        return found
    return next((read for of, start, read in BY_PREFIX if source == of and detail_type.startswith(start)), None)


def _detail(payload: Body, detail_type: str) -> Body:
    detail = payload.get("detail")
    if isinstance(detail, str):
        detail = decode(detail)  # EventBridge Scheduler's default event has the text "{}"
    if detail_type in _NO_DETAIL:
        return detail if isinstance(detail, dict) else {}
    if not isinstance(detail, dict) or not detail:
        raise SignalRejected(f"the event's detail is {'empty' if detail == {} else 'not an object'}")
    return detail


def _resources(payload: Body) -> tuple[str, ...]:
    return tuple(texts(payload.get("resources"), REASON_LIMIT))


def _origin(payload: Body, arrival: Arrival) -> Origin:
    account, region = account_of(payload.get("account")), region_of(payload.get("region"))
    if account is None or region is None:
        # Hand-made test events leave them out; the ARN of what they are about has them too.
        arn = next((found for one in _resources(payload)[:5] if (found := parse_arn(one))), None)
        account, region = account or (arn.account if arn else None), region or (arn.region if arn else None)
    return Origin(
        id=event_id(payload.get("id"), payload),
        road=arrival.road or "eventbridge",
        at=moment(payload.get("time")) or arrival.received_at,
        account=account,
        region=region,
        topic=arrival.topic,
    )


def _unknown(payload: Body, arrival: Arrival, source: str, detail_type: str) -> Signal:
    about = next(iter(_resources(payload)), None)
    arn = parse_arn(about)
    if source.startswith("aws."):
        return make(
            _origin(payload, arrival),
            SignalKind.UNKNOWN,
            name=detail_type,
            resource=arn.name if arn else about,
            reason=f"no family of {text(source)} events is called {text(detail_type)!r}",
            keys=arn_keys(about),
        )
    # What a stranger says an event is about is not repeated as if it were so.
    return make(
        _origin(payload, arrival),
        SignalKind.UNKNOWN,
        name=detail_type,
        reason=f"its source {text(source)!r} is not AWS",
    )
