"""What MLflow's answers mean (FACTS: with a part broken, `/health` still says 200). Pure.

Every answer becomes one state. Some say the server is ill; some only that we cannot see (S3).
"""

import json
from enum import StrEnum
from typing import Any

from chalicelib.net.http import HttpAnswer, HttpFailure

_NOT_REACHED = {"dns", "refused", "tls", "forbidden_address", "out_of_reach"}
_GATEWAY = {502, 503, 504}
_OK, _REDIRECTS, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _TOO_MANY = 200, range(300, 400), 401, 403, 404, 429


class State(StrEnum):
    OK = "ok"
    NO_URL = "no_url"
    # The server is ill.
    DOWN = "down"
    DATABASE = "database"
    ARTIFACTS = "artifacts"
    S3_LOGIN = "s3_login"
    HOST_REFUSED = "host_refused"
    ERROR = "error"
    # We cannot see.
    AUTH = "auth"
    REDIRECTED = "redirected"
    THROTTLED = "throttled"
    UNCLEAR = "unclear"
    UNREACHABLE = "unreachable_from_here"

    @property
    def is_ill(self) -> bool:
        return self in {State.DOWN, State.DATABASE, State.ARTIFACTS, State.S3_LOGIN, State.HOST_REFUSED, State.ERROR}


def of_failure(failure: HttpFailure) -> State:
    if failure.kind in _NOT_REACHED:
        return State.UNREACHABLE
    return State.ERROR if failure.kind == "too_large" else State.DOWN


def of_search(answer: HttpAnswer) -> State:
    """`experiments/search`: says whether server and database work."""
    shared = _of_any(answer)
    if shared:
        return shared
    if answer.status == _OK:
        return State.OK if "experiments" in body_of(answer) or body_of(answer) == {} else State.UNCLEAR
    if answer.status in _GATEWAY:
        # MLflow's own 503 names the database; the load balancer's says that nobody serves.
        return State.DATABASE if _code(answer) == "TEMPORARILY_UNAVAILABLE" else State.DOWN
    if answer.status in {_UNAUTHORIZED, _FORBIDDEN}:
        return State.AUTH
    return State.DATABASE if _code(answer) in {"INTERNAL_ERROR", "BAD_REQUEST"} else State.ERROR


def of_listing(answer: HttpAnswer) -> State:
    """An artifact listing: says whether the server reaches its bucket with its rights."""
    shared = _of_any(answer)
    if shared:
        return shared
    if answer.status == _OK:
        return State.OK
    if answer.status == _UNAUTHORIZED:
        # A wrong S3 key looks like a failed login; the real one carries WWW-Authenticate.
        return State.S3_LOGIN
    if answer.status in _GATEWAY:
        return State.DATABASE if _code(answer) == "TEMPORARILY_UNAVAILABLE" else State.DOWN
    if answer.status == _NOT_FOUND and "Run with id" in _text(answer):
        return State.OK  # the run was deleted between the two questions
    return State.ARTIFACTS


def _of_any(answer: HttpAnswer) -> State | None:
    if answer.status in _REDIRECTS:
        return State.REDIRECTED
    if answer.status == _TOO_MANY:
        return State.THROTTLED
    if answer.status == _UNAUTHORIZED and answer.headers.get("www-authenticate", "").lower().startswith("basic"):
        return State.AUTH
    if answer.status == _FORBIDDEN and ("Host header" in _text(answer) or "Cross-origin" in _text(answer)):
        return State.HOST_REFUSED
    return None


def body_of(answer: HttpAnswer) -> dict[str, Any]:
    """Empty for `{}`; a body that is no JSON object has one key that MLflow does not use."""
    try:
        value = json.loads(answer.body)
    except ValueError:
        return {"": None}
    return value if isinstance(value, dict) else {"": None}


def _code(answer: HttpAnswer) -> str | None:
    code = body_of(answer).get("error_code")
    return code if isinstance(code, str) else None


def _text(answer: HttpAnswer) -> str:
    return answer.body[:2000].decode(errors="replace")
