"""Which MLflow a task runs, and what that does to its database: refuse, migrate unasked, or serve.

A server on an older schema migrates it silently where tables are missing, and refuses where only the revision
differs; on a newer one it refuses. What cannot be installed ends with pip's words.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

from chalicelib.steps.mlflow_schemas import CHAIN, head_of
from steward.sandbox import database_words as words
from steward.sandbox import place
from steward.sandbox.database import Database
from steward.sandbox.ecs_service import EcsService
from steward.sandbox.rds_world import RdsWorld
from steward.sandbox.restored import Restored
from steward.sandbox.task import Status, Task
from steward.sandbox.task_definitions import version_of
from steward.sandbox.tasklogs import TaskLogs

WORKS_AFTER_S = 40
UPGRADE = "mlflow db upgrade"
_NEW_TABLES = frozenset(
    """
    d0e1f2a3b4c5 2c33131f4dae 534353b11cbc 400f98739977 770bee3ae1dd 1a0cddfcaa16 a1b2c3d4e5f6 71994744cf8e
    bf29a5ff90ea 1bd49d398cd23 b7c8d9e0f1a2 1b5f0d9ad7c1 e1f2a3b4c5d6 76601a5f987d ae8bbe7743c9 a8b9c0d1e2f3
    89d3d66ed43f b7e4c1a90f23 75868b020152 dc11669786a5
    """.split()  # noqa: SIM905 - a table, not a list
)
"""The migrations that add tables; the others only change those that are there."""


class Releases:
    def __init__(self, database: Database, rds: RdsWorld) -> None:
        self._database, self._rds = database, rds
        self.strict = False
        """The tables of all migrations are there already, so a server only sees that the revision differs."""

    def head(self, task: Task) -> str | None:
        """None: no such release can be installed."""
        return head_of(task.mlflow)

    def schema(self, task: Task) -> str:
        """Of the database that this task is told to ask."""
        restored = self._restored(task)
        return restored.contents.schema if restored else self._database.schema

    def cannot_start(self, task: Task) -> tuple[str, ...]:
        """What it prints before it ends, where no waiting helps; and what it does to its database meanwhile."""
        head, schema = self.head(task), self.schema(task)
        if head is None:
            return not_installable(task.mlflow)
        if schema == head:
            return ()
        if schema not in CHAIN:
            unknown = words.revision_unknown(schema)
            return unknown if self._database.lacks_tables else words.out_of_date(schema, head)
        way = CHAIN[CHAIN.index(schema) + 1 : CHAIN.index(head) + 1]
        if self.strict or not _NEW_TABLES & set(way):
            return words.out_of_date(schema, head)
        self.migrate(task, head)
        return ()

    def migrate(self, task: Task, schema: str) -> None:
        restored = self._restored(task)
        if restored:
            restored.contents = replace(restored.contents, schema=schema)
        else:
            self._database.schema = schema

    def _restored(self, task: Task) -> Restored | None:
        host = task.environment.get("DB_HOST", place.DATABASE_HOST)
        return None if host == place.DATABASE_HOST else self._rds.host_of(host)


def not_installable(version: str) -> tuple[str, ...]:
    return (
        f"ERROR: Could not find a version that satisfies the requirement mlflow=={version} (from versions: 3.17.2)",
        f"ERROR: No matching distribution found for mlflow=={version}",
    )


class UpgradeTasks:
    """One-off tasks that run `mlflow db upgrade`, with the MLflow that their own line installs."""

    def __init__(self, service: EcsService, releases: Releases, database: Database, logs: TaskLogs) -> None:
        self._service, self._database, self._logs, self.releases = service, database, logs, releases
        self._worked: set[str] = set()
        self.ends: str = "well"
        """Or `fails`, before anything is changed; `half`: some migrations are done, as MySQL leaves it; `late`: all
        are, and then it fails; `hangs`: it waits for a lock for ever."""

    def tick(self, now: datetime) -> None:
        for task in list(self._service.tasks.values()):
            line = _line(task) if task.id not in self._worked else None
            if line is None or task.status is not Status.RUNNING or task.age_s(now) < WORKS_AFTER_S:
                continue
            self._worked.add(task.id)
            if self.ends == "hangs":
                task.behaviour = replace(task.behaviour, exits_after_s=None)
                continue
            task.mlflow = version_of(line, task.image)
            code, lines = self._upgrade(task)
            self._logs.write(task, now, lines)
            task.behaviour = replace(task.behaviour, exit_code=code)

    def _upgrade(self, task: Task) -> tuple[int, list[str]]:
        head, schema = self.releases.head(task), self.releases.schema(task)
        refusal = self._database.refuses(task)
        if head is None:
            return 1, list(not_installable(task.mlflow))
        if refusal is not None:
            return 1, list(words.gave_up(refusal))
        if schema not in CHAIN or CHAIN.index(schema) > CHAIN.index(head):
            return 1, list(words.revision_unknown(schema))
        way = list(CHAIN[CHAIN.index(schema) : CHAIN.index(head) + 1])
        if self.ends != "well":
            way = {"half": way[:2], "late": way}.get(self.ends, way[:1])
            self.releases.migrate(task, way[-1])
            return 1, [*_steps(way), "sqlalchemy.exc.OperationalError: canceling statement due to lock timeout"]
        self.releases.migrate(task, head)
        return 0, ["{at} INFO mlflow.store.db.utils: Updating database tables", *_steps(way)]


def _steps(way: list[str]) -> Iterator[str]:
    for before, after in pairwise(way):
        yield f"{{at}} INFO  [alembic.runtime.migration] Running upgrade {before} -> {after}"


def _line(task: Task) -> str | None:
    overridden = task.overrides.get("containerOverrides")
    if not isinstance(overridden, list) or not overridden:
        return None
    line = str((overridden[0].get("command") or [""])[-1])
    return line if UPGRADE in line else None
