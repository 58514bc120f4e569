"""What the deployment's MLflow keeps: experiments, runs, registered models, logged models, traces.

The tables behind the REST answers (`tracking_api.py`) and behind `mlflow gc` (`tracking_gc.py`). What
they point to lies in the world's bucket (`tracking_objects.py`).
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from steward.sandbox import place
from steward.sandbox.times import epoch_millis


@dataclass
class Experiment:
    id: str
    name: str
    created: int
    changed: int
    deleted: bool = False
    location: str = ""
    """Empty: where MLflow would put it."""

    def __post_init__(self) -> None:
        self.location = self.location or f"mlflow-artifacts:/{self.id}"


@dataclass
class Run:
    id: str
    experiment: str
    status: str
    started: int
    ended: int | None
    artifact_uri: str
    tags: dict[str, str] = field(default_factory=dict)
    deleted_at: int | None = None
    """MLflow knows it, and its API does not tell it."""


@dataclass
class Version:
    name: str
    version: int
    run: str
    source: str
    model: str = ""
    aliases: list[str] = field(default_factory=list)


@dataclass
class Model:
    id: str
    experiment: str
    run: str
    deleted_at: int | None = None
    uri: str = ""
    """Empty: where MLflow would put it."""
    status: str = "LOGGED_MODEL_READY"

    def __post_init__(self) -> None:
        self.uri = self.uri or f"mlflow-artifacts:/{self.experiment}/models/{self.id}/artifacts"


@dataclass
class Tracking:
    since: datetime
    experiments: dict[str, Experiment] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    versions: list[Version] = field(default_factory=list)
    models: dict[str, Model] = field(default_factory=dict)
    traces: dict[str, str] = field(default_factory=dict)
    """Trace id to experiment id."""
    changes: list[tuple[str, str]] = field(default_factory=list)
    """`delete`, `restore` and whose id, in the order they were made over the API."""
    is_admin: bool = True
    """What the API says of the login that Steward has."""
    lies: str | None = None
    """How the API lies about its pages: repeats, circle, endless."""
    workspaces: tuple[int, dict[str, Any]] | None = None
    """What is answered to who asks for them; None: they are not switched on."""
    untold: int = 0
    """Runs that the database holds and the API does not tell."""
    gc_leaves: bool = False
    """As some versions of MLflow did: gc removes the metadata and leaves objects behind."""

    def __post_init__(self) -> None:
        self.experiment("0", "Default")

    @property
    def rows(self) -> dict[str, int]:
        return {"experiments": len(self.experiments), "runs": len(self.runs) + self.untold}

    def experiment(self, number: str, name: str) -> Experiment:
        at = epoch_millis(self.since)
        return self.experiments.setdefault(number, Experiment(number, name, at, at))

    def add_run(
        self, run_id: str, experiment: str, ended_at: datetime, *, status: str = "FINISHED", **tags: str
    ) -> Run:
        ended = epoch_millis(ended_at)
        run = Run(
            id=run_id,
            experiment=experiment,
            status=status,
            started=ended - 60_000,
            ended=ended if status != "RUNNING" else None,
            artifact_uri=f"mlflow-artifacts:/{experiment}/{run_id}/artifacts",
            tags=dict(tags),
        )
        self.runs[run_id] = run
        return run

    def delete_run(self, run_id: str, now: datetime) -> None:
        run = self.runs[run_id]
        if run.deleted_at is None:
            run.deleted_at = epoch_millis(now)

    def restore_run(self, run_id: str) -> None:
        self.runs[run_id].deleted_at = None

    def delete_experiment(self, number: str, now: datetime) -> None:
        found = self.experiments[number]
        found.deleted, found.changed = True, epoch_millis(now)
        for run in self.runs.values():
            if run.experiment == number:
                self.delete_run(run.id, now)

    def register(self, name: str, run_id: str, alias: str | None = None) -> Version:
        number = 1 + sum(one.name == name for one in self.versions)
        run = self.runs[run_id]
        source = f"mlflow-artifacts:/{run.experiment}/{run_id}/artifacts/model"
        version = Version(name, number, run_id, source, aliases=[alias] if alias else [])
        self.versions.append(version)
        return version


def key_of(run: Run, path: str = "") -> str:
    return f"{place.PREFIX}/{run.experiment}/{run.id}/artifacts/{path}"
