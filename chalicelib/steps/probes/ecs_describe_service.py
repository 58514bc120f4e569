"""ecs.describe_service: desired, running and pending, deployments, and which tasks serve."""

from chalicelib.models.shape import Shape
from chalicelib.models.words import Utc
from chalicelib.steps.permissions import READ_SERVICE
from chalicelib.steps.service_state import ServiceState, TaskStanding, read_service
from chalicelib.steps.step import NoParams, Output, Probe, StepContext

_SHOWN = 20
"""Tasks listed one by one; the counts cover all."""


class TaskView(Shape):
    id: str
    standing: TaskStanding
    task_definition: str
    started_at: Utc | None


class DeploymentView(Shape):
    id: str
    status: str
    task_definition: str
    rollout: str | None
    rollout_reason: str | None
    desired: int
    running: int
    failed_tasks: int


class ServiceOutput(Output):
    status: str
    desired: int
    running: int
    pending: int
    healthy: int
    """Running tasks that serve: healthy target, or no load balancer to say otherwise."""
    unhealthy: int
    starting: int
    task_definition: str
    deployment_in_progress: bool
    rollout: str | None
    """Of the deployment the service is moving to: IN_PROGRESS, COMPLETED, FAILED."""
    deployments: tuple[DeploymentView, ...]
    tasks: tuple[TaskView, ...]


class DescribeService(Probe[NoParams, ServiceOutput]):
    """How the ECS service and its tasks stand.

    ```yaml
    - id: look
      do: ecs.describe_service
    ```
    """

    name = "ecs.describe_service"
    Params = NoParams
    Output = ServiceOutput
    permissions = READ_SERVICE

    def read(self, ctx: StepContext, params: NoParams) -> ServiceOutput:  # noqa: ARG002 - it has none
        state = read_service(ctx)
        service, primary = state.service, state.service.primary
        standings = [state.standing(task) for task in state.tasks]
        return ServiceOutput(
            status=service.status,
            desired=service.desired,
            running=service.running,
            pending=service.pending,
            healthy=standings.count(TaskStanding.SERVING),
            unhealthy=standings.count(TaskStanding.UNHEALTHY),
            starting=standings.count(TaskStanding.STARTING),
            task_definition=service.task_definition,
            deployment_in_progress=is_deploying(state),
            rollout=primary.rollout if primary else None,
            deployments=_deployments(state),
            tasks=_tasks(state),
        )


def is_deploying(state: ServiceState) -> bool:
    """A circuit breaker that rolls back is a deployment as well; one that FAILED has ended."""
    deployments = state.service.deployments
    if any(deployment.rollout == "IN_PROGRESS" for deployment in deployments):
        return True
    # Another controller than ECS gives no rollout state: two at once is one under way.
    return len(deployments) > 1 and all(deployment.rollout is None for deployment in deployments)


def _deployments(state: ServiceState) -> tuple[DeploymentView, ...]:
    return tuple(
        DeploymentView(
            id=d.id,
            status=d.status,
            task_definition=d.task_definition,
            rollout=d.rollout,
            rollout_reason=d.rollout_reason[:300] if d.rollout_reason else None,
            desired=d.desired,
            running=d.running,
            failed_tasks=d.failed_tasks,
        )
        for d in state.service.deployments[:5]
    )


def _tasks(state: ServiceState) -> tuple[TaskView, ...]:
    return tuple(
        TaskView(
            id=task.id,
            standing=state.standing(task),
            task_definition=task.task_definition.rsplit("/", 1)[-1],
            started_at=task.started_at,
        )
        for task in state.tasks[:_SHOWN]
    )
