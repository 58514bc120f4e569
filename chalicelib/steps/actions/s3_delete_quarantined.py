"""s3.delete_quarantined: deletes for good what lay in quarantine through its grace period (S14, S15, S16)."""

from chalicelib.aws.s3_objects import MOST_AT_ONCE, S3Objects
from chalicelib.errors import StepFailed
from chalicelib.models.change import Change, ChangeProgress, HowFar
from chalicelib.models.history import MadeKind
from chalicelib.models.rights import planning
from chalicelib.models.words import Risk
from chalicelib.steps.actions.s3_quarantine_artifacts import MOVE_OBJECTS
from chalicelib.steps.artifact_places import Place
from chalicelib.steps.artifact_store import READ_ENDPOINT_KEYS, open_store
from chalicelib.steps.caution import own_place, refuse_while_doubted
from chalicelib.steps.database_facts import READ_DATABASE
from chalicelib.steps.mlflow_access import ASK_MLFLOW
from chalicelib.steps.orphan_scan import Known
from chalicelib.steps.owners import find_owners
from chalicelib.steps.prices import in_words
from chalicelib.steps.probes.mlflow_find_expired_runs import LIST_BUCKET
from chalicelib.steps.quarantine import ROOT, Quarantine, known, manifest_numbers, read_manifest
from chalicelib.steps.savings import READ_VERSIONING, Afterlife, Saving, afterlife, together
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
_MOST_NAMED = 5


