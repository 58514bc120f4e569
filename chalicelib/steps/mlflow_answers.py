"""What an answer of MLflow's says before anything is read out of it: an object, an error, its workspaces. Pure."""

import json
from typing import Any

from chalicelib.backup.selection import WORKSPACE
from chalicelib.errors import HttpFailure, MlflowRefused, MlflowUnbelievable, StepRefused
from chalicelib.net.http import HttpAnswer

WORKSPACE_HEADER = "X-MLFLOW-WORKSPACE"
_WITHOUT_WORKSPACES = b"running without workspaces support"
"""MLflow 3.17 says it as plain text, without an error code."""
_OK, _NOT_FOUND, _UNAVAILABLE, _REFUSALS = 200, 404, 503, frozenset({401, 403})


def good(answer: HttpAnswer, what: str) -> dict[str, Any]:
    if answer.status == _OK:
        return as_object(answer)
    code = str(as_object(answer).get("error_code") or "")
    if answer.status >= 500:  # noqa: PLR2004 - the server's own trouble
        raise HttpFailure("protocol", f"MLflow answers {answer.status} {code} to {what}".strip())
    raise MlflowRefused(what, answer.status, code)


def as_object(answer: HttpAnswer) -> dict[str, Any]:
    try:
        value = json.loads(answer.body)
    except ValueError as exc:
        if answer.status == _OK:
            raise MlflowUnbelievable("its answer", "it is no JSON") from exc
        return {}
    return value if isinstance(value, dict) else {}


def workspaces_told(answer: HttpAnswer) -> tuple[str, ...]:
    """Their names; empty where there are none. Only two answers say so: of a server without them, and of one from
    before them."""
    if answer.status in _REFUSALS:
        raise StepRefused("MLflow does not say which workspaces it has", rule="S15")
    if answer.status == _NOT_FOUND or (answer.status == _UNAVAILABLE and _WITHOUT_WORKSPACES in answer.body):
        return ()
    page = good(answer, "workspaces")
    found = page.get("workspaces")
    if not isinstance(found, list) or page.get("next_page_token"):
        raise MlflowUnbelievable("workspaces", "the answer is no whole list of them")
    names = sorted(str(one.get("name") or "") if isinstance(one, dict) else "" for one in found)
    if not names or len(set(names)) < len(names) or not all(WORKSPACE.fullmatch(name) for name in names):
        raise MlflowUnbelievable("workspaces", "they have no names that tell them apart")
    return tuple(names)
