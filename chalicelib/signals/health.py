"""AWS Health: an open issue fires, a scheduled change is a reason to plan, a notification is news."""

from chalicelib.models.signal import Signal, SignalKind, SignalState
from chalicelib.signals.fields import REASON_LIMIT, Body, mapping, mappings, moment, text
from chalicelib.signals.keys import arn_keys, key
from chalicelib.signals.origin import Event, make

STACK_TAG = "steward:stack"


def read_health(event: Event) -> Signal:
    detail = event.detail
    category, closed = text(detail.get("eventTypeCategory")), text(detail.get("statusCode")) == "closed"
    entities = mappings(detail.get("affectedEntities"))[:50]
    named = [name for one in entities if (name := text(one.get("entityValue")))] or list(event.resources[:50])
    issue = category in {"issue", "investigation"}
    state = (SignalState.RESOLVED if closed else SignalState.FIRING) if issue else SignalState.INFO
    return make(
        event.origin,
        SignalKind.HEALTH,
        state,
        name=detail.get("eventTypeCode"),
        resource=named[0] if named else None,
        actionable=not closed and (issue or category == "scheduledChange"),
        reason=_description(detail),
        keys=(*_tags(entities), *(one for name in named for one in _entity_keys(name, detail))),
        facts={
            "service": text(detail.get("service")),
            "category": category,
            "status": text(detail.get("statusCode")),
            "scope": text(detail.get("eventScopeCode")),
            "event_arn": text(detail.get("eventArn"), REASON_LIMIT),
            "starts_at": _iso(detail.get("startTime")),
            "ends_at": _iso(detail.get("endTime")),
            "entities": named or None,
        },
    )


def _description(detail: Body) -> str | None:
    return next((text(one.get("latestDescription"), REASON_LIMIT) for one in _descriptions(detail)), None)


def _descriptions(detail: Body) -> list[Body]:
    return mappings(detail.get("eventDescription"))


def _tags(entities: list[Body]) -> tuple[str, ...]:
    return tuple(one for entity in entities for one in key("stack", mapping(entity.get("tags")).get(STACK_TAG)))


def _entity_keys(name: str, detail: Body) -> tuple[str, ...]:
    """An ARN, or a bare name whose kind the service tells: `CLUSTER | SERVICE` is how ECS writes it."""
    service = text(detail.get("service"))
    if service == "RDS" and not name.startswith("arn:"):
        return key("db", name)
    if service == "ECS" and name.count("|") == 1:
        cluster, _, one = (part.strip() for part in name.partition("|"))
        return key("service", f"{cluster}/{one}")
    return arn_keys(name)


def _iso(value: object) -> str | None:
    found = moment(value)
    return found.isoformat() if found else None
