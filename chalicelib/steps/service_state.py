"""How the service's tasks stand: who serves, who is unhealthy, who is only starting, what failed to start.

Everything here reads; the words for a task's standing are the ones S9 needs.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.aws.ecs_shapes import Service, Task
from chalicelib.aws.elb import Target
from chalicelib.steps.step import StepContext

_EARLY = timedelta(minutes=5)
_NEVER_STARTED = ("CannotPull", "ResourceInitializationError", "CannotStartContainer", "CannotCreate")
_ASKED_FOR = {"UserInitiated", "SpotInterruption"}


class TaskStanding(StrEnum):
    SERVING = "serving"
    UNHEALTHY = "unhealthy"
    STARTING = "starting"
    UNKNOWN = "unknown"  # draining, unused, or health checks switched off


_BY_TARGET = {
    "healthy": TaskStanding.SERVING,
    "unhealthy": TaskStanding.UNHEALTHY,
    "initial": TaskStanding.STARTING,
}


@dataclass(frozen=True)
class ServiceState:
    service: Service
    tasks: tuple[Task, ...]
    """Running or starting, oldest first."""
    targets: tuple[Target, ...] | None
    """None: the stack has no load balancer."""

    @property
    def running(self) -> tuple[Task, ...]:
        return tuple(task for task in self.tasks if task.is_running)

    @property
    def serving(self) -> tuple[Task, ...]:
        return tuple(task for task in self.tasks if self.standing(task) is TaskStanding.SERVING)

    @property
    def unhealthy(self) -> tuple[Task, ...]:
        return tuple(task for task in self.tasks if self.standing(task) is TaskStanding.UNHEALTHY)

    def standing(self, task: Task) -> TaskStanding:
        if not task.is_running:
            return TaskStanding.STARTING
        if self.targets is None:
            return TaskStanding.UNHEALTHY if task.health == "UNHEALTHY" else TaskStanding.SERVING
        target = next((target for target in self.targets if target.id == task.address), None)
        if target is None:
            return TaskStanding.STARTING
        return _BY_TARGET.get(target.state, TaskStanding.UNKNOWN)


def read_service(ctx: StepContext) -> ServiceState:
    where = ctx.stack.ecs
    service = ctx.aws.ecs.service(where.cluster, where.service)
    tasks = sorted(ctx.aws.ecs.tasks(where.cluster, where.service), key=lambda task: (_born(task, ctx.now), task.arn))
    return ServiceState(service, tuple(tasks), read_targets(ctx))


def read_targets(ctx: StepContext) -> tuple[Target, ...] | None:
    if ctx.stack.load_balancer is None:
        return None
    group = ctx.aws.elb.target_group(ctx.stack.load_balancer.target_group)
    return ctx.aws.elb.target_health(group.arn)


def _born(task: Task, now: datetime) -> datetime:
    return task.created_at or now


def failed_to_start(task: Task) -> bool:
    """It stopped before it was of any use, and nobody had asked it to (S9)."""
    if task.stop_code in _ASKED_FOR:
        return False
    reasons = " ".join(filter(None, (task.stopped_reason, *(c.reason for c in task.containers))))
    if task.stop_code == "TaskFailedToStart" or any(word in reasons for word in _NEVER_STARTED):
        return True
    if task.started_at is None or task.stopped_at is None or task.stopped_at - task.started_at > _EARLY:
        return False
    if task.stop_code == "ServiceSchedulerInitiated":
        # Scaling in and replacing say this too, with exit codes of the signal: only the reason tells.
        return "health checks" in reasons
    # An essential container that ends within minutes failed, even with exit code 0 (a taken port).
    return task.stop_code == "EssentialContainerExited" or any(c.exit_code for c in task.containers)


def never_ran(task: Task) -> bool:
    """It was not even launched: the image, a secret, an address or capacity was missing."""
    reasons = " ".join(filter(None, (task.stopped_reason, *(c.reason for c in task.containers))))
    return task.stop_code == "TaskFailedToStart" or task.started_at is None or any(w in reasons for w in _NEVER_STARTED)


def ended_unasked(task: Task) -> bool:
    """It failed to start, ended by itself, or ECS gave it up, however long that took."""
    reason = task.stopped_reason or ""
    given_up = task.stop_code == "ServiceSchedulerInitiated" and "health checks" in reason
    return failed_to_start(task) or given_up or task.stop_code == "EssentialContainerExited"


def failed_since(stopped: tuple[Task, ...], since: datetime) -> Task | None:
    """The newest task created since then that did not stay."""
    failed = [task for task in stopped if task.created_at and task.created_at >= since and ended_unasked(task)]
    return max(failed, key=lambda task: (task.created_at or since, task.arn), default=None)


def last_launch_failed(state: ServiceState, stopped: tuple[Task, ...]) -> Task | None:
    """The failed start that is newer than every running task; None when the last launch came up."""
    born = [task.created_at for task in state.running if task.created_at]
    newest = max(born) if born else None
    failed = [t for t in stopped if failed_to_start(t) and t.created_at and (newest is None or t.created_at > newest)]
    return max(failed, key=lambda task: (str(task.created_at), task.arn), default=None)


def why_stopped(task: Task) -> str:
    """The most telling text ECS has: out of memory shows only in a container's reason."""
    exits = [f"exit code {c.exit_code}" for c in task.containers if c.exit_code is not None]
    reasons = [c.reason for c in task.containers if c.reason]
    return "; ".join(dict.fromkeys([*filter(None, [task.stopped_reason]), *reasons, *exits])) or "no reason given"
