"""ecs.put_back: what this very run changed on the service so far, put back, last first. For onFailure and onCancel.

Every action's own `look` decides: what is back already is left alone, what somebody else changed since too.
"""

from chalicelib.models.change import Change, ChangeProgress, ChangeState
from chalicelib.models.words import Risk
from chalicelib.steps import permissions
from chalicelib.steps.step import Action, ActionOutput, Applied, Look, NoParams, Standing, StepContext, Unchanged

_MADE = frozenset({ChangeState.DONE, ChangeState.STARTED})


class PutBack(Action[NoParams]):
    """Put the service back to how this run found it; each Change is undone by the action that made it.

    ```yaml
    - id: back
      do: ecs.put_back
    ```
    """

    name = "ecs.put_back"
    Params = NoParams
    Output = ActionOutput
    permissions = permissions.READ_SERVICE
    risk = Risk.MEDIUM
    reversible = False
    puts_back = True

    def plan(self, ctx: StepContext, params: NoParams) -> tuple[Change, ...]:  # noqa: ARG002 - it has none
        made = [(change, progress) for change, progress in ctx.made() if change.resource == ctx.stack.service_ref]
        return tuple(_undone(ctx, change) for change, progress in reversed(made) if _is_to_undo(change, progress))

    def look(self, ctx: StepContext, change: Change) -> Look:  # noqa: ARG002 - its Changes name other actions
        return Look(standing=Standing.DRIFTED, detail=f"{change.sentence} is not of this action")

    def apply(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:  # noqa: ARG002 - as look
        return Unchanged(detail=f"{change.sentence} is not of this action")


def _is_to_undo(change: Change, progress: ChangeProgress) -> bool:
    """What is half done too: whether it took effect is for the action's `look` to find out."""
    failed = progress.state is ChangeState.FAILED and progress.started_at is not None
    return change.undo is not None and (progress.state in _MADE or failed)


def _undone(ctx: StepContext, change: Change) -> Change:
    assert change.undo is not None  # noqa: S101  # _is_to_undo saw to it; this tells the type checker
    return Change(
        step=ctx.step_id,
        action=change.action,
        operation=change.undo.operation,
        parameters=change.undo.parameters,
        resource=change.resource,
        precondition=change.undo.precondition,
        sentence=f"put back: {change.sentence}",
    )
