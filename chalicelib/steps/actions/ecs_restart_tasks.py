"""ecs.restart_tasks: stops tasks one by one and waits for each replacement (S1, S9).

unhealthy task   it serves nobody: stop ─▶ wait until its replacement is healthy
serving task     scale up by one ─▶ wait until the extra task is healthy
                 ─▶ stop, wait for the replacement (each) ─▶ scale back
"""

from typing import Literal

from pydantic import Field

from chalicelib.aws.ecs_shapes import Task
from chalicelib.errors import StepFailed, StepRefused
from chalicelib.models.change import Change, ChangeProgress
from chalicelib.models.words import Risk
from chalicelib.steps import desired_count, permissions
from chalicelib.steps.actions.ecs_force_deployment import ForceDeployment, ForceParams
from chalicelib.steps.rollout import refuse_after_failed_launch
from chalicelib.steps.service_state import (
    ServiceState,
    TaskStanding,
    failed_since,
    last_launch_failed,
    read_service,
    why_stopped,
)
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


class RestartParams(Params):
    which: Literal["unhealthy", "oldest"] = "unhealthy"
    """`oldest` takes the unhealthy ones first too, then serving ones from the oldest on."""
    max: int = Field(default=1, ge=1, le=100)
    without_room: Literal["refuse", "deploy"] = "refuse"
    """Where the bounds allow no task more beside those that serve. `deploy`: ECS replaces all of them by a
    deployment, new ones first, which needs no higher count."""


