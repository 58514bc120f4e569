"""Following a deployment that an action started, to its end."""

from chalicelib.aws.ecs_revisions import Revision
from chalicelib.aws.ecs_shapes import Deployment, Service
from chalicelib.errors import StepFailed, StepRefused
from chalicelib.steps.desired_count import CHECK_AFTER_S
from chalicelib.steps.service_state import ServiceState, last_launch_failed, never_ran, why_stopped
from chalicelib.steps.step import Applied, Done, Pending, StepContext

_ALL = 100


def follow_rollout(ctx: StepContext, service: Service, mine: Deployment) -> Applied:
    reason = mine.rollout_reason or "no reason given"
    if mine.rollout == "FAILED":
        raise StepFailed(ctx.step_id, f"deployment {mine.id} failed: {reason}")
    primary = service.primary
    if primary is None or primary.id != mine.id:
        other = f"{primary.id} took its place" if primary else "nothing took its place"
        raise StepFailed(ctx.step_id, f"deployment {mine.id} is no longer the service's own; {other}")
    alone = len(service.deployments) == 1 and service.running == service.desired
    if mine.rollout == "COMPLETED" or (mine.rollout is None and alone):
        return Done(detail=f"deployment {mine.id} completed: {mine.running} tasks run")
    detail = f"deployment {mine.id}: {mine.running} of {mine.desired} run, {mine.failed_tasks} failed"
    return Pending(check_after_s=CHECK_AFTER_S, detail=detail)


def refuse_stop_before_start(state: ServiceState, *, already: str | None = None) -> None:
    """S9, for deployments: ECS starts before it stops only where it must keep all that are healthy, and may start
    one beside them. `already`: the revision to go to; serving tasks that run it need not be replaced."""
    least = state.service.minimum_healthy_percent
    if state.serving and least < _ALL:
        why = f"minimumHealthyPercent is {least}, so a serving task may stop before its replacement is healthy"
        raise StepRefused(why, rule="S9")
    if any(task.task_definition != already for task in state.serving):
        _refuse_without_room(state.service)


def _refuse_without_room(service: Service) -> None:
    """ECS rounds what may run at most down: 150% of one task is one. With all of them to be kept, a deployment
    could then neither start a task nor stop one, and would hang. A task that is ill makes no room that lasts."""
    desired, least, most = service.desired, service.minimum_healthy_percent, service.maximum_percent
    at_most = desired * most // _ALL
    if desired < 1 or at_most > desired:
        return
    enough = -(-(desired + 1) * _ALL // desired)
    raise StepRefused(
        f"maximumPercent is {most}, which of {desired} tasks is {at_most} (ECS rounds down), and minimumHealthyPercent"
        f" is {least}: a deployment may neither start a task beside those that serve nor stop one, and would never end;"
        f" set maximumPercent to {enough} or more",
        rule="S9",
    )


def refuse_after_failed_launch(ctx: StepContext, state: ServiceState) -> None:
    """S9: while new tasks cannot even be launched (image, secret, address, capacity), none is replaced.

    A container that starts and then fails is let through: ECS stops nothing before the new tasks are
    healthy (`refuse_stop_before_start`), and a fresh start is what may heal it.
    """
    primary = state.service.primary
    if primary is not None and primary.rollout == "FAILED":
        raise StepRefused(
            f"deployment {primary.id} has failed: going back is what helps, not the same again", rule="S9"
        )
    if not state.serving:
        return
    failed = last_launch_failed(state, ctx.aws.ecs.stopped_tasks(ctx.stack.ecs.cluster, ctx.stack.ecs.service))
    if failed is not None and never_ran(failed):
        why = f"the last launch failed (task {failed.short}: {why_stopped(failed)}), so no serving task is stopped"
        raise StepRefused(why, rule="S9")


def refuse_other_roles(ctx: StepContext, former: Revision) -> None:
    """`iam:PassRole` is given for the roles that the stack names, and for no others."""
    named = {ctx.stack.ecs.task_role, ctx.stack.ecs.execution_role}
    others = sorted(former.roles - named)
    if others:
        why = f"{former.short} has roles that the stack does not name as ecs.taskRole or ecs.executionRole"
        raise StepRefused(f"{why}: {', '.join(others)}", rule="S11")
