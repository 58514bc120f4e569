"""Webhooks of Alertmanager and Grafana: each alert is an event of its own, on the one road that alarms take too.

The credential says which stacks may be spoken for; the chosen one is written into what is archived and
evaluated, so that a worker that takes the event over needs no credential. What is refused is recorded.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.documents import read_json
from chalicelib.errors import DocumentError
from chalicelib.flows.api.calls import Answered
from chalicelib.flows.ingest import ingest
from chalicelib.flows.parts import Parts
from chalicelib.flows.webhook_refusal import Refusal, record
from chalicelib.guards import webhook as guard
from chalicelib.models.decision import DecisionState, Outcome
from chalicelib.models.problem import FieldProblem, Rejected
from chalicelib.models.shape import content_hash
from chalicelib.models.webhook import Source, WebhookCredential
from chalicelib.signals.alertmanager import STACK_LABEL
from chalicelib.signals.fields import labels, mapping, moment, text

MOST_BODY = 1024 * 1024
DEEPEST = 12
MOST_ALERTS = 100
Json = dict[str, Any]


@dataclass(frozen=True)
class Knock:
    """A webhook's request as it came in."""

    source: Source
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
    credential: str | None = None
    """Whom the authorizer found behind the bearer token."""
    address: str = ""
    """Where the API is, for links."""


def speaker(parts: Parts, source: str, header: str) -> str | None:
    """For the authorizer: the credential behind a bearer token. What is no credential's is recorded.
    Raises AwsError when the secrets cannot be read, and then nobody is let in."""
    token = guard.bearer(header)
    mine = {name: one for name, one in parts.webhooks.items() if one.source == source}
    pairs = {name: parts.secret_pair(one.secret) for name, one in mine.items()} if token else {}
    found = guard.speaker(token, pairs, parts.clock.now())
    if found is None:
        record(parts, Refusal(source, "its bearer token is nobody's", status=403))
    return found


def take(parts: Parts, knock: Knock) -> Answered:
    """Raises Rejected with the status that says what is wrong."""
    name, credential = _credential(parts, knock)
    if len(knock.body) > MOST_BODY:
        raise _refused(parts, knock, f"the body has {len(knock.body)} bytes, more than {MOST_BODY}", 413)
    if credential.signed_with:
        pair = parts.secret_pair(credential.signed_with)
        if why := guard.grafana_doubt(knock.body, knock.headers, pair, parts.clock.now()):
            raise _refused(parts, knock, why, 401)
    try:
        group = read_json(knock.body, "body", max_bytes=MOST_BODY, max_depth=DEEPEST)
    except DocumentError as error:
        raise _refused(parts, knock, str(error), 400) from error
    alerts = group.get("alerts") if isinstance(group, dict) else None
    if not isinstance(group, dict) or not isinstance(alerts, list) or not alerts:
        raise _refused(parts, knock, "it is no group of alerts: `alerts` is missing or empty", 422)
    if len(alerts) > MOST_ALERTS or not all(isinstance(one, dict) for one in alerts):
        raise _refused(parts, knock, f"`alerts` is not a list of at most {MOST_ALERTS} alerts", 422)
    told = [_take_one(parts, knock, name, credential, group, alert) for alert in alerts]
    if not any(one["accepted"] for one in told):
        raise _none_of(told)
    return Answered({"alerts": told}, 202)


def _credential(parts: Parts, knock: Knock) -> tuple[str, WebhookCredential]:
    found = parts.webhooks.get(knock.credential or "")
    if knock.credential is None or found is None or found.source is not knock.source:
        raise _refused(parts, knock, f"no credential of {knock.source.value} stands behind it", 403)
    return knock.credential, found


def _take_one(
    parts: Parts, knock: Knock, name: str, credential: WebhookCredential, group: Mapping[str, Any], alert: Json
) -> Json:
    marks = labels(group.get("commonLabels")) | labels(alert.get("labels"))
    said = {"alert": marks.get("alertname"), "accepted": False, "stack": None, "outcome": Outcome.INVALID.value}
    stack, why = guard.choose_stack(marks.get(STACK_LABEL), credential.stacks, parts.engine.stacks)
    if stack is None:
        event = record(parts, Refusal(knock.source.value, why, 403, credential=name, content=[marks, why]))
        return {**said, "event": event, "because": why, "status": 403}
    told = _identity(knock.source, stack, marks, group, alert)
    event_id = f"alert-{content_hash(told)[:40]}"
    before = parts.decisions.get(event_id)
    if before is not None and before.state is DecisionState.DECIDED:
        said |= {"accepted": True, "outcome": before.outcome and before.outcome.value}
        return {**said, "stack": stack, "event": event_id, "because": "heard before"}
    starts, ends = moment(alert.get("startsAt")), moment(alert.get("endsAt"))
    late = guard.doubt_of_time(starts, ends, told[-1] == "resolved", parts.clock.now())
    if late:
        event = record(parts, Refusal(knock.source.value, late, 422, credential=name, content=told))
        return {**said, "stack": stack, "event": event, "because": late, "status": 422}
    decision = ingest(parts, _alone(group, alert, marks, stack), event_id=event_id, principal=f"webhook:{name}")
    reasons = [reason for part in decision.parts for reason in part.reasons]
    run = next((part.run_id for part in decision.parts if part.run_id), None)
    outcome = decision.outcome.value if decision.outcome else None
    said |= {"accepted": decision.outcome is not Outcome.INVALID, "outcome": outcome, "run": run}
    return {**said, "stack": stack, "event": event_id, "because": "; ".join(reasons)}


def _identity(source: Source, stack: str, marks: dict[str, str], group: Mapping[str, Any], alert: Json) -> list[str]:
    """The same alert in the same state is the same event, however often and in whatever group it is told (S28)."""
    starts = moment(alert.get("startsAt"))
    state = text(alert.get("status")) or text(group.get("status")) or ""
    which = text(alert.get("fingerprint")) or content_hash(marks)
    return [source.value, stack, which, starts.isoformat() if starts else "", state]


def _alone(group: Mapping[str, Any], alert: Json, marks: dict[str, str], stack: str) -> Json:
    """One alert as a group of its own, with nothing of the group that another reader could take for more."""
    kept = {
        name: group[name] for name in ("receiver", "version", "groupKey", "orgId", "title", "state") if name in group
    }
    named = {**mapping(alert.get("labels")), **marks, STACK_LABEL: stack}
    status = alert.get("status") or group.get("status")
    return {**kept, "status": status, "alerts": [{**alert, "labels": named, "status": status}]}


def _refused(parts: Parts, knock: Knock, why: str, status: int) -> Rejected:
    content = hashlib.sha256(knock.body).hexdigest()
    refusal = Refusal(knock.source.value, why, status, credential=knock.credential, content=[why, content])
    record(parts, refusal)
    return refusal.as_rejected()


def _none_of(told: list[Json]) -> Rejected:
    statuses = {one.get("status", 422) for one in told}
    where = [FieldProblem(pointer=f"/alerts/{n}", detail=str(one["because"])[:300]) for n, one in enumerate(told[:20])]
    return Rejected(min(statuses) if len(statuses) == 1 else 422, "none of its alerts is believed", *where)
