"""The desired count of a service: its bounds (S13), the Change that sets it, and how that is carried out.

Used by every action that scales, and by their undo: all of it reads the Change, nothing else.
"""

from chalicelib.errors import StepFailed, StepRefused
from chalicelib.models.change import Change, ChangeProgress, Undo
from chalicelib.steps.service_state import ServiceState, failed_since, read_service, why_stopped
from chalicelib.steps.step import Applied, Done, Look, Pending, Standing, StepContext

CHECK_AFTER_S = 15
"""Fargate needs a minute or more for a task; asking oftener learns nothing."""
OPERATION = "ecs:UpdateService"


def refuse_outside_bounds(ctx: StepContext, wanted: int) -> None:
    """S13: within the stack's ceiling, and within Application Auto Scaling's bounds where there are some."""
    if wanted < 1:
        how = (
            "a runbook of your own does that, with ecs.pause_service, what is to happen meanwhile, and `paused: false`"
        )
        shipped = "for a migration migrate-database does it with stopWrites=true"
        raise StepRefused(f"{wanted} tasks would take the service down; {how}; {shipped}", rule="S13")
    if wanted > ctx.stack.limits.max_tasks:
        ceiling = f"limits.maxTasks of the stack is {ctx.stack.limits.max_tasks}"
        raise StepRefused(f"{wanted} tasks are too many: {ceiling}", rule="S13")
    bounds = ctx.aws.autoscaling.service_bounds(ctx.stack.ecs.cluster, ctx.stack.ecs.service)
    if bounds and not bounds.minimum <= wanted <= bounds.maximum:
        owner = f"Application Auto Scaling keeps the service between {bounds.minimum} and {bounds.maximum}"
        raise StepRefused(f"{wanted} tasks are out of bounds: {owner}", rule="S13")


def is_within(ctx: StepContext, wanted: int) -> bool:
    try:
        refuse_outside_bounds(ctx, wanted)
    except StepRefused:
        return False
    return True


def undo_desired(ctx: StepContext, before: int, after: int) -> Undo:
    return Undo(operation=OPERATION, parameters=parameters(ctx, before), precondition={"desired": after})


def parameters(ctx: StepContext, desired: int) -> dict[str, str | int]:
    return {"cluster": ctx.stack.ecs.cluster, "service": ctx.stack.ecs.service, "desiredCount": desired}


def look_at_desired(ctx: StepContext, change: Change) -> Look:
    now = ctx.aws.ecs.service(change.parameters["cluster"], change.parameters["service"]).desired
    wanted = change.parameters["desiredCount"]
    if now == wanted:
        return Look(standing=Standing.ALREADY, detail=f"the desired count is {now} already")
    expected = change.precondition.get("desired", now)
    if now != expected:
        why = f"the desired count is {now}, no longer {expected}: somebody else changed it"
        return Look(standing=Standing.DRIFTED, detail=why)
    return Look(standing=Standing.READY, detail=f"the desired count is {now}", before={"desired": now})


def apply_desired(ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:
    wanted = int(change.parameters["desiredCount"])
    state = read_service(ctx)
    if state.service.desired != wanted:
        before = progress.before.get("desired")
        if before is not None and state.service.desired != before:
            why = f"somebody set the desired count to {state.service.desired} while it went from {before} to {wanted}"
            raise StepFailed(ctx.step_id, why)
        ctx.aws.ecs.set_desired_count(change.parameters["cluster"], change.parameters["service"], wanted)
        return Pending(check_after_s=CHECK_AFTER_S, detail=f"the desired count is set to {wanted}")
    serving, running = len(state.serving), state.service.running
    if running == wanted and serving >= wanted and state.service.pending == 0:
        return Done(detail=f"{wanted} tasks run and serve")
    if is_scaling_in(change) and running == wanted and state.service.pending == 0:
        return Done(detail=f"{wanted} tasks run, {serving} of them serve")
    fail_if_launch_failed(ctx, progress)
    return Pending(check_after_s=CHECK_AFTER_S, detail=waiting_for(state, wanted))


def is_scaling_in(change: Change) -> bool:
    before = change.precondition.get("desired")
    return before is not None and int(change.parameters["desiredCount"]) < int(before)


def waiting_for(state: ServiceState, wanted: int) -> str:
    return (
        f"waiting: {len(state.serving)} of {wanted} serve, {state.service.running} run, {state.service.pending} pending"
    )


def fail_if_launch_failed(ctx: StepContext, progress: ChangeProgress) -> None:
    """A replacement that stops by itself will not get better by waiting."""
    if progress.started_at is None:
        return
    stopped = ctx.aws.ecs.stopped_tasks(ctx.stack.ecs.cluster, ctx.stack.ecs.service)
    failed = failed_since(stopped, progress.started_at)
    if failed is not None:
        raise StepFailed(ctx.step_id, f"the new task {failed.short} stopped: {why_stopped(failed)}")