class DeletedOutput(ActionOutput):
    saving: Saving = Saving()


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
    Output = DeletedOutput
    permissions = (
        *MOVE_OBJECTS,
        LIST_BUCKET,
        *ASK_MLFLOW,
        READ_ENDPOINT_KEYS,
        *READ_DATABASE,
        *planning(*READ_VERSIONING),
    )
    risk = Risk.HIGH
    reversible = False

    def plan(self, ctx: StepContext, params: NoParams) -> tuple[Change, ...]:  # noqa: ARG002 - it has none
        refuse_while_doubted(ctx)
        own = own_place(ctx)
        made = ctx.history.creations(ctx.stack.stack, MadeKind.QUARANTINE)  # S16: only what Steward recorded
        due = [
            Quarantine.of(one, own.bucket)
            for one in made
            if one.delete_after is not None and one.delete_after <= ctx.now
        ]
        if not due:
            return ()
        owners, _ = find_owners(ctx)
        buckets = sorted({one.bucket for one in due})
        afterlives = {bucket: afterlife(ctx, Place(bucket, own.prefix), ROOT) for bucket in buckets}
        changes = (self._change(ctx, one, owners, afterlives[one.bucket]) for one in due)
        return tuple(change for change in changes if change is not None)

    def _change(self, ctx: StepContext, place: Quarantine, owners: Known, after: Afterlife) -> Change | None:
        """What has an owner by now stays, and is named: its restore is a person's to start."""
        folders = _folders(ctx, place)
        owned = [folder for _, folder in folders if _is_owned(ctx, folder, owners)]
        rest = [[number, folder] for number, folder in folders if folder not in owned]
        if folders and not rest:
            return None
        count = size = 0
        for stored in _objects(ctx).list(place.bucket, f"{place.root}objects/"):
            if not stored.key.startswith(tuple(place.key_of(folder) for folder in owned)):
                count, size = count + 1, size + stored.size
        what = f"{count:,} objects ({in_words(size)}) that nobody missed since {place.creation.at:%Y-%m-%d}"
        saving = after.saving(size)
        some = f"{', '.join(owned[:_MOST_NAMED])}{', …' if len(owned) > _MOST_NAMED else ''}"
        stays = f"; {len(owned)} folders have an owner by now and stay, restore them: {some}" if owned else ""
        return Change(
            step=ctx.step_id,
            action=self.name,
            operation=OPERATION,
            parameters={
                "bucket": place.bucket,
                "quarantine": place.creation.id,
                "folders": rest,
                "objects": count,
                "bytes": size,
                "saving": saving.model_dump(mode="json"),
            },
            resource=f"s3://{place.bucket}/{place.root}",
            sentence=f"Delete for good, from quarantine {place.creation.id}: {what}{stays}{_after(saving)}",
            loses=f"{what}: nothing restores them but a backup",
        )

    def look(self, ctx: StepContext, change: Change) -> Look:
        refuse_while_doubted(ctx)
        place = known(ctx, str(change.parameters["bucket"]), str(change.parameters["quarantine"]))
        if place is None:
            return Look(standing=Standing.ALREADY, detail="the quarantine is empty already")
        owners, _ = find_owners(ctx)
        for _, folder in change.parameters["folders"]:
            if _is_owned(ctx, folder, owners):
                return Look(standing=Standing.DRIFTED, detail=f"{folder} has an owner by now: restore it")
        return Look(standing=Standing.READY, detail="nobody owns what is in it")

    def apply(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:
        """Folder by folder; the manifest last, since it says what is still to be deleted."""
        name = str(change.parameters["quarantine"])
        place = known(ctx, str(change.parameters["bucket"]), name)
        if place is None:
            return Unchanged(detail="the quarantine is empty already")
        objects, ends = _objects(ctx), ctx.monotonic() + ctx.budget_s
        done, at = int(progress.checkpoint.get("done", 0)), int(progress.checkpoint.get("at", 0))
        folders = change.parameters["folders"]
        for index, (number, folder) in enumerate(folders[at:], at):
            batch: list[str] = []
            for stored in objects.list(place.bucket, place.key_of(folder)):
                batch.append(stored.key)
                if len(batch) == MOST_AT_ONCE:
                    objects.delete(place.bucket, batch)
                    done, batch = done + len(batch), []
                    if ctx.monotonic() >= ends:
                        return _goes_on(change, done, index)
            objects.delete(place.bucket, batch)
            objects.delete(place.bucket, [place.manifest_key(number)])
            done += len(batch)
            if ctx.monotonic() >= ends:
                return _goes_on(change, done, index + 1)
        return _done(ctx, change, place)


def _done(ctx: StepContext, change: Change, place: Quarantine) -> Done:
    """Facts of several Changes replace one another, so each says what all before it came to as well."""
    name, stays, mine = place.creation.id, len(_folders(ctx, place)), _saving_of(change)
    before = [
        _saving_of(made)
        for made, done in ctx.made()
        if made.step == change.step and made != change and "saving" in done.facts
    ]
    facts = {"saving": together([mine, *before]).model_dump(mode="json")}
    if stays:
        gone = f"{len(change.parameters['folders'])} folders are gone; {stays} stay in quarantine {name}, with an owner"
        return Done(detail=f"{gone}{_after(mine)}", facts=facts)
    ctx.history.mark_gone(ctx.stack.stack, MadeKind.QUARANTINE, name, ctx.now)
    return Done(detail=f"quarantine {name} is empty{_after(mine)}", facts=facts)


def _saving_of(change: Change) -> Saving:
    return Saving.model_validate(change.parameters.get("saving", {}))


def _after(saving: Saving) -> str:
    return f"; {saving.outcome}" if saving.outcome else ""


def _goes_on(change: Change, done: int, at: int) -> Pending:
    far = HowFar(done=done, total=int(change.parameters["objects"]))
    return Pending(check_after_s=1, detail=str(far), checkpoint={"done": done, "at": at}, how_far=far)


def _objects(ctx: StepContext) -> S3Objects:
    if ctx.stack.artifacts is None:
        raise StepFailed(ctx.step_id, "the stack names no artifact bucket any more")
    return open_store(ctx, ctx.stack.artifacts).many()


def _folders(ctx: StepContext, place: Quarantine) -> list[tuple[int, str]]:
    """What lies in it, by the numbers of its manifests."""
    if ctx.stack.artifacts is None:
        return []
    store = open_store(ctx, ctx.stack.artifacts)
    found = ((number, read_manifest(store, place, number)) for number in manifest_numbers(store, place))
    return [(number, manifest.folder) for number, manifest in found if manifest is not None]


def _is_owned(ctx: StepContext, prefix: str, owners: Known) -> bool:
    """S15: the final deletion asks again. What is no folder of MLflow's any more is not Steward's to delete."""
    folder = own_place(ctx).folder_of(prefix)
    return folder is None or owners.owns(folder)
