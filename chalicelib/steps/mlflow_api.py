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

from chalicelib.errors import MlflowRefused, MlflowUnbelievable, StepRefused
from chalicelib.models.stack import MlflowAuth
from chalicelib.net.http import HttpAnswer, HttpRequest
from chalicelib.steps.artifact_places import RUN_ID
from chalicelib.steps.mlflow_access import allowed_hosts, login_headers
from chalicelib.steps.mlflow_answers import WORKSPACE_HEADER, as_object, good, workspaces_told
from chalicelib.steps.mlflow_shapes import Experiment, LoggedModel, ModelVersion, Run
from chalicelib.steps.step import StepContext

PAGE = 1000
"""Of runs, experiments and versions. MLflow gives up to 50,000 runs at once, and a page of them is held whole."""
TRACE_PAGE, MODEL_PAGE, REGISTRY_PAGE = 500, 100, 1000
MOST_PAGES = 5_000
_IDS_AT_ONCE = 200
_PAGE_BYTES = 64 * 1024 * 1024
_CLOCKS_DIFFER = timedelta(minutes=10)
_NOT_FOUND = 404

T = TypeVar("T")


@dataclass(frozen=True)
class _Found:
    """One entry of a page: what it is told apart by, and what it is."""

    id: str
    raw: Mapping[str, Any]


