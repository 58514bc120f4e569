"""What must hold before anything of a stack's data may be deleted, whatever deletes it."""

from chalicelib.errors import StepRefused
from chalicelib.steps.artifact_places import Place, why_shared
from chalicelib.steps.mlflow_api import MlflowApi
from chalicelib.steps.step import StepContext


def refuse_while_doubted(ctx: StepContext) -> None:
    """S18: suspect backups stop all pruning, and nothing is pruned during an open incident."""
    doubt = ctx.history.suspicion(ctx.stack.stack)
    if doubt is not None:
        raise StepRefused(f"this stack's backups are suspect ({doubt.why}); a person must clear that first", rule="S18")
    open_now = ctx.open_incidents()
    if open_now:
        raise StepRefused(f"an incident is open on this stack: {open_now[0]}", rule="S18")


def own_place(ctx: StepContext) -> Place:
    if ctx.stack.artifacts is None:
        raise StepRefused("the stack names no artifact bucket")
    shared = why_shared(ctx.stack, ctx.neighbours)
    if shared:
        raise StepRefused(f"nobody could tell whose an artifact is: {shared}", rule="S15")
    return Place.of(ctx.stack.artifacts)


def all_seeing_api(ctx: StepContext) -> MlflowApi:
    """S15: what may not be seen would look as if nobody owned it."""
    api = MlflowApi(ctx)
    api.prove_admin()
    api.find_workspaces()
    return api
