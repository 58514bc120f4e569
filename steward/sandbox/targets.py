"""Targets of the load balancer: their health follows the tasks, check by check.

Checks are every 10 s; 8 failures make a target unhealthy, because the app needs more than a minute
to install itself and would otherwise be killed while it starts.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from steward.sandbox.task import DRAIN_S, Task

INTERVAL_S = 10
TIMEOUT_S = 5
HEALTHY_AFTER = 2
UNHEALTHY_AFTER = 8


class State(StrEnum):
    INITIAL = "initial"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    DRAINING = "draining"


_DESCRIPTIONS = {
    "Elb.RegistrationInProgress": "Target registration is in progress",
    "Elb.InitialHealthChecking": "Initial health checks in progress",
    "Target.Timeout": "Request timed out",
    "Target.FailedHealthChecks": "Health checks failed",
    "Target.DeregistrationInProgress": "Target deregistration is in progress",
}


@dataclass
class Target:
    task: Task
    checks_at: datetime
    state: State = State.INITIAL
    reason: str | None = "Elb.RegistrationInProgress"
    passed: int = 0
    failed: int = 0
    drains_until: datetime | None = None

    @property
    def description(self) -> str | None:
        if self.reason == "Target.ResponseCodeMismatch":
            return f"Health checks failed with these codes: [{self.task.health_code}]"
        return _DESCRIPTIONS.get(self.reason or "")


class Targets:
    def __init__(self) -> None:
        self._by_task: dict[str, Target] = {}

    def register(self, task: Task, now: datetime) -> None:
        self._by_task[task.id] = Target(task, now + timedelta(seconds=INTERVAL_S))

    def deregister(self, task: Task, now: datetime) -> bool:
        target = self._by_task.get(task.id)
        if target is None or target.state is State.DRAINING:
            return False
        target.state, target.reason = State.DRAINING, "Target.DeregistrationInProgress"
        target.drains_until = now + timedelta(seconds=DRAIN_S)
        return True

    def all(self) -> list[Target]:
        return list(self._by_task.values())

    def state(self, task: Task) -> State | None:
        target = self._by_task.get(task.id)
        return target.state if target else None

    def is_healthy(self, task: Task) -> bool:
        return self.state(task) is State.HEALTHY

    def is_unhealthy(self, task: Task) -> bool:
        return self.state(task) is State.UNHEALTHY

    def count(self, state: State) -> int:
        return sum(target.state is state for target in self._by_task.values())

    def routed(self) -> list[Target]:
        """Where requests go: the healthy ones; with none of them healthy, all (the ALB fails open)."""
        healthy = [target for target in self._by_task.values() if target.state is State.HEALTHY]
        return healthy or [target for target in self._by_task.values() if target.state is not State.DRAINING]

    def mark_healthy(self, task: Task) -> None:
        """At once, without waiting for the next checks."""
        if target := self._by_task.get(task.id):
            _is_healthy(target)

    def tick(self, now: datetime) -> None:
        for task_id, target in list(self._by_task.items()):
            if target.state is State.DRAINING:
                if target.drains_until is not None and now >= target.drains_until:
                    del self._by_task[task_id]
            elif now >= target.checks_at:
                target.checks_at = now + timedelta(seconds=INTERVAL_S)
                _check(target, now)


def _check(target: Target, now: datetime) -> None:
    task = target.task
    reason = _failure(task, now)
    if reason is None:
        target.passed, target.failed = target.passed + 1, 0
        # A new target needs one success only; one that was unhealthy needs the threshold.
        if target.state is State.INITIAL or target.passed >= HEALTHY_AFTER:
            _is_healthy(target)
        return
    target.passed, target.failed = 0, target.failed + 1
    if target.failed >= UNHEALTHY_AFTER:
        target.state, target.reason = State.UNHEALTHY, reason
    elif target.state is State.INITIAL:
        target.reason = "Elb.InitialHealthChecking"


def _failure(task: Task, now: datetime) -> str | None:
    if task.hung:
        return "Target.Timeout"
    if not task.is_ready(now):
        return "Target.FailedHealthChecks"
    return None if task.health_code == 200 else "Target.ResponseCodeMismatch"  # noqa: PLR2004 - the matcher


def _is_healthy(target: Target) -> None:
    target.state, target.reason = State.HEALTHY, None
    target.passed, target.failed = max(target.passed, HEALTHY_AFTER), 0
    target.task.ever_healthy = True
