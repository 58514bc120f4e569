"""Back from quarantine: a Change that two actions make, one by its undo."""

from chalicelib.errors import StepFailed
from chalicelib.models.change import Change, ChangeProgress, HowFar
from chalicelib.models.history import MadeKind
from chalicelib.steps.artifact_store import open_store
from chalicelib.steps.quarantine import give_back, known, manifest_numbers
from chalicelib.steps.step import Applied, Done, Pending, StepContext, Unchanged

RESTORE = "s3:PutObject"


def restore(ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:
    """Folder by folder; what is back already is found there, so it goes on after any crash."""
    artifacts, name = ctx.stack.artifacts, str(change.parameters["quarantine"])
    place = known(ctx, str(change.parameters["bucket"]), name)
    if artifacts is None or place is None:
        return Unchanged(detail=f"there is no quarantine {name} any more")
    store, ends = open_store(ctx, artifacts), ctx.monotonic() + ctx.budget_s
    back, other = int(progress.checkpoint.get("back", 0)), 0
    numbers = manifest_numbers(store, place)
    for done, number in enumerate(numbers):
        if ctx.monotonic() >= ends:
            return Pending(
                check_after_s=1,
                detail=f"{back} objects are back",
                checkpoint={"back": back},
                how_far=HowFar(done=done, total=len(numbers), unit="folders"),
            )
        returned, others = give_back(ctx, store, place, number)
        back, other = back + returned, other + others
    if other:
        raise StepFailed(ctx.step_id, f"{back} objects are back; {other} keys hold something else, their copies stay")
    ctx.history.mark_gone(ctx.stack.stack, MadeKind.QUARANTINE, name, ctx.now)
    return Done(detail=f"{back} objects are back where they were")
