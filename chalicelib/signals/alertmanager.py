"""Webhooks of Prometheus Alertmanager: one Signal an alert, since a group can be half resolved.

Labels are what somebody wrote into a rule. The label `steward_stack` chooses among the stacks that
the webhook's credential may speak for: whoever ties these signals passes only those (S2).
"""

from chalicelib.errors import SignalRejected
from chalicelib.models.signal import Signal, SignalKind, SignalState
from chalicelib.signals.fields import REASON_LIMIT, Body, event_id, labels, mapping, moment, text
from chalicelib.signals.keys import key
from chalicelib.signals.origin import Arrival, Opener, Origin, make, origin_of

STACK_LABEL = "steward_stack"
_STATES = {"firing": SignalState.FIRING, "resolved": SignalState.RESOLVED}
_RESOURCE_LABELS = ("pod", "instance", "host", "node")
_MOST_ALERTS = 100


def is_alertmanager(payload: Body) -> bool:
    return "alerts" in payload and ("receiver" in payload or "groupKey" in payload or "status" in payload)


def read_alertmanager(payload: Body, arrival: Arrival, _: Opener) -> tuple[Signal, ...]:
    return read_alerts(payload, arrival, SignalKind.WEBHOOK_ALERTMANAGER)


def read_alerts(payload: Body, arrival: Arrival, kind: SignalKind) -> tuple[Signal, ...]:
    """Grafana's unified alerting writes the same shape."""
    alerts = payload.get("alerts")
    if not isinstance(alerts, list) or not alerts or not all(isinstance(one, dict) for one in alerts):
        raise SignalRejected("a webhook whose `alerts` is not a list of alerts")
    if len(alerts) > _MOST_ALERTS:
        raise SignalRejected(f"a webhook with {len(alerts)} alerts; at most {_MOST_ALERTS} are read")
    # The same alerts in the same states are the same event, however often they are sent (S28).
    told = [[text(one.get(name)) for name in ("fingerprint", "startsAt", "status")] for one in alerts]
    first = origin_of(
        payload, arrival, "api", given=event_id(None, [told, [labels(one.get("labels")) for one in alerts]])
    )
    return tuple(
        _alert(payload, one, first if n == 1 else first._replace(id=f"{first.id}.{n}"), kind)
        for n, one in enumerate(alerts, 1)
    )


def _alert(group: Body, alert: Body, origin: Origin, kind: SignalKind) -> Signal:
    marks = labels(group.get("commonLabels")) | labels(alert.get("labels"))
    notes = labels(mapping(alert.get("annotations")))
    status = text(alert.get("status")) or text(group.get("status")) or ""
    starts, ends = moment(alert.get("startsAt")), moment(alert.get("endsAt"))
    state = _STATES.get(status, SignalState.INFO)
    return make(
        origin,
        kind,
        state,
        name=marks.get("alertname"),
        resource=next((marks[name] for name in _RESOURCE_LABELS if name in marks), None),
        at=(ends if state is SignalState.RESOLVED else None) or starts,
        reason=notes.get("summary") or notes.get("description"),
        keys=key("stack", marks.get(STACK_LABEL)),
        facts={
            "labels": marks,
            "status": status or None,
            "fingerprint": text(alert.get("fingerprint")),
            "starts_at": starts.isoformat() if starts else None,
            "receiver": text(group.get("receiver")),
            "description": text(mapping(alert.get("annotations")).get("description"), REASON_LIMIT),
        },
    )
