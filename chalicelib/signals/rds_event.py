"""RDS events of instances and clusters, from EventBridge and from the older SNS subscriptions.

The event id decides where it is there and known; else category and words do. Storage trouble is
spread over several categories, and `EventID` may be missing.
"""

import re

from chalicelib.errors import SignalRejected
from chalicelib.models.signal import Signal, SignalKind, SignalState
from chalicelib.signals.fields import REASON_LIMIT, Body, moment, text, texts
from chalicelib.signals.keys import arn_keys, key, parse_arn
from chalicelib.signals.origin import Arrival, Event, Opener, Origin, make, origin_of

_FIRING = frozenset(
    f"RDS-EVENT-{number}"
    for number in (
        "0007",  # storage exhausted
        "0013",
        "0070",
        "0072",
        "0073",  # failover started
        "0022",
        "0031",
        "0035",
        "0036",  # restart failed, incompatible restore, parameters, network
        "0069",  # cluster failover failed
        "0089",
        "0221",
        "0222",
        "0223",
        "0224",
        "0330",  # low storage, storage autoscaling at its end
        "0403",
        "0418",
        "0419",  # out of memory, encryption key out of reach
    )
)
_RESOLVED = frozenset(f"RDS-EVENT-{number}" for number in ("0015", "0021", "0049", "0071"))
_EVENT_ID = re.compile(r"RDS-EVENT-\d{4}")
_TROUBLE = frozenset({"low storage", "failure"})
_LEGACY = ("Event Source", "Event Message", "Source ID")


def read_rds_event(event: Event) -> Signal:
    detail = event.detail
    identifier = source_identifier(detail, event.resources)
    cluster = "CLUSTER" in (text(detail.get("SourceType")) or "") or ":cluster:" in (
        text(detail.get("SourceArn")) or ""
    )
    categories, message = texts(detail.get("EventCategories")), text(detail.get("Message"), REASON_LIMIT)
    name = text(detail.get("EventID"))
    arns = (detail.get("SourceArn"), *event.resources[:5])
    return make(
        event.origin,
        SignalKind.RDS_EVENT,
        event_state(name, categories, message or ""),
        name=name or (categories[0] if categories else None),
        resource=identifier,
        reason=message,
        keys=(*key("dbcluster" if cluster else "db", identifier), *(one for arn in arns for one in arn_keys(arn))),
        facts={
            "event_id": name,
            "categories": categories,
            "message": message,
            "source_type": text(detail.get("SourceType")),
            "source_arn": text(detail.get("SourceArn"), REASON_LIMIT),
        },
    )


def source_identifier(detail: Body, resources: tuple[str, ...]) -> str:
    """Some events write `rds:NAME`, as automatic snapshots are called, where NAME is meant."""
    found = text(detail.get("SourceIdentifier"))
    if found is None:
        arn = parse_arn(detail.get("SourceArn")) or parse_arn(next(iter(resources), None))
        found = arn.resource.partition(":")[2] if arn else None
    if not found:
        raise SignalRejected("an RDS event that does not say what it is about")
    return found.removeprefix("rds:")


def event_state(event: str | None, categories: list[str], message: str) -> SignalState:
    said = message.lower()
    if event in _FIRING:
        return SignalState.FIRING
    if event in _RESOLVED:
        return SignalState.RESOLVED
    if event is None and "failover" in categories:
        done = "complete" in said or "finished" in said
        return SignalState.RESOLVED if done else SignalState.FIRING if "start" in said else SignalState.INFO
    trouble = _TROUBLE & set(categories) or "storage has been exhausted" in said or "storage-full" in said
    return SignalState.FIRING if trouble and event is None else SignalState.INFO


def is_legacy(payload: Body) -> bool:
    return sum(name in payload for name in _LEGACY) > 1 and "Event Source" in payload


def read_legacy(payload: Body, arrival: Arrival, _: Opener) -> tuple[Signal, ...]:
    """The subscription's own words: `Event ID` is an address that ends in the id."""
    source = text(payload.get("Event Source")) or ""
    arn = parse_arn(payload.get("Source ARN"))
    origin: Origin = origin_of(
        payload,
        arrival,
        "sns",
        at=moment(payload.get("Event Time")),
        account=arn.account if arn else None,
        region=arn.region if arn else None,
    )
    identity = _EVENT_ID.search(text(payload.get("Event ID"), REASON_LIMIT) or "")
    message, name = text(payload.get("Event Message"), REASON_LIMIT), identity[0] if identity else None
    identifier, snapshot = text(payload.get("Source ID")), "snapshot" in source
    signal = make(
        origin,
        SignalKind.RDS_SNAPSHOT if snapshot else SignalKind.RDS_EVENT,
        SignalState.INFO if snapshot else event_state(name, [], message or ""),
        name=name,
        resource=identifier,
        reason=message,
        keys=(
            *key("snapshot" if snapshot else "dbcluster" if "cluster" in source else "db", identifier),
            *arn_keys(payload.get("Source ARN")),
        ),
        facts={"event_id": name, "message": message, "source_type": source},
    )
    return (signal,)
