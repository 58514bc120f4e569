"""API Gateway proxy requests: the path tells whose webhook it is, anything else is an `http.request`.

Nothing in a body is taken for an AWS event or for one of Steward's own requests.
"""

import base64
import binascii
import json

from chalicelib.errors import SignalRejected
from chalicelib.models.signal import Signal, SignalKind
from chalicelib.signals.alertmanager import is_alertmanager, read_alertmanager
from chalicelib.signals.fields import Body, mapping, moment, number, text
from chalicelib.signals.grafana import is_grafana, read_grafana
from chalicelib.signals.keys import account_of
from chalicelib.signals.origin import Arrival, Opener, make, origin_of
from chalicelib.signals.slack import read_slack

_MOST_BODY = 1_000_000


def is_http_request(payload: Body) -> bool:
    return "requestContext" in payload or ("httpMethod" in payload and "path" in payload)


def read_http_request(payload: Body, arrival: Arrival, open_inner: Opener) -> tuple[Signal, ...]:
    path = text(payload.get("path")) or text(payload.get("rawPath")) or "/"
    context = mapping(payload.get("requestContext"))
    request = arrival._replace(road=arrival.road or "api", id=arrival.id or text(context.get("requestId")))
    family = set(path.lower().split("/"))
    if "slack" in family:
        return read_slack(_body(payload), request)
    if "alertmanager" in family or "grafana" in family:
        return _webhook(_body(payload), request, open_inner, grafana="grafana" in family)
    return (_request(payload, path, context, request),)


def _webhook(body: str, arrival: Arrival, open_inner: Opener, *, grafana: bool) -> tuple[Signal, ...]:
    doubts: list[str] = []
    try:
        alerts = json.loads(body, parse_constant=doubts.append, object_pairs_hook=lambda p: _object(p, doubts))
    except (ValueError, RecursionError):
        raise SignalRejected("the webhook's body is not JSON") from None
    fits = isinstance(alerts, dict) and (is_grafana(alerts) or is_alertmanager(alerts))
    if not fits:
        raise SignalRejected("the webhook's body is no group of alerts")
    read = read_grafana if grafana and is_grafana(alerts) else read_alertmanager
    signals = read(alerts, arrival, open_inner)
    return tuple(_doubted(one, doubts[0]) for one in signals) if doubts else signals


def _object(pairs: list[tuple[str, object]], doubts: list[str]) -> Body:
    found = dict(pairs)
    if len(found) != len(pairs):
        doubts.append("a key that is there twice")
    return found


def _doubted(signal: Signal, what: str) -> Signal:
    reason = f"the body is not strict JSON ({what}), so what it means is anybody's guess"
    return signal.model_copy(update={"actionable": False, "reason": reason})


def _body(payload: Body) -> str:
    body = payload.get("body")
    if not isinstance(body, str) or len(body) > _MOST_BODY:
        raise SignalRejected("a webhook request without a body that can be read")
    if payload.get("isBase64Encoded") is not True:
        return body
    try:
        return base64.b64decode(body, validate=True).decode()
    except (binascii.Error, ValueError):
        raise SignalRejected("the request's body is not the base64 it claims to be") from None


def _request(payload: Body, path: str, context: Body, arrival: Arrival) -> Signal:
    identity = mapping(context.get("identity"))
    method = text(payload.get("httpMethod")) or text(mapping(context.get("http")).get("method"))
    origin = origin_of(
        payload,
        arrival,
        "api",
        at=moment(number(context.get("requestTimeEpoch"))),
        account=account_of(context.get("accountId")),
    )
    return make(
        origin,
        SignalKind.HTTP_REQUEST,
        name=f"{method} {path}" if method else path,
        resource=path,
        facts={
            "method": method,
            "principal": text(identity.get("userArn")) or text(identity.get("caller")),
            "source_ip": text(identity.get("sourceIp")),
        },
    )
