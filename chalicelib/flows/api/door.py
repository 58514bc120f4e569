"""The door of the API: who is it, may they, is what they say well formed; then the route's function.

Everything that goes wrong becomes a Problem here. A call that changes something is written to the
audit trail before it is carried out; what cannot be written is not carried out.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pydantic import TypeAdapter, ValidationError

from chalicelib.documents import read_json
from chalicelib.errors import (
    AwsError,
    DocumentError,
    EventInProgress,
    IllegalTransition,
    InputError,
    InputsRejected,
    KeyReused,
    Refused,
    StaleWrite,
    StewardError,
    StoreUnavailable,
    UnknownName,
    WrongState,
)
from chalicelib.flows.api.calls import Answered, Call, Route
from chalicelib.flows.api.paths import OPEN
from chalicelib.flows.parts import Parts
from chalicelib.models.api import IdempotencyKey
from chalicelib.models.audit import AuditEntry
from chalicelib.models.problem import PROBLEM_JSON, FieldProblem, Problem, Rejected
from chalicelib.models.shape import Shape
from chalicelib.redact import redact

MOST_BODY = 64 * 1024
DEEPEST = 12
UNAVAILABLE = 503
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_KEY: TypeAdapter[str] = TypeAdapter(IdempotencyKey)
_STATUS: tuple[tuple[type[StewardError], int], ...] = (
    (UnknownName, 404),
    (KeyReused, 422),
    (InputsRejected, 422),
    (WrongState, 409),
    (InputError, 400),
    (Refused, 409),
    (IllegalTransition, 409),
    (StaleWrite, 409),
    (StoreUnavailable, 503),
    (EventInProgress, 503),
    (AwsError, 503),
)


@dataclass(frozen=True)
class Asked:
    """A request as it came in."""

    request_id: str
    principal: str | None
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, list[str]] = field(default_factory=dict)
    body: bytes = b""
    key: str | None = None


def serve(make_parts: Callable[[], Parts], route: Route, asked: Asked, version: str) -> Answered:
    """Never raises what a caller could cause; a bug is the handler's to catch."""
    try:
        if route.path in OPEN:
            return route.does(Call(None, "", asked.request_id, version))  # type: ignore[arg-type]  # it asks nothing
        parts = make_parts()
        return _recorded(parts, route, asked, version) if route.changes else _carried_out(parts, route, asked, version)
    except Rejected as rejected:
        return _problem(rejected.as_problem(asked.request_id))
    except StewardError as error:
        return _problem(_rejected(error).as_problem(asked.request_id))


def failed(make_parts: Callable[[], Parts], what: str, asked: Asked, error: Exception) -> Answered:
    """A bug of ours: logged under the request's number, which is all that the caller gets."""
    make_parts().telemetry.failure(what, error, request_id=asked.request_id)
    sentence = f"Steward failed; its log knows more under {asked.request_id}"
    return _problem(Rejected(500, sentence).as_problem(asked.request_id))


def _recorded(parts: Parts, route: Route, asked: Asked, version: str) -> Answered:
    role = parts.roles.role_of(asked.principal)
    entry = parts.audit.begin(
        AuditEntry(
            request_id=asked.request_id,
            at=parts.clock.now(),
            principal=asked.principal or "nobody",
            role=role.value if role else None,
            what=f"{route.method} {route.path}",
            target=next(iter(asked.path.values()), None),
        )
    )
    parts.telemetry.bind(request_id=asked.request_id)
    try:
        answered = _carried_out(parts, route, asked, version)
    except (Rejected, StewardError) as error:
        rejected = error if isinstance(error, Rejected) else _rejected(error)
        parts.audit.end(entry, rejected.status, redact(rejected.detail))
        raise
    parts.audit.end(entry, answered.status, _what_came_of_it(answered))
    return answered


def _what_came_of_it(answered: Answered) -> str | None:
    said = answered.body.model_dump(mode="json") if isinstance(answered.body, Shape) else answered.body
    return str(said.get("run") or said.get("done") or "") or None


def _carried_out(parts: Parts, route: Route, asked: Asked, version: str) -> Answered:
    role = parts.roles.role_of(asked.principal)
    if role is None or asked.principal is None:
        raise Rejected(403, "the caller is nobody that Steward knows: sign the request as a user or a role")
    if not role.covers(route.role):
        raise Rejected(
            403, f"{route.method} {route.path} needs the role {route.role.value}; the caller is {role.value}"
        )
    call = Call(
        parts=parts,
        principal=asked.principal,
        request_id=asked.request_id,
        version=version,
        path=_path(asked.path),
        body=_body(route, asked.body),
        query=_query(route, asked.query),
        key=_key(route, asked.key),
    )
    return route.does(call)


def _path(given: Mapping[str, str]) -> Mapping[str, str]:
    for name, value in given.items():
        if not _NAME.fullmatch(value):
            raise Rejected(404, f"{name} in the path is not one that Steward gives out")
    return given


def _body(route: Route, body: bytes) -> Shape | None:
    if route.body is None:
        return None
    if len(body) > MOST_BODY:
        raise Rejected(413, f"the body has {len(body)} bytes, more than {MOST_BODY}")
    try:
        data = read_json(body, "body", max_bytes=MOST_BODY, max_depth=DEEPEST)
    except DocumentError as error:
        raise Rejected(400, str(error)) from error
    try:
        return route.body.model_validate_json(body) if isinstance(data, dict) else route.body.model_validate(data)
    except ValidationError as error:
        raise Rejected(422, "the body does not fit", *_fields(error, "/")) from error


def _query(route: Route, given: Mapping[str, list[str]]) -> Shape:
    twice = [name for name, values in given.items() if len(values) != 1]
    if twice:
        errors = [FieldProblem(pointer=f"?{name}", detail="is given more than once") for name in twice[:20]]
        raise Rejected(400, "a query parameter is given more than once", *errors)
    try:
        return route.query.model_validate_strings({name: values[0] for name, values in given.items()})
    except ValidationError as error:
        raise Rejected(400, "the query does not fit", *_fields(error, "?")) from error


def _key(route: Route, key: str | None) -> str | None:
    if key is None and route.needs_key:
        where = FieldProblem(pointer="Idempotency-Key", detail="is missing: 8 to 64 letters, digits, dots or dashes")
        raise Rejected(400, "an Idempotency-Key is needed, so that asking twice is one run", where)
    if key is None or not (route.needs_key or route.takes_key):
        return None
    try:
        return _KEY.validate_python(key)
    except ValidationError as error:
        where = FieldProblem(pointer="Idempotency-Key", detail="8 to 64 letters, digits, dots or dashes")
        raise Rejected(400, "the Idempotency-Key does not fit", where) from error


def _fields(error: ValidationError, start: str) -> list[FieldProblem]:
    """The field's path and what it should be; never the value, which may be a secret in the wrong place."""
    return [
        FieldProblem(pointer=start + "/".join(str(step)[:80] for step in one["loc"]), detail=one["msg"][:300])
        for one in error.errors(include_url=False, include_context=False, include_input=False)[:20]
    ]


def _rejected(error: StewardError) -> Rejected:
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    where = [FieldProblem(pointer="/inputs", detail=one) for one in getattr(error, "problems", [])]
    return Rejected(status, redact(str(error)), *where)


def _problem(problem: Problem) -> Answered:
    headers = {"Content-Type": PROBLEM_JSON}
    if problem.status == UNAVAILABLE:
        headers["Retry-After"] = "60"
    return Answered(problem, problem.status, headers)
