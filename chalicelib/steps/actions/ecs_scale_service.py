"""ecs.scale_service: sets the desired count within its owner's bounds, and remembers what it was (S13)."""

from pydantic import Field, model_validator

from chalicelib.errors import StepRefused
from chalicelib.models.change import Change, ChangeProgress
from chalicelib.models.words import Risk
from chalicelib.steps import desired_count, permissions
from chalicelib.steps.service_state import ServiceState, read_service
from chalicelib.steps.step import Action, ActionOutput, Applied, Look, Params, StepContext
from chalicelib.steps.task_disk import what_is_lost


class ScaleParams(Params):
    desired: int | None = Field(default=None, ge=0, le=100)
    """0 is refused, with what does it instead."""
    by: int | None = Field(default=None, ge=-100, le=100)
    """Relative to what it is when planned: `+1`, `-1`."""

    @model_validator(mode="after")
    def _one_of_both(self) -> "ScaleParams":
        if (self.desired is None) == (self.by is None):
            raise ValueError("write either `desired: 3` or `by: +1`")
        return self


class ScaleService(Action[ScaleParams]):
    """Run more or fewer tasks, within Application Auto Scaling's bounds and the stack's limits.maxTasks.

    ```yaml
    - id: more
      do: ecs.scale_service
      with: {by: +1}
    ```
    """

    name = "ecs.scale_service"
    Params = ScaleParams
    Output = ActionOutput
    permissions = (
        *permissions.READ_SERVICE,
        permissions.DESCRIBE_TASK_DEFINITION,
        permissions.READ_SCALING_BOUNDS,
        permissions.UPDATE_SERVICE,
    )
    risk = Risk.LOW
    reversible = True

    def plan(self, ctx: StepContext, params: ScaleParams) -> tuple[Change, ...]:
        state = read_service(ctx)
        before = state.service.desired
        wanted = params.desired if params.desired is not None else before + (params.by or 0)
        if wanted == before:
            return ()
        desired_count.refuse_outside_bounds(ctx, wanted)
        if wanted < before:
            _refuse_to_stop_the_wrong_ones(state)
        return (self._change(ctx, state, before, wanted),)

    def _change(self, ctx: StepContext, state: ServiceState, before: int, wanted: int) -> Change:
        name, fewer = ctx.stack.ecs.service, max(0, before - wanted)
        definition = ctx.aws.ecs.task_definition(state.service.task_definition) if fewer else None
        return Change(
            step=ctx.step_id,
            action=self.name,
            operation=desired_count.OPERATION,
            parameters=desired_count.parameters(ctx, wanted),
            resource=ctx.stack.service_ref,
            precondition={"desired": before},
            undo=desired_count.undo_desired(ctx, before, wanted),
            sentence=f"Scale {name} from {before} to {wanted} tasks",
            loses=what_is_lost(definition) if definition else None,
            serves=bool(fewer),
            touches={"tasks": fewer} if fewer else {},
            out_of={"tasks": len(state.running)} if fewer else {},
            write_back=f"desired count of ECS service {name}: {wanted} (was {before})",
        )

    def look(self, ctx: StepContext, change: Change) -> Look:
        return desired_count.look_at_desired(ctx, change)

    def apply(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:
        return desired_count.apply_desired(ctx, change, progress)


def _refuse_to_stop_the_wrong_ones(state: ServiceState) -> None:
    """ECS chooses which tasks to stop; while some do not serve, it may choose one that does (S9)."""
    if len(state.serving) < len(state.running):
        why = f"only {len(state.serving)} of {len(state.running)} tasks serve, and ECS chooses whom it stops"
        raise StepRefused(why, rule="S9")
