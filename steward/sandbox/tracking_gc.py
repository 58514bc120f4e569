"""What a one-off task with Steward's gc verb does to the world: `mlflow gc`, for the ids it was given.

Told apart from other commands by the program that the verb runs. It works a while after its container
has started, so that a task which is stopped in time has done nothing yet.
"""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.steps.one_off import NO_IDS, PROGRAM_MARK
from steward.sandbox import place
from steward.sandbox.ecs_service import EcsService
from steward.sandbox.task import Status, Task
from steward.sandbox.tasklogs import TaskLogs
from steward.sandbox.times import epoch_millis
from steward.sandbox.tracking import Run, Tracking
from steward.sandbox.tracking_objects import TrackingObjects

WORKS_AFTER_S = 40
_DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True)
class Asked:
    runs: tuple[str, ...]
    experiments: tuple[str, ...]
    older_than_ms: int


class KilledError(Exception):
    """The task is gone in the middle of its work."""


class GcTasks:
    def __init__(self, service: EcsService, tracking: Tracking, objects: TrackingObjects, logs: TaskLogs) -> None:
        self._service, self._tables, self._objects, self._logs = service, tracking, objects, logs
        self._worked: set[str] = set()
        self.fails = False
        """The command ends with exit code 1 before it has done anything."""
        self.dies_after: int | None = None
        """So many more objects and rows are deleted, then the task is killed; once."""

    def tick(self, now: datetime) -> None:
        for task in list(self._service.tasks.values()):
            asked = _asked(task) if task.id not in self._worked else None
            if asked is None or task.status is not Status.RUNNING or task.age_s(now) < WORKS_AFTER_S:
                continue
            self._worked.add(task.id)
            lines, code = self._work(asked, now)
            self._logs.write(task, now, lines)
            task.behaviour = replace(task.behaviour, exit_code=code)

    def _work(self, asked: Asked, now: datetime) -> tuple[list[str], int]:
        if self.fails:
            return ["steward: failed run OperationalError", "steward: done"], 1
        lines: list[str] = []
        try:
            lines.extend(self._gc(asked, now))
        except KilledError:
            self.dies_after = None
            return lines, 137
        return [*lines, "steward: done"], 0

    def _gc(self, asked: Asked, now: datetime) -> Iterator[str]:
        limit = epoch_millis(now) - asked.older_than_ms
        for name in asked.runs:
            run = self._tables.runs.get(name)
            if run is None:
                yield f"steward: gone before run {name}"
            elif run.deleted_at is None or run.deleted_at > limit:
                yield f"steward: kept run {name}"
            else:
                self._remove(run)
                yield f"Run with ID {name} has been permanently deleted."
        for name in asked.experiments:
            yield self._experiment(name, limit)

    def _remove(self, run: Run) -> None:
        folder = _folder(run)
        found = self._objects.keys(folder) if folder else []
        # What some versions did: the first page of a listing is deleted, or nothing at all.
        found = found[: len(found) // 2] if self._tables.gc_leaves else found
        self._objects.remove(found[: self._may_delete(len(found))])
        self._spend(len(found) + 1)
        del self._tables.runs[run.id]

    def _may_delete(self, count: int) -> int:
        return count if self.dies_after is None else min(count, self.dies_after)

    def _spend(self, count: int) -> None:
        """The objects first and the row last, as MLflow does."""
        if self.dies_after is None:
            return
        if self.dies_after < count:
            raise KilledError
        self.dies_after -= count

    def _experiment(self, name: str, limit: int) -> str:
        found = self._tables.experiments.get(name)
        if found is None:
            return f"steward: gone before experiment {name}"
        if not found.deleted or found.changed > limit or any(r.experiment == name for r in self._tables.runs.values()):
            return f"steward: kept experiment {name}"
        self._spend(1)
        del self._tables.experiments[name]
        return f"Experiment with ID {name} has been permanently deleted."


def _folder(run: Run) -> str | None:
    """Wherever its artifacts are said to lie: MLflow follows that. None: not in this bucket."""
    scheme, _, path = run.artifact_uri.partition(":")
    key = path.strip("/")
    if scheme == "s3":
        bucket, _, key = key.partition("/")
        return f"{key}/" if bucket == place.BUCKET else None
    return f"{place.PREFIX}/{key}/"


def _asked(task: Task) -> Asked | None:
    overridden = task.overrides.get("containerOverrides")
    if not isinstance(overridden, list) or not overridden:
        return None
    line = str((overridden[0].get("command") or [""])[-1])
    if PROGRAM_MARK not in line:
        return None
    words = shlex.split(line)
    at = next(number for number, word in enumerate(words) if PROGRAM_MARK in word)
    runs, experiments = words[at + 1], words[at + 2]
    days = words[words.index("--older-than") + 1].rstrip(";")
    return Asked(_ids(runs), _ids(experiments), int(days.rstrip("d")) * _DAY_MS)


def _ids(text: str) -> tuple[str, ...]:
    return () if text == NO_IDS else tuple(text.split(","))
