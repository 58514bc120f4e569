"""ecs.stopped_tasks: which tasks ended lately, and in whose words why."""

from datetime import timedelta

from pydantic import Field

from chalicelib.aws.ecs_shapes import Task
from chalicelib.models.shape import Shape
from chalicelib.models.words import Duration, Utc
from chalicelib.steps.permissions import READ_TASKS
from chalicelib.steps.service_state import failed_to_start, why_stopped
from chalicelib.steps.step import Output, Params, Probe, StepContext

_TEXT = 400


class StoppedParams(Params):
    within: Duration = 3600
    """ECS itself forgets stopped tasks after about an hour."""
    limit: int = Field(default=10, ge=1, le=15)


class StoppedTask(Shape):
    id: str
    task_definition: str
    stopped_at: Utc | None
    stop_code: str | None
    why: str
    exit_codes: tuple[int, ...]
    lived_s: int | None
    """None: it never started."""
    failed_to_start: bool


class StoppedOutput(Output):
    count: int
    failed_to_start: int
    out_of_memory: int
    newest_why: str | None
    tasks: tuple[StoppedTask, ...]
    """Newest first."""


class StoppedTasks(Probe[StoppedParams, StoppedOutput]):
    """Tasks of the service that stopped lately, and why. None found proves nothing: ECS forgets them (S5).

    ```yaml
    - id: stopped
      do: ecs.stopped_tasks
      with: {within: 30m, limit: 5}
    ```
    """

    name = "ecs.stopped_tasks"
    Params = StoppedParams
    Output = StoppedOutput
    permissions = READ_TASKS

    def read(self, ctx: StepContext, params: StoppedParams) -> StoppedOutput:
        since = ctx.now - timedelta(seconds=params.within)
        stopped = ctx.aws.ecs.stopped_tasks(ctx.stack.ecs.cluster, ctx.stack.ecs.service)
        recent = [task for task in stopped if task.stopped_at is None or task.stopped_at >= since]
        recent.sort(key=lambda task: (task.stopped_at or ctx.now, task.arn), reverse=True)
        return StoppedOutput(
            count=len(recent),
            failed_to_start=sum(failed_to_start(task) for task in recent),
            out_of_memory=sum("OutOfMemory" in why_stopped(task) for task in recent),
            newest_why=why_stopped(recent[0])[:_TEXT] if recent else None,
            tasks=tuple(_view(task) for task in recent[: params.limit]),
        )


def _view(task: Task) -> StoppedTask:
    lived = task.stopped_at - task.started_at if task.stopped_at and task.started_at else None
    return StoppedTask(
        id=task.id,
        task_definition=task.task_definition.rsplit("/", 1)[-1],
        stopped_at=task.stopped_at,
        stop_code=task.stop_code,
        why=why_stopped(task)[:_TEXT],
        exit_codes=tuple(c.exit_code for c in task.containers if c.exit_code is not None),
        lived_s=round(lived.total_seconds()) if lived else None,
        failed_to_start=failed_to_start(task),
    )
