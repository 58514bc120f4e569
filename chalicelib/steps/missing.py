"""Whose artifacts must be in the bucket, and whose nobody looks for. Pure.

Artifacts are expected of an active run that logged a model into its own folder (MLflow 2), of a run that a version
rests on, and of a logged model that is READY (MLflow 3 keeps it in a folder of its own; the run's may stay empty).
What lies in another bucket, under another scheme or outside the stack's prefix is not looked at, so not missing (S3).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from chalicelib.steps.artifact_places import RUN_ID, Place
from chalicelib.steps.mlflow_shapes import HISTORY_TAG, LoggedModel, ModelVersion, Run

_MOST_ASKED = 200
"""Of those aside: each is a listing of its own."""


@dataclass
class Expected:
    """Filled with runs, then versions, then logged models."""

    at_home: set[str] = field(default_factory=set)
    """Ids of runs and logged models that keep what they have in their own folder."""
    aside: dict[str, str] = field(default_factory=dict)
    """Those that keep theirs elsewhere in the stack's part of the bucket, and under which key."""
    elsewhere: set[str] = field(default_factory=set)
    """Those that keep theirs where Steward does not look."""
    not_at_home: set[str] = field(default_factory=set)
    """Runs of every lifecycle stage that keep theirs in no folder of their own."""
    versioned: set[str] = field(default_factory=set)
    """Runs on whose own folder a version rests, whatever else they logged."""

    def add_run(self, run: Run, place: Place) -> None:
        if not RUN_ID.fullmatch(run.id):
            return
        is_at_home = place.is_at_home(run.artifact_uri, run.experiment, run.id)
        if not is_at_home:
            self.not_at_home.add(run.id)
        if not run.deleted:
            self._add(run.id, place.key_of(run.artifact_uri), is_at_home=is_at_home, is_due=HISTORY_TAG in run.tags)

    def add_version(self, version: ModelVersion, place: Place) -> None:
        """One that rests on what its run logged into its own folder."""
        run, key = version.run_id, place.key_of(version.source)
        folder = place.folder_of(f"{key}/") if key is not None else None
        is_of_run = version.source.startswith(f"runs:/{run}/") or (folder is not None and folder.id == run)
        if is_of_run and RUN_ID.fullmatch(run) and run not in self.not_at_home:
            self.versioned.add(run)

    def add_model(self, model: LoggedModel, place: Place) -> None:
        """Of an experiment that is not deleted. Where it lies, what its run says of a model lies too."""
        self.at_home.discard(model.source_run)
        self.aside.pop(model.source_run, None)
        is_at_home = place.is_home_of(model.artifact_uri, model.experiment, "models", model.id, "artifacts")
        self._add(model.id, place.key_of(model.artifact_uri), is_at_home=is_at_home, is_due=model.is_ready)

    @property
    def due(self) -> set[str]:
        """Ids of runs and models whose own folder must hold something."""
        return self.at_home | self.versioned

    def missing(self, seen: set[str], has: Callable[[str], bool]) -> list[str]:
        """`seen`: ids whose own folder holds something; `has`: whether anything lies under a key."""
        names = sorted(self.aside)
        self.elsewhere.update(names[_MOST_ASKED:])
        return sorted([*(self.due - seen), *(one for one in names[:_MOST_ASKED] if not has(self.aside[one]))])

    def _add(self, name: str, key: str | None, *, is_at_home: bool, is_due: bool) -> None:
        if key is None:
            self.elsewhere.add(name)
        elif is_due and is_at_home:
            self.at_home.add(name)
        elif is_due:
            self.aside[name] = key


def told(missing: Iterable[str]) -> str:
    """How many of which, in words; empty where there are none."""
    names = list(missing)
    models = sum(name.startswith("m-") for name in names)
    counts = {"runs": len(names) - models, "logged models": models}
    said = " and ".join(f"{count} {what}" for what, count in counts.items() if count)
    return f"{said} lack their artifacts" if said else ""
