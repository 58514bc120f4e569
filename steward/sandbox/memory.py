"""What the tasks need of their memory, and what happens to those that need more than they have."""

from datetime import datetime

from steward.sandbox.ecs_service import EcsService
from steward.sandbox.task import Task

GROWS_S = 150
"""So long a serving task takes to grow to its full need."""
KILLED = "OutOfMemoryError: Container killed due to memory usage"
SIGKILLED = 137


class Memory:
    def __init__(self, service: EcsService) -> None:
        self._service = service
        self._needed_mib = 0
        self._since: datetime | None = None

    def grows_to(self, mib: int, now: datetime) -> None:
        """From now on a serving task comes to need so much."""
        self._needed_mib, self._since = mib, now

    def percent(self, task: Task, now: datetime, cpu: float) -> float:
        """Of what the task has."""
        usual = (46.0 + cpu / 10) * 1024 / task.memory_mib
        return round(min(99.6, max(usual, 100 * self._grown_mib(task, now) / task.memory_mib)), 2)

    def tick(self, now: datetime) -> None:
        if self._since is None:
            return
        for task in self._service.live():
            if self._grown_mib(task, now) >= task.memory_mib:
                self._service.crash(task, now, SIGKILLED, KILLED)

    def _grown_mib(self, task: Task, now: datetime) -> float:
        if self._since is None or not task.answers(now):
            return 0.0
        serves_s = task.age_s(now) - task.behaviour.ready_after_s
        grows_s = min(serves_s, (now - self._since).total_seconds())
        return self._needed_mib * min(1.0, grows_s / GROWS_S)
