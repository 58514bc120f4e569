"""What people did on a real MLflow, long ago: runs, artifacts, models. Told to it over its own API."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from tests.real.lab.child import LabFailure
from tests.real.lab.mlflow_server import ARTIFACTS, MlflowAt

API = "/api/2.0/mlflow"


class Past:
    def __init__(self, server: MlflowAt, login: tuple[str, str] | None = None, workspace: str | None = None) -> None:
        self._server, self._login, self._workspace = server, login, workspace
        self._in = {"X-MLFLOW-WORKSPACE": workspace} if workspace else {}

    def tell(self, what: str, method: str = "POST", *, under: str = API, **said: object) -> dict[str, Any]:
        answer = self._server.ask(method, f"{under}/{what}", body=json.dumps(said), login=self._login, headers=self._in)
        if answer.status != 200:
            raise LabFailure(f"MLflow answers {answer.status} to {what}: {answer.body[:400]}")
        found: dict[str, Any] = json.loads(answer.body)
        return found

    def experiment(self, name: str) -> str:
        return str(self.tell("experiments/create", name=name)["experiment_id"])

    def run(self, experiment: str, days_ago: float, *files: str, tags: dict[str, str] | None = None) -> str:
        """One that ended so long ago, with artifacts that differ from all others'."""
        at = int((datetime.now(UTC) - timedelta(days=days_ago)).timestamp() * 1000)
        said = [{"key": key, "value": value} for key, value in (tags or {}).items()]
        asked = {"experiment_id": experiment, "start_time": at - 60_000, "tags": said}
        run_id = str(self.tell("runs/create", **asked)["run"]["info"]["run_id"])
        self.tell("runs/update", run_id=run_id, status="FINISHED", end_time=at)
        for name in files:
            self.artifact(experiment, run_id, name)
        return run_id

    def artifact(self, experiment: str, run_id: str, name: str) -> None:
        home = f"workspaces/{self._workspace}/" if self._workspace else ""
        where = f"{ARTIFACTS}/{home}{experiment}/{run_id}/artifacts/{quote(name)}"
        kind = {"Content-Type": "application/octet-stream", **self._in}
        answer = self._server.ask("PUT", where, body=f"{run_id} of {len(name)}\n", headers=kind, login=self._login)
        if answer.status != 200:
            raise LabFailure(f"MLflow answers {answer.status} to an artifact: {answer.body[:400]}")

    def logged_model(self, experiment: str) -> str:
        """One of MLflow 3, with a file."""
        model = self.tell("logged-models", experiment_id=experiment, name="fraud")["model"]["info"]
        self.artifact(experiment, f"models/{model['model_id']}", "MLmodel")
        return str(model["model_id"])

    def register(self, name: str, experiment: str, run_id: str, path: str) -> None:
        self.tell("registered-models/create", name=name)
        source = f"mlflow-artifacts:/{experiment}/{run_id}/artifacts/{path}"
        self.tell("model-versions/create", name=name, source=source, run_id=run_id)

    def stages(self, experiment: str) -> dict[str, str]:
        """Run to lifecycle stage, of all there are."""
        asked = {"experiment_ids": [experiment], "run_view_type": "ALL", "max_results": 1000}
        runs = self.tell("runs/search", **asked).get("runs", [])
        return {run["info"]["run_id"]: run["info"]["lifecycle_stage"] for run in runs}

    def experiments(self) -> dict[str, str]:
        """Id to lifecycle stage, of all there are."""
        found = self.tell("experiments/search", max_results=1000, view_type="ALL").get("experiments", [])
        return {one["experiment_id"]: one["lifecycle_stage"] for one in found}
