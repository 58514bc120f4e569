"""ecs.pause_service: no task at all for a while, so that nobody writes, and then as many as before (S13).

Whoever scales the service is suspended first, or he would start tasks again; both are put back by
`paused: false`, by `ecs.put_back` where something fails, and by undo.
"""

from chalicelib.aws.autoscaling import ALL_SUSPENDED, suspending
from chalicelib.errors import StepFailed, StepRefused
from chalicelib.models.change import Change, ChangeProgress, Undo
from chalicelib.models.step_index import Permission
from chalicelib.models.words import Risk
from chalicelib.steps import desired_count, permissions
from chalicelib.steps.one_off import has_migrated
from chalicelib.steps.probes.ecs_describe_service import is_deploying
from chalicelib.steps.service_state import ServiceState, read_service
from chalicelib.steps.step import Action, ActionOutput, Applied, Done, Look, Params, Standing, StepContext
from chalicelib.steps.task_disk import what_is_lost

_SUSPEND = "application-autoscaling:RegisterScalableTarget"


class PauseParams(Params):
    paused: bool = True
    """`false`: as many tasks as before, and whoever scales them may again."""


class PauseService(Action[PauseParams]):
    """Scale the service to zero with Application Auto Scaling suspended, or bring it back to what it was.

    ```yaml
    - id: pause
      do: ecs.pause_service
      with: {paused: true}
    ```
    """

    name = "ecs.pause_service"
    Params = PauseParams
    Output = ActionOutput
    permissions = (
        *permissions.READ_SERVICE,
        permissions.DESCRIBE_TASK_DEFINITION,
        permissions.READ_SCALING_BOUNDS,
        permissions.UPDATE_SERVICE,
        Permission(
            action=_SUSPEND,
            resource="arn:{partition}:application-autoscaling:{region}:{account}:scalable-target/*",
            why="suspend whoever scales the service, and let him go on afterwards",
            condition={"StringEquals": {"application-autoscaling:service-namespace": "ecs"}},
        ),
    )
    risk = Risk.HIGH
    reversible = True

    def plan(self, ctx: StepContext, params: PauseParams) -> tuple[Change, ...]:
        """Both plans are made while the service still runs: what it is to come back to is known only then."""
        state = read_service(ctx)
        count = state.service.desired
        if count == 0:
            raise StepRefused(
                "the desired count is 0 already, so nobody knows how many tasks there should be", rule="S13"
            )
        if not params.paused:
            return (self._count(ctx, state, 0, count), *self._scaling(ctx, suspend=False))
        if is_deploying(state):
            raise StepRefused("a deployment is in progress, and scaling to zero would end it", rule="S6")
        return (*self._scaling(ctx, suspend=True), self._count(ctx, state, count, 0))

    def _count(self, ctx: StepContext, state: ServiceState, before: int, wanted: int) -> Change:
        name, stops = ctx.stack.ecs.service, wanted == 0
        tasks = len(state.running) if stops else 0
        lost = what_is_lost(ctx.aws.ecs.task_definition(state.service.task_definition)) if tasks else None
        down = "nobody is served until it is resumed"
        return Change(
            step=ctx.step_id,
            action=self.name,
            operation=desired_count.OPERATION,
            parameters=desired_count.parameters(ctx, wanted),
            resource=ctx.stack.service_ref,
            precondition={"desired": before},
            undo=desired_count.undo_desired(ctx, before, wanted) if stops else None,
            sentence=f"Scale {name} from {before} to {wanted} tasks{f'; {down}' if stops else ', as before'}",
            loses=lost,
            serves=bool(tasks),
            touches={"tasks": tasks} if tasks else {},
            out_of={"tasks": tasks} if tasks else {},
        )

    def _scaling(self, ctx: StepContext, *, suspend: bool) -> tuple[Change, ...]:
        ecs = ctx.stack.ecs
        bounds = ctx.aws.autoscaling.service_bounds(ecs.cluster, ecs.service)
        if bounds is None or bounds.all_suspended:
            return ()
        now, all_ = dict(bounds.suspensions), dict(ALL_SUSPENDED)
        before, wanted = (now, all_) if suspend else (all_, now)
        back = suspending(ecs.cluster, ecs.service, before)
        change = Change(
            step=ctx.step_id,
            action=self.name,
            operation=_SUSPEND,
            parameters=suspending(ecs.cluster, ecs.service, wanted),
            resource=ctx.stack.service_ref,
            precondition={"suspensions": before},
            undo=Undo(operation=_SUSPEND, parameters=back, precondition={"suspensions": wanted}) if suspend else None,
            sentence=f"Application Auto Scaling of {ecs.service} {'is suspended' if suspend else 'goes on as before'}",
        )
        return (change,)

    def finishes(self, ctx: StepContext, change: Change) -> bool:
        """After the migration nobody is served until the tasks are back."""
        return change.undo is None and has_migrated(ctx)

    def look(self, ctx: StepContext, change: Change) -> Look:
        if change.operation != _SUSPEND:
            return desired_count.look_at_desired(ctx, change)
        ecs = ctx.stack.ecs
        bounds = ctx.aws.autoscaling.service_bounds(ecs.cluster, ecs.service)
        now = dict(bounds.suspensions) if bounds else None
        if now == change.parameters["SuspendedState"]:
            return Look(standing=Standing.ALREADY, detail="Application Auto Scaling is so already")
        if now != change.precondition["suspensions"]:
            return Look(standing=Standing.DRIFTED, detail="somebody else has suspended or resumed scaling meanwhile")
        return Look(standing=Standing.READY, detail="Application Auto Scaling is as it was planned")

    def apply(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:
        if change.operation != _SUSPEND:
            return _apply_count(ctx, change, progress)
        ecs, wanted = ctx.stack.ecs, change.parameters["SuspendedState"]
        ctx.aws.autoscaling.suspend(change.parameters)
        bounds = ctx.aws.autoscaling.service_bounds(ecs.cluster, ecs.service)
        if bounds is None or dict(bounds.suspensions) != wanted:
            raise StepFailed(ctx.step_id, "Application Auto Scaling took the call and stands otherwise")
        return Done(detail=change.sentence)


def _apply_count(ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:
    """Coming back waits for nobody: whatever keeps tasks from starting must not keep scaling suspended (S13)."""
    wanted = int(change.parameters["desiredCount"])
    if wanted == 0:
        return desired_count.apply_desired(ctx, change, progress)
    cluster, name = change.parameters["cluster"], change.parameters["service"]
    if ctx.aws.ecs.service(cluster, name).desired != wanted:
        ctx.aws.ecs.set_desired_count(cluster, name, wanted)
    return Done(detail=f"{wanted} tasks are wanted again")
