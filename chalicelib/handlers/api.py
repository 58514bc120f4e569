"""`api`: the HTTP door. Every route of the table becomes a Chalice route; reads the store, never the live stack."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from chalice.app import Blueprint, IAMAuthorizer, Response

from chalicelib.flows.api.calls import Answered, Route
from chalicelib.flows.api.door import Asked, serve
from chalicelib.flows.api.routes import ROUTES
from chalicelib.flows.parts import Parts
from chalicelib.models.problem import PROBLEM_JSON, Problem, Rejected
from chalicelib.models.shape import Shape


def api_blueprint(parts: Callable[[], Parts], version: str, routes: Iterable[Route] = ROUTES) -> Blueprint:
    blueprint = Blueprint(__name__)
    for route in routes:
        _register(blueprint, route, parts, version)
    return blueprint


def _register(blueprint: Blueprint, route: Route, parts: Callable[[], Parts], version: str) -> None:
    def view(**path: str) -> Response:
        asked = _asked(blueprint.current_request, path)
        try:
            return _response(serve(parts, route, asked, version))
        except Exception as error:  # noqa: BLE001  # boundary: a bug is a problem with a number, never a trace
            parts().telemetry.failure(f"{route.method} {route.path}", error)
            sentence = f"Steward failed; its log knows more under {asked.request_id}"
            return _response(Answered(Rejected(500, sentence).as_problem(asked.request_id), 500))

    view.__name__ = route.name
    guard = {} if route.is_open else {"authorizer": IAMAuthorizer()}
    blueprint.route(route.path, methods=[route.method], name=route.name, **guard)(view)


def _asked(request: Any, path: dict[str, str]) -> Asked:  # noqa: ANN401  # Chalice does not type it
    identity = request.context.get("identity") or {}
    query = request.query_params
    return Asked(
        request_id=str(request.context.get("requestId") or identity.get("requestId") or "local"),
        principal=identity.get("userArn"),
        path=path,
        query={name: query.getlist(name) for name in query} if query else {},
        body=request.raw_body or b"",
        key=request.headers.get("idempotency-key"),
    )


def _response(answered: Answered) -> Response:
    body = answered.body.model_dump(mode="json") if isinstance(answered.body, Shape) else answered.body
    kind = PROBLEM_JSON if isinstance(answered.body, Problem) else "application/json"
    headers: dict[str, str | list[str]] = {"Content-Type": kind, "Cache-Control": "no-store", **answered.headers}
    return Response(json.dumps(body), status_code=answered.status, headers=headers)
