"""`api`: webhooks. Bearer tokens in an authorizer that is asked every time, signatures over the raw body in here."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chalice.app import AuthResponse, AuthRoute, Blueprint, Response

if TYPE_CHECKING:
    from chalice.app import AuthRequest

    from chalicelib.flows.api.calls import Answered
    from chalicelib.flows.parts import Parts
    from chalicelib.flows.webhook import Knock

ROAD = "/v1/webhooks"
JSON, FORM = "application/json", "application/x-www-form-urlencoded"


def webhooks_blueprint(parts: "Callable[[], Parts]") -> Blueprint:
    blueprint = Blueprint("app")  # names what Lambda calls: `app.py` has them all, not this module's

    @blueprint.authorizer(ttl_seconds=0, name="webhook_authorizer")
    def webhook_authorizer(request: "AuthRequest") -> AuthResponse:
        from chalicelib.flows.webhook import speaker

        source = request.method_arn.rsplit("/", 1)[-1]
        name = speaker(parts(), source, request.token)
        routes: list[str | AuthRoute] = [AuthRoute(path=f"{ROAD}/{source}", methods=["POST"])] if name else []
        return AuthResponse(routes=routes, principal_id=name or "nobody")

    for source in ("alertmanager", "grafana"):
        _register(blueprint, parts, source, f"{ROAD}/{source}", JSON, authorizer=webhook_authorizer)
    for kind in ("interactions", "commands"):
        _register(blueprint, parts, "slack", f"{ROAD}/slack/{kind}", FORM)
    return blueprint


def _register(
    blueprint: Blueprint, parts: "Callable[[], Parts]", source: str, path: str, content: str, **guard: object
) -> None:
    def view() -> Response:
        from chalicelib.flows.webhook_door import failed, knocked

        knock = _knock(blueprint.current_request, source)
        try:
            return _response(knocked(parts, knock))
        except Exception as error:  # noqa: BLE001  # boundary: a bug is a 500 that is sent again, never a trace
            return _response(failed(parts, knock, error))

    view.__name__ = path.removeprefix("/v1/").replace("/", "_")
    blueprint.route(path, methods=["POST"], name=view.__name__, content_types=[content], **guard)(view)


def _knock(request: Any, source: str) -> "Knock":  # noqa: ANN401  # Chalice does not type it
    from chalicelib.flows.webhook import Knock
    from chalicelib.models.webhook import Source

    context = request.context
    host, stage = context.get("domainName"), context.get("stage")
    return Knock(
        source=Source(source),
        body=request.raw_body or b"",
        headers={name.lower(): value for name, value in request.headers.items()},
        credential=(context.get("authorizer") or {}).get("principalId"),
        address=f"https://{host}/{stage}" if host and stage else "",
    )


def _response(answered: "Answered") -> Response:
    headers: dict[str, str | list[str]] = {"Cache-Control": "no-store", **answered.headers}
    return Response(json.dumps(answered.as_json()), status_code=answered.status, headers=headers)
