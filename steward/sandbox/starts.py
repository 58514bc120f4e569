"""Between installed and serving: `mlflow server` opens its store, and may wait for it, or end.

What it finds wrong it reads from the task's own variables and from the database as it stands, so a
corrected revision or a database that comes back helps, and a restart alone does not.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

from steward.sandbox import database_words as words
from steward.sandbox import place
from steward.sandbox.database import Database
from steward.sandbox.ecs_service import EcsService
from steward.sandbox.mlflow_releases import Releases
from steward.sandbox.task import Status, Task
from steward.sandbox.task_definitions import STORE_VARIABLE
from steward.sandbox.tasklogs import TaskLogs

OPENS_STORE_S = 60
"""So long pip takes."""
_TWO_PORTS = re.compile(r":(\d+:\d+)/")
OPENING = "Registry store URI not provided. Using backend store URI."


class Starts:
    def __init__(self, service: EcsService, database: Database, logs: TaskLogs, releases: Releases) -> None:
        self._service, self._database, self._logs, self._releases = service, database, logs, releases
        self._since: dict[str, datetime] = {}
        """When a task first found its database refusing."""
        self._tries: dict[str, int] = {}

    def tick(self, now: datetime) -> None:
        for task in list(self._service.tasks.values()):
            if self._is_opening(task, now):
                self._open(task, now)

    def _is_opening(self, task: Task, now: datetime) -> bool:
        own_way = task.behaviour.exits_after_s is not None or task.behaviour.hangs
        opens = task.status is Status.RUNNING and not task.said_ready and not own_way
        return opens and task.age_s(now) >= OPENS_STORE_S

    def _open(self, task: Task, now: datetime) -> None:
        broken = self._broken(task)
        if broken:
            self._logs.write(task, now, (OPENING, *broken))
            self._service.crash(task, now, 1)
            return
        refusal = self._database.refuses(task)
        task.is_held = refusal is not None
        if refusal is None:
            self._since.pop(task.id, None)
            self._tries.pop(task.id, None)
        elif self._has_given_up(task, now, lambda after_s: words.will_retry(refusal, after_s)):
            self._logs.write(task, now, words.gave_up(refusal))
            self._service.crash(task, now, 1)

    def _broken(self, task: Task) -> tuple[str, ...]:
        """What no waiting helps against."""
        doubled = _TWO_PORTS.search(_store(task))
        if doubled:
            return words.port_doubled(doubled[1])
        return () if self._database.refuses(task) else self._releases.cannot_start(task)

    def _has_given_up(self, task: Task, now: datetime, retry: Callable[[float], tuple[str, ...]]) -> bool:
        """Writes the retries that have come due, each at its own time."""
        if task.id not in self._since:
            self._since[task.id], self._tries[task.id] = now, 0
            self._logs.write(task, now, (OPENING,))
        began, done = self._since[task.id], self._tries[task.id]
        for tries, after_s in enumerate(words.RETRIES_AFTER_S):
            tried_at = began + timedelta(seconds=sum(words.RETRIES_AFTER_S[:tries]))
            if tries >= done and tried_at <= now:
                self._logs.write(task, tried_at, retry(after_s))
                self._tries[task.id] = tries + 1
        return now >= began + timedelta(seconds=sum(words.RETRIES_AFTER_S))


def _store(task: Task) -> str:
    """The address of the store as the start command puts it together, without the login."""
    host = task.environment.get("DB_HOST", place.DATABASE_HOST)
    return task.environment.get(STORE_VARIABLE, f"postgresql+psycopg2://{host}:5432/{place.DATABASE_NAME}")
