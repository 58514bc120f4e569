"""A twin of MLflow with workspaces, over the sandbox's, which has none."""

import json
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs

from chalicelib.net.http import HttpAnswer
from steward.sandbox import place

HEADER = "X-MLFLOW-WORKSPACE"
TEAMS = {"0": "default", "1": "team-b", "2": "default"}
"""Which experiment is whose."""


class Split:
    """The sandbox's MLflow, seen a workspace at a time, as one with `--enable-workspaces` answers."""

    def __init__(self, http, tracking):
        self.http, self.tracking, self.changed = http, tracking, []

    def ask(self, request):
        here = request.headers.get(HEADER, "default")
        path, sent = request.url.partition("/mlflow/")[2].partition("?")[0], json.loads(request.body or b"{}")
        if path in {"runs/delete", "runs/restore"}:
            self.changed.append((here, sent["run_id"]))
            if not self.is_here(sent["run_id"], here):
                said = {"error_code": "RESOURCE_DOES_NOT_EXIST"}
                return HttpAnswer(404, {}, json.dumps(said).encode(), 0.0)
        if path == "runs/get" and not self.is_here(parse_qs(request.url.partition("?")[2])["run_id"][0], here):
            return HttpAnswer(404, {}, json.dumps({"error_code": "RESOURCE_DOES_NOT_EXIST"}).encode(), 0.0)
        if "experiment_ids" in sent:
            kept = [one for one in sent["experiment_ids"] if TEAMS[one] == here]
            request = replace(request, body=json.dumps({**sent, "experiment_ids": kept}).encode())
        answer = self.http.ask(request)
        if path not in {"experiments/search", "model-versions/search"} or answer.status != 200:
            return answer
        page = json.loads(answer.body)
        if "experiments" in page:
            page["experiments"] = [one for one in page["experiments"] if TEAMS[one["experiment_id"]] == here]
        if "model_versions" in page:
            runs = self.tracking.runs
            page["model_versions"] = [
                one for one in page["model_versions"] if TEAMS[runs[one["run_id"]].experiment] == here
            ]
        return HttpAnswer(answer.status, answer.headers, json.dumps(page).encode(), answer.elapsed_s)

    def is_here(self, run, workspace):
        return run in self.tracking.runs and TEAMS[self.tracking.runs[run].experiment] == workspace


def lie_in_workspaces(world):
    """What is there, moved to where it would lie."""
    tables, objects = world.tracking, world.artifacts
    tables.workspaces = (200, {"workspaces": [{"name": "default"}, {"name": "team-b"}]})
    for one in tables.experiments.values():
        one.location = f"mlflow-artifacts:/workspaces/{TEAMS[one.id]}/{one.id}"
    for one in tables.runs.values():
        one.artifact_uri = f"mlflow-artifacts:/workspaces/{TEAMS[one.experiment]}/{one.experiment}/{one.id}/artifacts"
    for one in tables.models.values():
        one.uri = f"{tables.experiments[one.experiment].location}/models/{one.id}/artifacts"
    for one in tables.versions:
        one.source = one.source.replace(":/", f":/workspaces/{TEAMS[tables.runs[one.run].experiment]}/")
    old = world.clock.now() - timedelta(days=300)
    for key in world.artifacts.keys(f"{place.PREFIX}/"):
        experiment = key.split("/")[1]
        if experiment in {"1", "2"}:
            moved = key.replace(f"{place.PREFIX}/", f"{place.PREFIX}/workspaces/{TEAMS[experiment]}/", 1)
            objects.put(moved, objects.body(key), old)
            objects.remove([key])