class RestartTasks(Action[RestartParams]):
    """Restart unhealthy tasks, or the oldest; a task that serves is stopped only once another is healthy.

    ```yaml
    - id: restart
      do: ecs.restart_tasks
      with: {which: unhealthy, max: 1}
    ```
    """

    name = "ecs.restart_tasks"
    Params = RestartParams
    Output = ActionOutput
    permissions = (
        *permissions.READ_SERVICE,
        permissions.DESCRIBE_TASK_DEFINITION,
        permissions.READ_SCALING_BOUNDS,
        permissions.UPDATE_SERVICE,
        permissions.STOP_TASK,
    )
    risk = Risk.MEDIUM
    reversible = False

    def plan(self, ctx: StepContext, params: RestartParams) -> tuple[Change, ...]:
        state = read_service(ctx)
        if not state.serving:
            # S9: with nobody serving, one replacement is tried; if that does not help, restarting will not.
            return tuple(self._stop_unhealthy(ctx, state, task) for task in state.unhealthy[:1])
        unhealthy = state.unhealthy[: params.max]
        changes = [self._stop_unhealthy(ctx, state, task) for task in unhealthy]
        serving = state.serving[: params.max - len(unhealthy)] if params.which == "oldest" else ()
        if serving and params.without_room == "deploy" and not desired_count.is_within(ctx, state.service.desired + 1):
            return ForceDeployment().plan(ctx, ForceParams())
        if serving:
            changes += self._restart_serving(ctx, state, serving)
        return tuple(changes)

    def _stop_unhealthy(self, ctx: StepContext, state: ServiceState, task: Task) -> Change:
        others = f"{len(state.serving)} of {len(state.running)} tasks serve"
        return self._stop(
            ctx,
            state,
            task,
            why="unhealthy target",
            precondition={"task": "running", "standing": TaskStanding.UNHEALTHY.value},
            sentence=f"Stop task {task.short}, whose target is unhealthy ({others}); the service starts a replacement",
        )

    def _restart_serving(self, ctx: StepContext, state: ServiceState, serving: tuple[Task, ...]) -> list[Change]:
        refuse_after_failed_launch(ctx, state)
        _refuse_while_launches_fail(ctx, state)
        before = state.service.desired
        extra = before + 1
        desired_count.refuse_outside_bounds(ctx, extra)
        stops = [
            self._stop(
                ctx,
                state,
                task,
                why="restart",
                precondition={"task": "running", "desired": extra},
                sentence=f"Stop task {task.short}, which serves, once {extra} tasks are healthy",
                serves=True,
            )
            for task in serving
        ]
        return [self._scale(ctx, before, extra), *stops, self._scale(ctx, extra, before, loses=stops[0].loses)]

    def _stop(
        self,
        ctx: StepContext,
        state: ServiceState,
        task: Task,
        *,
        why: str,
        precondition: dict[str, str | int],
        sentence: str,
        serves: bool = False,
    ) -> Change:
        reason = f"steward run {{run}}: {why}"
        return Change(
            step=ctx.step_id,
            action=self.name,
            operation=_STOP,
            parameters={"cluster": ctx.stack.ecs.cluster, "task": task.arn, "reason": reason},
            resource=task.arn,
            precondition=precondition,
            sentence=sentence,
            loses=what_is_lost(ctx.aws.ecs.task_definition(task.task_definition)),
            serves=serves,
            touches={"tasks": 1},
            out_of={"tasks": len(state.running)},
        )

    def _scale(self, ctx: StepContext, before: int, after: int, loses: str | None = None) -> Change:
        name = ctx.stack.ecs.service
        up = (
            f"Scale {name} from {before} to {after} tasks, so that a replacement is healthy before a serving task stops"
        )
        return Change(
            step=ctx.step_id,
            action=self.name,
            operation=desired_count.OPERATION,
            parameters=desired_count.parameters(ctx, after),
            resource=ctx.stack.service_ref,
            precondition={"desired": before},
            # Undone is only the scaling up: once scaled back, everything is as it was.
            undo=desired_count.undo_desired(ctx, before, after) if after > before else None,
            sentence=up if after > before else f"Scale {name} back from {before} to {after} tasks",
            loses=loses,
        )

    def look(self, ctx: StepContext, change: Change) -> Look:
        if change.operation == desired_count.OPERATION:
            return desired_count.look_at_desired(ctx, change)
        task = _find(ctx, change)
        if task is None or not task.is_running:
            return Look(standing=Standing.ALREADY, detail="the task is no longer running")
        state = read_service(ctx)
        standing = state.standing(task)
        if change.precondition.get("standing") == TaskStanding.UNHEALTHY.value:
            return _look_at_unhealthy(standing)
        needed = int(change.precondition.get("desired", state.service.desired))
        if state.service.desired < needed:
            why = f"the desired count is {state.service.desired}, so no replacement stands ready beside the task"
            return Look(standing=Standing.DRIFTED, detail=why)
        return Look(standing=Standing.READY, detail=f"the task is {standing.value}")

    def apply(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:
        if change.operation == desired_count.OPERATION:
            return desired_count.apply_desired(ctx, change, progress)
        task = _find(ctx, change)
        state = read_service(ctx)
        if task is not None and task.wanted != "STOPPED":
            return self._stop_now(ctx, change, state, task)
        return _wait_for_replacement(ctx, change, progress, state)

    def _stop_now(self, ctx: StepContext, change: Change, state: ServiceState, task: Task) -> Applied:
        if change.precondition.get("standing") and state.standing(task) is TaskStanding.SERVING:
            return Unchanged(detail="its target is healthy again, so it was left alone")
        if change.serves and len(state.serving) < state.service.desired:
            # S9 holds at the very moment of stopping, not only when it was planned.
            return _pending(desired_count.waiting_for(state, state.service.desired))
        reason = str(change.parameters["reason"]).replace("{run}", ctx.run_id)
        ctx.aws.ecs.stop_task(change.parameters["cluster"], task.arn, reason)
        return _pending(f"task {task.short} is stopping")


def _refuse_while_launches_fail(ctx: StepContext, state: ServiceState) -> None:
    """S9, stricter than for a deployment: here nobody would roll back what does not come up."""
    failed = last_launch_failed(state, ctx.aws.ecs.stopped_tasks(ctx.stack.ecs.cluster, ctx.stack.ecs.service))
    if failed is not None:
        why = f"the last launch failed (task {failed.short}: {why_stopped(failed)}), so no serving task is stopped"
        raise StepRefused(why, rule="S9")


def _pending(detail: str) -> Pending:
    return Pending(check_after_s=desired_count.CHECK_AFTER_S, detail=detail)


def _find(ctx: StepContext, change: Change) -> Task | None:
    found = ctx.aws.ecs.tasks_by_arn(change.parameters["cluster"], [change.parameters["task"]])
    return found[0] if found else None


def _look_at_unhealthy(standing: TaskStanding) -> Look:
    if standing is TaskStanding.UNHEALTHY:
        return Look(standing=Standing.READY, detail="its target is unhealthy")
    if standing is TaskStanding.SERVING:
        return Look(standing=Standing.ALREADY, detail="its target is healthy again, so it was left alone")
    return Look(standing=Standing.DRIFTED, detail=f"the task is {standing.value}, no longer unhealthy")


def _wait_for_replacement(ctx: StepContext, change: Change, progress: ChangeProgress, state: ServiceState) -> Applied:
    """A replacement is a task created after the stop; ECS counts it as running before it serves."""
    since = progress.started_at or ctx.now
    service = state.service
    fresh = [task for task in state.serving if task.created_at and task.created_at >= since]
    enough = len(state.serving) >= service.desired if change.serves else bool(fresh)
    if enough and service.running == service.desired and service.pending == 0:
        named = f"task {fresh[-1].short} took its place" if fresh else "others took its place"
        return Done(detail=f"stopped; {named}, {len(state.serving)} of {service.desired} serve")
    failed = failed_since(ctx.aws.ecs.stopped_tasks(ctx.stack.ecs.cluster, ctx.stack.ecs.service), since)
    if failed is not None:
        raise StepFailed(ctx.step_id, f"the replacement {failed.short} stopped: {why_stopped(failed)}")
    return _pending(desired_count.waiting_for(state, service.desired))
