"""`api`: the HTTP door. Every path of the API becomes a Chalice route; reads the store, never the live stack."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chalice.app import Blueprint, IAMAuthorizer, Response

from chalicelib.flows.api.paths import OPEN, PATHS, name_of

if TYPE_CHECKING:
    from chalicelib.flows.api.calls import Answered
    from chalicelib.flows.api.door import Asked
    from chalicelib.flows.parts import Parts


def api_blueprint(parts: "Callable[[], Parts]", version: str) -> Blueprint:
    blueprint = Blueprint("app")  # what Lambda calls is an attribute of app.py
    for method, path in PATHS:
        _register(blueprint, method, path, parts, version)
    return blueprint


def _register(blueprint: Blueprint, method: str, path: str, parts: "Callable[[], Parts]", version: str) -> None:
    def view(**ids: str) -> Response:
        from chalicelib.flows.api.door import failed, serve
        from chalicelib.flows.api.routes import ROUTES

        asked = _asked(blueprint.current_request, ids)
        try:
            return _response(serve(parts, ROUTES[method, path], asked, version))
        except Exception as error:  # noqa: BLE001  # boundary: a bug is a problem with a number, never a trace
            return _response(failed(parts, f"{method} {path}", asked, error))

    view.__name__ = name_of(method, path)
    guard = {} if path in OPEN else {"authorizer": IAMAuthorizer()}
    blueprint.route(path, methods=[method], name=view.__name__, **guard)(view)


def _asked(request: Any, path: dict[str, str]) -> "Asked":  # noqa: ANN401  # Chalice does not type it
    from chalicelib.flows.api.door import Asked

    identity = request.context.get("identity") or {}
    query = request.query_params
    return Asked(
        request_id=str(request.context.get("requestId") or "local"),
        principal=identity.get("userArn"),
        path=path,
        query={name: query.getlist(name) for name in query} if query else {},
        body=request.raw_body or b"",
        key=request.headers.get("idempotency-key"),
    )


def _response(answered: "Answered") -> Response:
    usual = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    headers: dict[str, str | list[str]] = {**usual, **answered.headers}
    return Response(json.dumps(answered.as_json()), status_code=answered.status, headers=headers)
