"""Duplicates of the service: tasks of the same kind that run beside what the service needs and serve nobody.

Who counts as one is told narrowly, since a task that is stopped does not come back:

outside the service   same task definition family, started by hand, not a target that gets requests
beyond desired        of an older deployment or drained, while enough others serve and none is rolled out

A task that serves, one with a command of its own (a migration, `mlflow gc`), one of another service and
one that is only starting are left alone. Without a load balancer nobody can tell who is idle outside.
"""

from dataclasses import dataclass
from enum import StrEnum

from chalicelib.aws.ecs_shapes import Task
from chalicelib.steps.service_state import ServiceState, TaskStanding
from chalicelib.steps.step import StepContext

_OF_A_SERVICE = "service:"
_GETS_REQUESTS = {"healthy", "draining", "initial"}
"""A target that drains still answers what was begun; `initial` is about to serve."""


class Beside(StrEnum):
    OUTSIDE = "outside_the_service"
    BEYOND = "beyond_desired"


@dataclass(frozen=True)
class Duplicate:
    task: Task
    beside: Beside


@dataclass(frozen=True)
class Family:
    """All running tasks of the service's task definition family."""

    idle: tuple[Duplicate, ...]
    """Stopping them takes nothing from anybody; oldest first."""
    left_alone: tuple[tuple[Task, str], ...]
    """Of those outside the service, with the reason."""
    running: int

    def is_idle(self, arn: str) -> bool:
        return any(duplicate.task.arn == arn for duplicate in self.idle)


def read_family(ctx: StepContext, state: ServiceState) -> Family:
    name = state.service.task_definition.rsplit("/", 1)[-1].split(":")[0]
    known = {task.arn for task in state.tasks}
    found = ctx.aws.ecs.tasks_of_family(ctx.stack.ecs.cluster, name) if name else ()
    outside = sorted(
        (task for task in found if task.arn not in known and task.is_running),
        key=lambda task: (task.created_at or ctx.now, task.arn),
    )
    idle = [Duplicate(task, Beside.OUTSIDE) for task in outside if why_left_alone(state, task) is None]
    idle += [Duplicate(task, Beside.BEYOND) for task in _beyond_desired(state)]
    left = tuple((task, why) for task in outside if (why := why_left_alone(state, task)) is not None)
    return Family(tuple(idle), left, len(state.running) + len(outside))


def why_left_alone(state: ServiceState, task: Task) -> str | None:
    """Of a task outside the service; None: it is an idle duplicate."""
    if task.group.startswith(_OF_A_SERVICE):
        return f"it belongs to {task.group}, which would start it again"
    if task.has_own_command:
        return "it was started with a command of its own: a job, not a server"
    if state.targets is None:
        return "the stack has no load balancer, so nobody can tell whether it serves"
    if any(target.id == task.address and target.state in _GETS_REQUESTS for target in state.targets):
        return "the load balancer sends it requests"
    return None


def _beyond_desired(state: ServiceState) -> tuple[Task, ...]:
    """S9: only while all that are wanted serve, and only what is left over then."""
    service, primary = state.service, state.service.primary
    deploying = primary is None or any(each.rollout == "IN_PROGRESS" for each in service.deployments)
    surplus = len(state.running) - service.desired
    if deploying or surplus <= 0 or len(state.serving) < service.desired or primary is None:
        return ()
    idle = [task for task in state.running if _is_over(state.standing(task), task.started_by == primary.id)]
    return tuple(idle[:surplus])


def _is_over(standing: TaskStanding, of_primary: bool) -> bool:
    """A starting task of the deployment that is wanted is one that is about to serve."""
    if of_primary:
        return standing is TaskStanding.UNHEALTHY
    return standing is not TaskStanding.SERVING
