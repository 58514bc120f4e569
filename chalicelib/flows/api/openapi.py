"""The OpenAPI 3.1 document, made of the routes: what is documented is what is served."""

from collections.abc import Iterable
from typing import Any

from pydantic.json_schema import models_json_schema

from chalicelib.flows.api.calls import Route
from chalicelib.flows.api.paths import OPEN, name_of
from chalicelib.models.problem import PROBLEM_JSON, Problem
from chalicelib.models.shape import Shape

Json = dict[str, Any]
_REF = "#/components/schemas/{model}"
_NAME = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"}
_KEY = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{7,63}$"}
_WHY = {
    "400": "What was sent cannot be read.",
    "401": "Not signed.",
    "403": "Nobody that Steward knows, or a role that may not.",
    "404": "There is no such thing.",
    "409": "Not in this state, or a guard refuses.",
    "413": "The body is too large.",
    "415": "The body is not JSON.",
    "422": "A field does not fit.",
    "503": "The store does not answer; ask again.",
}


def document(routes: Iterable[Route], version: str) -> Json:
    routes = tuple(routes)
    schemas, models = _schemas(routes)
    paths: Json = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "MLflow Steward",
            "version": version,
            "description": "Runs, plans, approvals and stops of MLflow Steward. Requests are signed (SigV4).",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": models,
            "securitySchemes": {
                "sigv4": {
                    "type": "apiKey",
                    "name": "Authorization",
                    "in": "header",
                    "x-amazon-apigateway-authtype": "awsSigv4",
                }
            },
        },
    }


Refs = dict[tuple[type[Shape], str], Json]


def _schemas(routes: tuple[Route, ...]) -> tuple[Refs, Json]:
    taken = {route.body for route in routes if route.body}
    given = {route.answer for route in routes if route.answer} | {Problem}
    wanted = [(model, "validation") for model in taken] + [(model, "serialization") for model in given]
    wanted.sort(key=lambda one: (one[0].__name__, one[1]))
    refs, definitions = models_json_schema(wanted, ref_template=_REF)  # type: ignore[arg-type]  # Literal modes
    return {(model, mode): ref for (model, mode), ref in refs.items()}, definitions.get("$defs", {})  # type: ignore[misc]


def _operation(route: Route, schemas: Refs) -> Json:
    answer: Json = schemas[route.answer, "serialization"] if route.answer else {"type": "object"}
    good: Json = {"description": route.summary, "content": {"application/json": {"schema": answer}}}
    if route.status == 202:  # noqa: PLR2004
        good["headers"] = {"Location": {"schema": {"type": "string"}, "description": "Where the run is."}}
    operation: Json = {
        "operationId": name_of(route.method, route.path),
        "summary": route.summary,
        "parameters": _parameters(route),
        "responses": {str(route.status): good, **_problems(route, schemas)},
    }
    if route.path in OPEN:
        operation["security"] = []
    else:
        operation["security"] = [{"sigv4": []}]
        operation["description"] = f"For the role {route.role.value} and above."
    if route.body:
        schema = schemas[route.body, "validation"]
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return operation


def _problems(route: Route, schemas: Refs) -> Json:
    statuses = [] if route.path in OPEN else ["400", "401", "403", "404", "503"]
    statuses += ["409", "413", "415", "422"] if route.changes else []
    content = {PROBLEM_JSON: {"schema": schemas[Problem, "serialization"]}}
    return {status: {"description": _WHY[status], "content": content} for status in statuses}


def _parameters(route: Route) -> list[Json]:
    names = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
    found: list[Json] = [{"name": name, "in": "path", "required": True, "schema": _NAME} for name in names]
    schema = route.query.model_json_schema(ref_template=_REF)
    inner = schema.get("$defs", {})
    found += [
        {"name": name, "in": "query", "required": False, "schema": _inlined(body, inner)}
        for name, body in schema.get("properties", {}).items()
    ]
    if route.needs_key or route.takes_key:
        told = "Asking again with the same key is the same run."
        key = {"name": "Idempotency-Key", "in": "header", "required": route.needs_key, "schema": _KEY}
        found.append({**key, "description": told})
    return found


def _inlined(schema: Json, inner: Json) -> Json:
    """A parameter's schema, without null: a parameter that is not given is left out."""
    choice: Json = next((one for one in schema.get("anyOf", []) if one.get("type") != "null"), {})
    whole = {**choice, **{name: value for name, value in schema.items() if name != "anyOf"}}
    if ref := whole.pop("$ref", None):
        whole = {**inner[str(ref).rpartition("/")[2]], **whole}
    return {name: value for name, value in whole.items() if not (name == "default" and value is None)}
