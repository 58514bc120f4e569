"""Webhooks of Grafana: unified alerting (Alertmanager's shape with more around it) and the alerting before v9."""

from chalicelib.errors import SignalRejected
from chalicelib.models.signal import Signal, SignalKind, SignalState
from chalicelib.signals.alertmanager import STACK_LABEL, read_alerts
from chalicelib.signals.fields import Body, labels, mapping, mappings, text
from chalicelib.signals.keys import key
from chalicelib.signals.origin import Arrival, Opener, make, origin_of

_STATES = {"alerting": SignalState.FIRING, "ok": SignalState.RESOLVED}
_RESOURCE_TAGS = ("instance", "host", "pod", "node")


def is_grafana(payload: Body) -> bool:
    unified = "alerts" in payload and ("orgId" in payload or ("state" in payload and "title" in payload))
    return unified or ("ruleName" in payload and "state" in payload) or "evalMatches" in payload


def read_grafana(payload: Body, arrival: Arrival, _: Opener) -> tuple[Signal, ...]:
    if "alerts" in payload:
        return read_alerts(payload, arrival, SignalKind.WEBHOOK_GRAFANA)
    name, state = text(payload.get("ruleName")) or text(payload.get("title")), text(payload.get("state"))
    if name is None:
        raise SignalRejected("a Grafana alert that does not name its rule")
    matches = [labels(mapping(one.get("tags"))) for one in mappings(payload.get("evalMatches"))[:20]]
    tags = labels(payload.get("tags"))
    # It has no id and no time: what is told twice in one state cannot be told apart from a second alert.
    given = None if arrival.id else f"grafana-{arrival.received_at.isoformat()}-{name}-{state}"
    signal = make(
        origin_of(payload, arrival, "api", given=given),
        SignalKind.WEBHOOK_GRAFANA,
        _STATES.get((state or "").lower(), SignalState.INFO),
        name=name,
        resource=next((one[tag] for one in matches for tag in _RESOURCE_TAGS if tag in one), None),
        reason=payload.get("message"),
        keys=key("stack", tags.get(STACK_LABEL)),
        facts={"labels": tags or None, "status": state, "legacy": True},
    )
    return (signal,)
