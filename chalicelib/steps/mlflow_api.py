"""MlflowApi: the calls Steward makes to a tracking server, page by page.

A server that lies about its paging (a token that comes back, more pages than can be, the same id
twice, a page longer than asked for) is not believed: deletion would rest on what it says (S5, S15).
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

from chalicelib.errors import HttpFailure, MlflowRefused, MlflowUnbelievable, StepRefused
from chalicelib.models.stack import MlflowAuth
from chalicelib.net.http import HttpAnswer, HttpRequest
from chalicelib.steps.artifact_places import RUN_ID
from chalicelib.steps.mlflow_access import allowed_hosts, login_headers
from chalicelib.steps.mlflow_shapes import Experiment, LoggedModel, ModelVersion, Run
from chalicelib.steps.step import StepContext

PAGE = 1000
"""Of runs, experiments and versions. MLflow gives up to 50,000 runs at once, and a page of them is held whole."""
TRACE_PAGE, MODEL_PAGE, REGISTRY_PAGE = 500, 100, 1000
MOST_PAGES = 5_000
_IDS_AT_ONCE = 200
_MOST_NAMED = 5
_PAGE_BYTES = 64 * 1024 * 1024
_CLOCKS_DIFFER = timedelta(minutes=10)
_WITHOUT_WORKSPACES = b"running without workspaces support"
"""MLflow 3.17 says it as plain text, without an error code."""
_OK, _NOT_FOUND, _UNAVAILABLE, _REFUSALS = 200, 404, 503, frozenset({401, 403})

T = TypeVar("T")


@dataclass(frozen=True)
class _Found:
    """One entry of a page: what it is told apart by, and what it is."""

    id: str
    raw: Mapping[str, Any]


class MlflowApi:
    """One for a step: hosts and login are found out once."""

    def __init__(self, ctx: StepContext) -> None:
        if ctx.stack.url is None:
            raise StepRefused("the stack names no url, so nobody can ask its MLflow")
        self._ctx, self._url = ctx, ctx.stack.url.rstrip("/")
        self._hosts, self._login = allowed_hosts(ctx), login_headers(ctx)
        self._header: dict[str, str] = {}

    # -- who asks, and how much it may see ------------------------------------------------------

    def prove_admin(self) -> None:
        """With basic auth a search silently leaves out what the caller may not read (S15)."""
        if self._ctx.stack.mlflow.auth is not MlflowAuth.BASIC:
            return
        secret = self._ctx.stack.mlflow.admin_secret
        if secret is None or not self._login:
            raise StepRefused("no login could be sent, so nothing proves that everything can be seen", rule="S15")
        name = self._ctx.aws.secrets.login(secret).username
        user = self._json("GET", f"/api/2.0/mlflow/users/get?{urlencode({'username': name})}").get("user")
        if not isinstance(user, dict) or user.get("is_admin") is not True:
            raise StepRefused(f"MLflow does not say that {name} is an admin", rule="S15")

    def refuse_more_workspaces(self) -> None:
        """A search sees one workspace only; where there are more, nobody can say what nobody owns. Only two
        answers say that there is none beside the usual one: a server without them, and one from before them."""
        answer = self._ask("GET", "/api/3.0/mlflow/workspaces")
        if answer.status in _REFUSALS:
            raise StepRefused("MLflow does not say which workspaces it has", rule="S15")
        if answer.status == _NOT_FOUND or (answer.status == _UNAVAILABLE and _WITHOUT_WORKSPACES in answer.body):
            return
        page = self._good(answer, "workspaces")
        found = page.get("workspaces")
        if not isinstance(found, list) or page.get("next_page_token"):
            raise MlflowUnbelievable("workspaces", "the answer is no whole list of them")
        names = sorted({str(one.get("name")) if isinstance(one, dict) else "?" for one in found} - {"default"})
        if names:
            said = f"MLflow has the workspaces {', '.join(names[:_MOST_NAMED])}"
            raise StepRefused(f"{said}; a search sees one, and Steward asks only the default one", rule="S15")

    # -- reading --------------------------------------------------------------------------------

    def experiments(self) -> tuple[Experiment, ...]:
        """Of all lifecycle stages."""
        asked = {"max_results": PAGE, "view_type": "ALL"}
        pages = self._pages("POST", "/api/2.0/mlflow/experiments/search", asked, "experiments", _experiment_id)
        return tuple(Experiment.of(one.raw) for one in pages)

    def runs(self, experiments: tuple[str, ...], view: str = "ALL") -> Iterator[Run]:
        """`view`: ACTIVE_ONLY, DELETED_ONLY or ALL. One page is held at a time. The oldest first: a run that begins
        meanwhile comes last, and moves none from one page to the next."""
        return self._search(experiments, view)

    def _search(self, experiments: tuple[str, ...], view: str, wanted: str = "") -> Iterator[Run]:
        if not experiments:
            return
        asked: dict[str, Any] = {"experiment_ids": list(experiments), "run_view_type": view, "max_results": PAGE}
        asked |= {"order_by": ["attributes.start_time ASC"], **({"filter": wanted} if wanted else {})}
        for one in self._pages("POST", "/api/2.0/mlflow/runs/search", asked, "runs", _run_id):
            yield Run.of(one.raw)

    def runs_named(self, experiments: tuple[str, ...], ids: Sequence[str]) -> dict[str, Run]:
        """Those of them that are there, of all lifecycle stages."""
        found: dict[str, Run] = {}
        for at in range(0, len(ids), _IDS_AT_ONCE):
            some = [one for one in ids[at : at + _IDS_AT_ONCE] if RUN_ID.fullmatch(one)]
            quoted = ", ".join(f"'{one}'" for one in some)
            found |= {run.id: run for run in self._search(experiments, "ALL", f"attributes.run_id IN ({quoted})")}
        return found

    def run(self, run_id: str) -> Run | None:
        answer = self._ask("GET", f"/api/2.0/mlflow/runs/get?{urlencode({'run_id': run_id})}")
        if answer.status == _NOT_FOUND and _object(answer).get("error_code") == "RESOURCE_DOES_NOT_EXIST":
            return None
        found = self._good(answer, "runs/get").get("run")
        if not isinstance(found, dict):
            raise MlflowUnbelievable("runs/get", "the answer holds no run")
        return Run.of(found)

    def model_versions(self) -> Iterator[ModelVersion]:
        asked = {"max_results": REGISTRY_PAGE}
        for one in self._pages("GET", "/api/2.0/mlflow/model-versions/search", asked, "model_versions", _version_id):
            yield ModelVersion.of(one.raw)

    def logged_models(self, experiments: tuple[str, ...]) -> Iterator[LoggedModel]:
        """MLflow shows none that is deleted."""
        asked = {"experiment_ids": list(experiments), "max_results": MODEL_PAGE}
        path = "/api/2.0/mlflow/logged-models/search"
        for one in self._pages("POST", path, asked, "models", _model_id) if experiments else ():
            yield LoggedModel.of(one.raw)

    def traces(self, experiment: str) -> Iterator[str]:
        """Their ids."""
        where = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}
        asked = {"locations": [where], "max_results": TRACE_PAGE}
        for one in self._pages("POST", "/api/3.0/mlflow/traces/search", asked, "traces", _trace_id):
            yield one.id

    # -- changing -------------------------------------------------------------------------------

    def delete_run(self, run_id: str) -> bool:
        """MLflow's soft delete. False: there is no such run any more."""
        return self._change("delete", run_id)

    def restore_run(self, run_id: str) -> bool:
        try:
            return self._change("restore", run_id)
        except MlflowRefused:
            run = self.run(run_id)  # MLflow refuses to restore what is active already
            if run is None or run.deleted:
                raise
            return True

    def _change(self, verb: str, run_id: str) -> bool:
        answer = self._ask("POST", f"/api/2.0/mlflow/runs/{verb}", {"run_id": run_id})
        if answer.status == _NOT_FOUND and _object(answer).get("error_code") == "RESOURCE_DOES_NOT_EXIST":
            return False
        self._good(answer, f"runs/{verb}")
        return True

    # -- pages ----------------------------------------------------------------------------------

    def _pages(
        self, method: str, path: str, asked: Mapping[str, Any], key: str, id_of: Callable[[Mapping[str, Any]], str]
    ) -> Iterator[_Found]:
        token, tokens, seen, what = "", set[str](), set[str](), path.partition("/mlflow/")[2]
        for _ in range(MOST_PAGES):
            page = self._json(method, path, {**asked, **({"page_token": token} if token else {})})
            entries = page.get(key, [])
            if not isinstance(entries, list) or len(entries) > asked["max_results"]:
                raise MlflowUnbelievable(what, "a page is no list, or longer than was asked for")
            for raw in entries:
                found = _Found(_named(id_of, raw, what), raw)
                if found.id in seen:
                    raise MlflowUnbelievable(what, f"{found.id} came twice")
                seen.add(found.id)
                yield found
            token = str(page.get("next_page_token") or "")
            if not token:
                return
            if token in tokens or not entries:
                raise MlflowUnbelievable(what, "its pages lead in a circle" if entries else "an empty page has a next")
            tokens.add(token)
        raise MlflowUnbelievable(what, f"it has no end after {MOST_PAGES} pages")

    # -- one request ----------------------------------------------------------------------------

    def _json(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        if method == "GET" and body:
            path, body = f"{path}?{urlencode(body)}", None
        return self._good(self._ask(method, path, body), path.partition("/mlflow/")[2].partition("?")[0])

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> HttpAnswer:
        headers = {**self._login, **({"Content-Type": "application/json"} if body is not None else {})}
        answer = self._ctx.http.ask(
            HttpRequest(
                method=method,
                url=self._url + path,
                headers=headers,
                body=json.dumps(body).encode() if body is not None else None,
                timeout_s=60,
                max_bytes=_PAGE_BYTES,
                allow_hosts=self._hosts,
            )
        )
        self._compare_clocks(answer)
        return answer

    def _compare_clocks(self, answer: HttpAnswer) -> None:
        """Ages are differences of two clocks: where they disagree, nothing is old enough."""
        said = answer.headers.get("date")
        if not said:
            return
        try:
            theirs = parsedate_to_datetime(said)
        except ValueError:
            return
        if theirs.tzinfo is not None and abs(theirs - self._ctx.now) > _CLOCKS_DIFFER:
            raise StepRefused(f"the server's clock says {said}, ours {self._ctx.now:%Y-%m-%d %H:%M} UTC: one is wrong")

    def _good(self, answer: HttpAnswer, what: str) -> dict[str, Any]:
        if answer.status == _OK:
            return _object(answer)
        code = str(_object(answer).get("error_code") or "")
        if answer.status >= 500:  # noqa: PLR2004 - the server's own trouble
            raise HttpFailure("protocol", f"MLflow answers {answer.status} {code} to {what}".strip())
        raise MlflowRefused(what, answer.status, code)


def _object(answer: HttpAnswer) -> dict[str, Any]:
    try:
        value = json.loads(answer.body)
    except ValueError as exc:
        if answer.status == _OK:
            raise MlflowUnbelievable("its answer", "it is no JSON") from exc
        return {}
    return value if isinstance(value, dict) else {}


def _named(id_of: Callable[[Mapping[str, Any]], str], raw: object, what: str) -> str:
    if not isinstance(raw, dict):
        raise MlflowUnbelievable(what, "an entry is no object")
    found = id_of(raw)
    if not found:
        raise MlflowUnbelievable(what, "an entry has no id")
    return found


def _inside(raw: Mapping[str, Any], part: str, name: str) -> str:
    inner = raw.get(part)
    return str(inner.get(name) or "") if isinstance(inner, dict) else ""


def _experiment_id(raw: Mapping[str, Any]) -> str:
    return str(raw.get("experiment_id") or "")


def _run_id(raw: Mapping[str, Any]) -> str:
    return _inside(raw, "info", "run_id") or _inside(raw, "info", "run_uuid")


def _version_id(raw: Mapping[str, Any]) -> str:
    name, version = raw.get("name"), raw.get("version")
    return f"{name}/{version}" if name and version else ""


def _model_id(raw: Mapping[str, Any]) -> str:
    return _inside(raw, "info", "model_id")


def _trace_id(raw: Mapping[str, Any]) -> str:
    return str(raw.get("trace_id") or raw.get("request_id") or "")
