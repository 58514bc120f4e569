"""s3.delete_quarantined: deletes for good what lay in quarantine through its grace period (S14, S15, S16)."""

from chalicelib.aws.s3_objects import MOST_AT_ONCE
from chalicelib.errors import StepFailed, StepRefused
from chalicelib.models.change import Change, ChangeProgress, HowFar
from chalicelib.models.history import MadeKind
from chalicelib.models.words import Risk
from chalicelib.steps.actions.s3_quarantine_artifacts import MOVE_OBJECTS
from chalicelib.steps.artifact_store import READ_ENDPOINT_KEYS, open_store
from chalicelib.steps.caution import own_place, refuse_while_doubted
from chalicelib.steps.database_facts import READ_DATABASE
from chalicelib.steps.mlflow_access import ASK_MLFLOW
from chalicelib.steps.orphan_scan import Known
from chalicelib.steps.owners import find_owners
from chalicelib.steps.probes.mlflow_find_expired_runs import LIST_BUCKET
from chalicelib.steps.quarantine import Quarantine, known, manifest_numbers, read_manifest
from chalicelib.steps.run_sizes import in_words
from chalicelib.steps.step import (
    Action,
    ActionOutput,
    Applied,
    Done,
    Look,
    NoParams,
    Pending,
    Standing,
    StepContext,
    Unchanged,
)

OPERATION = "s3:DeleteObject"


class DeleteQuarantined(Action[NoParams]):
    """Delete quarantines whose grace period is over, after asking once more whether anybody owns what is in them.

    ```yaml
    - id: expire
      do: s3.delete_quarantined
      timeout: 2h
    ```
    """

    name = "s3.delete_quarantined"
    Params = NoParams
    Output = ActionOutput
    permissions = (*MOVE_OBJECTS, LIST_BUCKET, *ASK_MLFLOW, READ_ENDPOINT_KEYS, *READ_DATABASE)
    risk = Risk.HIGH
    reversible = False

    def plan(self, ctx: StepContext, params: NoParams) -> tuple[Change, ...]:  # noqa: ARG002 - it has none
        refuse_while_doubted(ctx)
        bucket = own_place(ctx).bucket
        made = ctx.history.creations(ctx.stack.stack, MadeKind.QUARANTINE)  # S16: only what Steward recorded
        due = [Quarantine(one, bucket) for one in made if one.delete_after is not None and one.delete_after <= ctx.now]
        if not due:
            return ()
        owners, _ = find_owners(ctx)
        return tuple(self._change(ctx, one) for one in due if _owned(ctx, one, owners) is None)

    def _change(self, ctx: StepContext, place: Quarantine) -> Change:
        artifacts = ctx.stack.artifacts
        if artifacts is None:
            raise StepRefused("the stack names no artifact bucket")
        count = size = 0
        for stored in open_store(ctx, artifacts).many().list(place.bucket, f"{place.root}objects/"):
            count, size = count + 1, size + stored.size
        what = f"{count:,} objects ({in_words(size)}) that nobody missed since {place.creation.at:%Y-%m-%d}"
        return Change(
            step=ctx.step_id,
            action=self.name,
            operation=OPERATION,
            parameters={"bucket": place.bucket, "quarantine": place.creation.id, "objects": count, "bytes": size},
            resource=f"s3://{place.bucket}/{place.root}",
            sentence=f"Delete for good, from quarantine {place.creation.id}: {what}",
            loses=f"{what}: nothing restores them but a backup",
        )

    def look(self, ctx: StepContext, change: Change) -> Look:
        refuse_while_doubted(ctx)
        place = known(ctx, str(change.parameters["bucket"]), str(change.parameters["quarantine"]))
        if place is None:
            return Look(standing=Standing.ALREADY, detail="the quarantine is empty already")
        owner = _owned(ctx, place, find_owners(ctx)[0])
        if owner is not None:
            return Look(standing=Standing.DRIFTED, detail=f"{owner} has an owner by now: restore it")
        return Look(standing=Standing.READY, detail="nobody owns what is in it")

    def apply(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:
        artifacts, name = ctx.stack.artifacts, str(change.parameters["quarantine"])
        if artifacts is None:
            raise StepFailed(ctx.step_id, "the stack names no artifact bucket any more")
        place = known(ctx, str(change.parameters["bucket"]), name)
        if place is None:
            return Unchanged(detail="the quarantine is empty already")
        objects, ends = open_store(ctx, artifacts).many(), ctx.monotonic() + ctx.budget_s
        done, batch = int(progress.checkpoint.get("done", 0)), list[str]()
        for part in ("objects/", "manifests/"):  # the manifests last: they say what is still to be deleted
            for stored in objects.list(place.bucket, place.root + part):
                batch.append(stored.key)
                if len(batch) == MOST_AT_ONCE:
                    objects.delete(place.bucket, batch)
                    done, batch = done + len(batch), []
                    if ctx.monotonic() >= ends:
                        far = HowFar(done=done, total=int(change.parameters["objects"]))
                        return Pending(check_after_s=1, detail=str(far), checkpoint={"done": done}, how_far=far)
            objects.delete(place.bucket, batch)
            done, batch = done + len(batch), []
        ctx.history.mark_gone(ctx.stack.stack, MadeKind.QUARANTINE, name, ctx.now)
        return Done(detail=f"quarantine {name} is empty")


def _owned(ctx: StepContext, place: Quarantine, owners: Known) -> str | None:
    """S15: the final deletion asks again; a folder that has an owner by now is to be restored, not deleted."""
    artifacts = ctx.stack.artifacts
    if artifacts is None:
        return None
    store, own = open_store(ctx, artifacts), own_place(ctx)
    for number in manifest_numbers(store, place):
        manifest = read_manifest(store, place, number)
        folder = own.folder_of(manifest.folder) if manifest else None
        if manifest is None:
            continue
        if folder is None or owners.owns(folder):
            return manifest.folder
    return None
