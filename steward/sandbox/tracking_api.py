"""MLflow's REST API over the tables of `tracking.py`: as 3.17.2 answers it, pages, refusals and all."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from steward.sandbox.times import epoch_millis
from steward.sandbox.tracking import Experiment, Model, Run, Tracking, Version

Answer = tuple[int, dict[str, Any]]
_VIEWS = {"ACTIVE_ONLY": (False,), "DELETED_ONLY": (True,), "ALL": (False, True)}
_LONGEST = 50_000


class TrackingApi:
    def __init__(self, tracking: Tracking) -> None:
        self._tables = tracking
        self._calls: dict[str, Callable[[Mapping[str, Any], datetime], Answer]] = {
            "experiments/search": self._experiments,
            "runs/search": self._runs,
            "runs/get": self._run,
            "runs/delete": self._delete,
            "runs/restore": self._restore,
            "model-versions/search": self._versions,
            "logged-models/search": self._models,
            "traces/search": self._traces,
            "users/get": self._user,
            "workspaces": self._workspaces,
        }

    def answer(self, path: str, query: Mapping[str, Sequence[str]], body: bytes | None, now: datetime) -> Answer | None:
        """None: no such endpoint."""
        call = self._calls.get(path.partition("/mlflow/")[2])
        if call is None:
            return None
        try:
            sent = json.loads(body) if body else {}
        except ValueError:
            return _refused(400, "BAD_REQUEST", "The request body is no JSON")
        given: dict[str, Any] = {name: unquote(values[0]) for name, values in query.items()}
        return call({**given, **sent}, now)

    def _experiments(self, asked: Mapping[str, Any], _now: datetime) -> Answer:
        view = _VIEWS[str(asked.get("view_type") or "ACTIVE_ONLY")]
        found = [one for one in self._tables.experiments.values() if one.deleted in view]
        return self._page("experiments", [_experiment(one) for one in found], asked)

    def _runs(self, asked: Mapping[str, Any], _now: datetime) -> Answer:
        view, wanted = _VIEWS[str(asked.get("run_view_type") or "ACTIVE_ONLY")], set(asked.get("experiment_ids") or ())
        found = [
            run
            for run in self._tables.runs.values()
            if run.experiment in wanted and (run.deleted_at is not None) in view and _is_named(run, asked)
        ]
        way = 1 if asked.get("order_by") == ["attributes.start_time ASC"] else -1
        return self._page("runs", sorted(found, key=lambda run: (way * run.started, run.id)), asked, _run)

    def _run(self, asked: Mapping[str, Any], _now: datetime) -> Answer:
        run = self._tables.runs.get(str(asked.get("run_id")))
        return (200, {"run": _run(run)}) if run else _no_run(asked)

    def _delete(self, asked: Mapping[str, Any], now: datetime) -> Answer:
        run = self._tables.runs.get(str(asked.get("run_id")))
        if run is None:
            return _no_run(asked)
        run.deleted_at = epoch_millis(now)  # also of one that is deleted: MLflow does not look
        self._tables.changes.append(("delete", run.id))
        return 200, {}

    def _restore(self, asked: Mapping[str, Any], _now: datetime) -> Answer:
        run = self._tables.runs.get(str(asked.get("run_id")))
        if run is None:
            return _no_run(asked)
        if run.deleted_at is None:
            said = f"The run {run.id} must be in the 'deleted' state. Current state is active."
            return _refused(400, "INVALID_PARAMETER_VALUE", said)
        run.deleted_at = None
        self._tables.changes.append(("restore", run.id))
        return 200, {}

    def _versions(self, asked: Mapping[str, Any], _now: datetime) -> Answer:
        return self._page("model_versions", [_version(one) for one in self._tables.versions], asked)

    def _models(self, asked: Mapping[str, Any], _now: datetime) -> Answer:
        wanted = set(asked.get("experiment_ids") or ())
        found = [one for one in self._tables.models.values() if one.experiment in wanted and one.deleted_at is None]
        return self._page("models", [_model(one) for one in found], asked)

    def _traces(self, asked: Mapping[str, Any], _now: datetime) -> Answer:
        places = [one.get("mlflow_experiment") or {} for one in asked.get("locations") or ()]
        wanted = {str(one.get("experiment_id")) for one in places}
        found = [{"trace_id": name} for name, experiment in self._tables.traces.items() if experiment in wanted]
        return self._page("traces", found, asked)

    def _user(self, asked: Mapping[str, Any], _now: datetime) -> Answer:
        user = {"id": 1, "username": asked.get("username"), "is_admin": self._tables.is_admin}
        return 200, {"user": user}

    def _workspaces(self, _asked: Mapping[str, Any], _now: datetime) -> Answer:
        if self._tables.workspaces is not None:
            return self._tables.workspaces
        said = "Endpoint: /api/3.0/mlflow/workspaces disabled because the server is running without workspaces support."
        return _refused(503, "FEATURE_DISABLED", said)

    def _page(
        self,
        key: str,
        rows: Sequence[Any],
        asked: Mapping[str, Any],
        show: Callable[[Any], dict[str, Any]] = lambda row: row,
    ) -> Answer:
        size = int(asked.get("max_results") or 1000)
        if not 0 < size <= _LONGEST:
            return _refused(400, "INVALID_PARAMETER_VALUE", f"Invalid value {size} for parameter 'max_results'")
        at = int(asked.get("page_token") or 0)
        entries, more = [show(row) for row in rows[at : at + size]], at + size < len(rows)
        answer: dict[str, Any] = {key: entries} if entries else {}
        if more:
            answer["next_page_token"] = str(at + size)
        return 200, _lying(self._tables.lies, answer, entries) if key == "runs" else answer


def _is_named(run: Run, asked: Mapping[str, Any]) -> bool:
    """The one filter that Steward sends."""
    wanted = str(asked.get("filter") or "")
    return not wanted or (wanted.startswith("attributes.run_id IN (") and f"'{run.id}'" in wanted)


def _lying(how: str | None, answer: dict[str, Any], entries: list[dict[str, Any]]) -> dict[str, Any]:
    if how == "repeats" and entries:
        return {**answer, "runs": [*entries, entries[0]]}
    if how in {"circle", "endless"}:
        return {**answer, "runs": [] if how == "endless" else entries, "next_page_token": "0"}
    return answer


def _experiment(one: Experiment) -> dict[str, Any]:
    return {
        "experiment_id": one.id,
        "name": one.name,
        "artifact_location": one.location,
        "lifecycle_stage": "deleted" if one.deleted else "active",
        "last_update_time": one.changed,
        "creation_time": one.created,
        "workspace": "default",
    }


def _run(run: Run) -> dict[str, Any]:
    info: dict[str, Any] = {
        "run_id": run.id,
        "run_uuid": run.id,
        "run_name": f"run-{run.id[:6]}",
        "experiment_id": run.experiment,
        "user_id": "",
        "status": run.status,
        "start_time": run.started,
        "artifact_uri": run.artifact_uri,
        "lifecycle_stage": "active" if run.deleted_at is None else "deleted",
    }
    if run.ended is not None:
        info["end_time"] = run.ended
    tags = [{"key": name, "value": value} for name, value in run.tags.items()]
    return {"info": info, "data": {"tags": tags} if tags else {}, "inputs": {}}


def _version(one: Version) -> dict[str, Any]:
    return {
        "name": one.name,
        "version": str(one.version),
        "run_id": one.run,
        "model_id": one.model,
        "source": one.source,
        "status": "READY",
        "aliases": one.aliases,
    }


def _model(one: Model) -> dict[str, Any]:
    info = {
        "model_id": one.id,
        "experiment_id": one.experiment,
        "source_run_id": one.run,
        "artifact_uri": one.uri,
        "status": one.status,
    }
    return {"info": info, "data": {}}


def _no_run(asked: Mapping[str, Any]) -> Answer:
    return _refused(404, "RESOURCE_DOES_NOT_EXIST", f"Run with id={asked.get('run_id')} not found")


def _refused(status: int, code: str, message: str) -> Answer:
    return status, {"error_code": code, "message": message}