class MlflowApi:
    """One for a step: hosts and login are found out once."""

    def __init__(self, ctx: StepContext, workspace: str = "") -> None:
        """`workspace`: of a single run that is asked for or changed; empty: the server's usual one."""
        if ctx.stack.url is None:
            raise StepRefused("the stack names no url, so nobody can ask its MLflow")
        self._ctx, self._url = ctx, ctx.stack.url.rstrip("/")
        self._hosts, self._login = allowed_hosts(ctx), login_headers(ctx)
        self.workspaces: tuple[str, ...] = ()
        """Empty: the server has none, or nobody asked for them."""
        self._workspace, self._of = workspace, dict[str, str]()
        self._each: tuple[str, ...] = (workspace,)

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

    def find_workspaces(self) -> None:
        """A search sees one workspace only (S15): from here on each of them is asked."""
        self.workspaces = workspaces_told(self._ask("GET", "/api/3.0/mlflow/workspaces"))
        self._each = self.workspaces if len(self.workspaces) > 1 else ("",)

    # -- reading --------------------------------------------------------------------------------

    def experiments(self) -> tuple[Experiment, ...]:
        """Of all lifecycle stages."""
        asked, path = {"max_results": PAGE, "view_type": "ALL"}, "/api/2.0/mlflow/experiments/search"
        found: dict[str, Experiment] = {}
        for workspace in self._each:
            for one in self._pages("POST", path, asked, "experiments", _experiment_id, workspace):
                if one.id in found:
                    raise MlflowUnbelievable("experiments/search", f"{one.id} is in two workspaces")
                found[one.id] = Experiment.of(one.raw, workspace)
        self._of = {name: one.workspace for name, one in found.items()}
        return tuple(found.values())

    def runs(self, experiments: tuple[str, ...], view: str = "ALL") -> Iterator[Run]:
        """`view`: ACTIVE_ONLY, DELETED_ONLY or ALL. One page is held at a time. The oldest first: a run that begins
        meanwhile comes last, and moves none from one page to the next."""
        return self._search(experiments, view)

    def _search(self, experiments: tuple[str, ...], view: str, wanted: str = "") -> Iterator[Run]:
        asked: dict[str, Any] = {"run_view_type": view, "max_results": PAGE}
        asked |= {"order_by": ["attributes.start_time ASC"], **({"filter": wanted} if wanted else {})}
        for workspace, some in self._by_workspace(experiments):
            here = {**asked, "experiment_ids": list(some)}
            for one in self._pages("POST", "/api/2.0/mlflow/runs/search", here, "runs", _run_id, workspace):
                yield Run.of(one.raw)

    def _by_workspace(self, experiments: tuple[str, ...]) -> Iterator[tuple[str, list[str]]]:
        """What is asked for together, and in which workspace. Of what no workspace has there is nothing to ask."""
        if len(self._each) == 1:
            yield from [(self._each[0], list(experiments))] if experiments else []
            return
        if not set(experiments) <= self._of.keys():
            self.experiments()
        for workspace in self._each:
            some = [one for one in experiments if self._of.get(one) == workspace]
            yield from [(workspace, some)] if some else []

    def runs_named(self, experiments: tuple[str, ...], ids: Sequence[str]) -> dict[str, Run]:
        """Those of them that are there, of all lifecycle stages."""
        found: dict[str, Run] = {}
        for at in range(0, len(ids), _IDS_AT_ONCE):
            some = [one for one in ids[at : at + _IDS_AT_ONCE] if RUN_ID.fullmatch(one)]
            quoted = ", ".join(f"'{one}'" for one in some)
            found |= {run.id: run for run in self._search(experiments, "ALL", f"attributes.run_id IN ({quoted})")}
        return found

    def run(self, run_id: str) -> Run | None:
        for workspace in self._each:
            answer = self._ask("GET", f"/api/2.0/mlflow/runs/get?{urlencode({'run_id': run_id})}", None, workspace)
            if answer.status == _NOT_FOUND and as_object(answer).get("error_code") == "RESOURCE_DOES_NOT_EXIST":
                continue
            found = good(answer, "runs/get").get("run")
            if not isinstance(found, dict):
                raise MlflowUnbelievable("runs/get", "the answer holds no run")
            return Run.of(found)
        return None

    def model_versions(self) -> Iterator[ModelVersion]:
        asked, path = {"max_results": REGISTRY_PAGE}, "/api/2.0/mlflow/model-versions/search"
        for workspace in self._each:
            for one in self._pages("GET", path, asked, "model_versions", _version_id, workspace):
                yield ModelVersion.of(one.raw)

    def logged_models(self, experiments: tuple[str, ...]) -> Iterator[LoggedModel]:
        """MLflow shows none that is deleted."""
        path = "/api/2.0/mlflow/logged-models/search"
        for workspace, some in self._by_workspace(experiments):
            asked = {"experiment_ids": some, "max_results": MODEL_PAGE}
            for one in self._pages("POST", path, asked, "models", _model_id, workspace):
                yield LoggedModel.of(one.raw)

    def traces(self, experiment: str) -> Iterator[str]:
        """Their ids."""
        where = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}
        asked = {"locations": [where], "max_results": TRACE_PAGE}
        for workspace, _ in self._by_workspace((experiment,)):
            for one in self._pages("POST", "/api/3.0/mlflow/traces/search", asked, "traces", _trace_id, workspace):
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
        if answer.status == _NOT_FOUND and as_object(answer).get("error_code") == "RESOURCE_DOES_NOT_EXIST":
            return False
        good(answer, f"runs/{verb}")
        return True

    # -- pages ----------------------------------------------------------------------------------

    def _pages(
        self,
        method: str,
        path: str,
        asked: Mapping[str, Any],
        key: str,
        id_of: Callable[[Mapping[str, Any]], str],
        workspace: str,
    ) -> Iterator[_Found]:
        token, tokens, seen, what = "", set[str](), set[str](), path.partition("/mlflow/")[2]
        for _ in range(MOST_PAGES):
            page = self._json(method, path, {**asked, **({"page_token": token} if token else {})}, workspace)
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

    def _json(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, workspace: str = ""
    ) -> dict[str, Any]:
        if method == "GET" and body:
            path, body = f"{path}?{urlencode(body)}", None
        return good(self._ask(method, path, body, workspace), path.partition("/mlflow/")[2].partition("?")[0])

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None, workspace: str = "") -> HttpAnswer:
        asked_in = workspace or self._workspace
        headers = {**self._login, **({"Content-Type": "application/json"} if body is not None else {})}
        headers |= {WORKSPACE_HEADER: asked_in} if asked_in else {}
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
