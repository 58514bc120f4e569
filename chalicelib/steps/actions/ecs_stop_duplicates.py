"""ecs.stop_duplicates: stops idle duplicates of the service, and never a task that serves (S1, S9).

Nothing is started for it: where connections are exhausted, start-before-stop would take the last ones.
"""

from pydantic import Field

from chalicelib.aws.ecs_shapes import Task
from chalicelib.models.change import Change, ChangeProgress
from chalicelib.models.words import Risk
from chalicelib.steps import permissions
from chalicelib.steps.duplicates import Beside, Duplicate, Family, read_family
from chalicelib.steps.service_state import ServiceState, read_service
from chalicelib.steps.step import (
    Action,
    ActionOutput,
    Applied,
    Done,
    Look,
    Params,
    Pending,
    Standing,
    StepContext,
    Unchanged,
)
from chalicelib.steps.task_disk import what_is_lost

_STOP = "ecs:StopTask"
_CHECK_AFTER_S = 15
_ENDED = {"DEPROVISIONING", "STOPPED"}
"""The container has ended, and with it its connections."""
_WHERE = {
    Beside.OUTSIDE: "which somebody started outside {service}",
    Beside.BEYOND: "which {service} runs beyond its desired count",
}


class StopDuplicatesParams(Params):
    max: int = Field(default=4, ge=1, le=100)
    """At most so many, the oldest first."""


class StopDuplicates(Action[StopDuplicatesParams]):
    """Stop tasks that run beside what the service needs and serve nobody; the others stay as they are.

    They are tasks of the service's task definition family that somebody started by hand, and tasks beyond
    the desired count that an older deployment left behind. A task that gets requests, one that runs a
    command of its own and one of another service are never stopped; nothing is started in their place.

    ```yaml
    - id: stop
      do: ecs.stop_duplicates
      with: {max: 2}
    ```
    """

    name = "ecs.stop_duplicates"
    Params = StopDuplicatesParams
    Output = ActionOutput
    permissions = (*permissions.READ_SERVICE, permissions.DESCRIBE_TASK_DEFINITION, permissions.STOP_TASK)
    risk = Risk.MEDIUM
    reversible = False

    def plan(self, ctx: StepContext, params: StopDuplicatesParams) -> tuple[Change, ...]:
        state = read_service(ctx)
        family = read_family(ctx, state)
        return tuple(self._stop(ctx, state, family, duplicate) for duplicate in family.idle[: params.max])

    def _stop(self, ctx: StepContext, state: ServiceState, family: Family, duplicate: Duplicate) -> Change:
        task, where = duplicate.task, _WHERE[duplicate.beside].format(service=ctx.stack.ecs.service)
        serving = f"{len(state.serving)} of {state.service.desired} wanted tasks serve without it"
        return Change(
            step=ctx.step_id,
            action=self.name,
            operation=_STOP,
            parameters={
                "cluster": ctx.stack.ecs.cluster,
                "task": task.arn,
                "reason": "steward run {run}: idle duplicate",
            },
            resource=task.arn,
            precondition={"task": "running", "duplicate": duplicate.beside.value, "serves": False},
            sentence=f"Stop task {task.short}, {where} and which serves nobody ({serving})",
            loses=what_is_lost(ctx.aws.ecs.task_definition(task.task_definition)),
            touches={"tasks": 1},
            out_of={"tasks": family.running},
        )

    def look(self, ctx: StepContext, change: Change) -> Look:
        task = _find(ctx, change)
        if task is None or not task.is_running:
            return Look(standing=Standing.ALREADY, detail="the task is no longer running")
        if not read_family(ctx, read_service(ctx)).is_idle(task.arn):
            why = f"task {task.short} is no longer an idle duplicate: it serves, or the service needs it"
            return Look(standing=Standing.DRIFTED, detail=why)
        return Look(standing=Standing.READY, detail="it runs beside the service and serves nobody")

    def apply(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:  # noqa: ARG002 - it shows
        task = _find(ctx, change)
        if task is None or task.status in _ENDED:
            return Done(detail="stopped; nothing is started in its place")
        if task.wanted == "STOPPED":
            return _pending(task)
        if not read_family(ctx, read_service(ctx)).is_idle(task.arn):
            # S9 holds at the very moment of stopping, not only when it was planned.
            return Unchanged(detail="it serves by now, or the service needs it, so it was left alone")
        reason = str(change.parameters["reason"]).replace("{run}", ctx.run_id)
        ctx.aws.ecs.stop_task(change.parameters["cluster"], task.arn, reason)
        return _pending(task)


def _pending(task: Task) -> Pending:
    return Pending(check_after_s=_CHECK_AFTER_S, detail=f"task {task.short} is stopping")


def _find(ctx: StepContext, change: Change) -> Task | None:
    found = ctx.aws.ecs.tasks_by_arn(change.parameters["cluster"], [change.parameters["task"]])
    return found[0] if found else None
