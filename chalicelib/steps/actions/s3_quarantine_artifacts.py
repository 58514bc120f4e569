"""s3.quarantine_artifacts: moves orphans under a dated prefix, with a manifest; restorable until deleted (S15)."""

from datetime import datetime, timedelta

from pydantic import Field

from chalicelib.errors import StepFailed
from chalicelib.models.change import Change, ChangeProgress, HowFar, Undo
from chalicelib.models.history import MadeKind
from chalicelib.models.rights import planning
from chalicelib.models.shape import content_hash
from chalicelib.models.step_index import Permission
from chalicelib.models.words import Risk
from chalicelib.steps.artifact_store import READ_ENDPOINT_KEYS, open_store
from chalicelib.steps.caution import own_place, refuse_while_doubted
from chalicelib.steps.database_facts import READ_DATABASE
from chalicelib.steps.key_permissions import USE_SOURCE_KEY
from chalicelib.steps.mlflow_access import ASK_MLFLOW
from chalicelib.steps.orphan_scan import Orphan, Scan
from chalicelib.steps.owners import find_owners
from chalicelib.steps.prices import in_words
from chalicelib.steps.probes.mlflow_find_expired_runs import LIST_BUCKET
from chalicelib.steps.probes.mlflow_find_orphan_artifacts import OrphanParams, look_for_orphans
from chalicelib.steps.quarantine import Manifest, Quarantine, copy_there, record, release_sources, write_manifest
from chalicelib.steps.quarantine_back import RESTORE, restore
from chalicelib.steps.savings import READ_VERSIONING, afterlife
from chalicelib.steps.step import Action, ActionOutput, Applied, Done, Look, Pending, Standing, StepContext

OPERATION = "s3:CopyObject"
FOLDERS_IN_CHANGE = 200
MOST_SHARE = 0.10
_TWICE = 2
_OBJECTS = "arn:{partition}:s3:::{bucket}/*"
MOVE_OBJECTS = (
    Permission(action="s3:GetObject", resource=_OBJECTS, why="copy what is moved"),
    Permission(action="s3:PutObject", resource=_OBJECTS, why="its place in quarantine, or back from there"),
    Permission(action="s3:GetObjectTagging", resource=_OBJECTS, why="its tags move with it", phase="apply"),
    Permission(action="s3:PutObjectTagging", resource=_OBJECTS, why="the same"),
    Permission(action="s3:DeleteObject", resource=_OBJECTS, why="where it was, once the copy is there"),
    *USE_SOURCE_KEY,
)


class QuarantineParams(OrphanParams):
    grace_days: int = Field(default=30, ge=1, le=3650)
    """So long it can be restored; a later run may delete it from then on."""


class QuarantineOutput(ActionOutput):
    left: tuple[str, ...] = ()
    """Folders that were written to since the plan and stay where they are; of the last Change."""


class QuarantineArtifacts(Action[QuarantineParams]):
    """Move artifacts that nobody owns out of the way: whole, with a manifest, and restorable.

    ```yaml
    - id: quarantine
      do: s3.quarantine_artifacts
      with: {longestRunDays: 30, graceDays: 30}
      timeout: 4h
    ```
    """

    name = "s3.quarantine_artifacts"
    Params = QuarantineParams
    Output = QuarantineOutput
    permissions = (
        *MOVE_OBJECTS,
        LIST_BUCKET,
        *ASK_MLFLOW,
        READ_ENDPOINT_KEYS,
        *READ_DATABASE,
        *planning(*READ_VERSIONING),
    )
    risk = Risk.MEDIUM
    reversible = True

    def plan(self, ctx: StepContext, params: QuarantineParams) -> tuple[Change, ...]:
        refuse_while_doubted(ctx)
        found = look_for_orphans(ctx, params.longest_run_days)
        if not found.orphans:
            return ()
        why, cost = why_ask(ctx, found), _cost_of_moving(ctx)
        at = range(0, len(found.orphans), FOLDERS_IN_CHANGE)
        groups = [found.orphans[first : first + FOLDERS_IN_CHANGE] for first in at]
        return tuple(self._change(ctx, group, params.grace_days, why, cost) for group in groups)

    def _change(self, ctx: StepContext, orphans: list[Orphan], grace_days: int, why: str | None, cost: str) -> Change:
        bucket, name = own_place(ctx).bucket, _name(ctx, orphans)
        objects, size = sum(one.objects for one in orphans), sum(one.bytes for one in orphans)
        folders = [
            {
                "prefix": one.folder.prefix,
                "objects": one.objects,
                "bytes": one.bytes,
                "newest": one.newest.isoformat(),
            }
            for one in orphans
        ]
        some = ", ".join(one.folder.prefix for one in orphans[:3])
        what = f"{len(orphans)} folders that nobody owns ({objects:,} objects, {in_words(size)}): {some}"
        return Change(
            step=ctx.step_id,
            action=self.name,
            operation=OPERATION,
            parameters={"bucket": bucket, "quarantine": name, "folders": folders, "grace_days": grace_days},
            resource=f"s3://{bucket}",
            undo=Undo(operation=RESTORE, parameters={"bucket": bucket, "quarantine": name}),
            sentence=f"Move into quarantine, for {grace_days} days: {what}{', …' if len(orphans) > 3 else ''}"  # noqa: PLR2004 - those named
            f"; {cost}",
            loses=why,
        )

    def look(self, ctx: StepContext, change: Change) -> Look:
        """Ownership again: hours may lie between a plan and its approval."""
        if change.operation == RESTORE:
            return Look(standing=Standing.READY, detail="what is in quarantine can be restored")
        refuse_while_doubted(ctx)
        place = own_place(ctx)
        if place.bucket != change.parameters["bucket"]:
            return Look(standing=Standing.DRIFTED, detail="the stack's bucket is another one now")
        known, _ = find_owners(ctx)
        for one in change.parameters["folders"]:
            folder = place.folder_of(one["prefix"])
            if folder is None or known.owns(folder):
                return Look(standing=Standing.DRIFTED, detail=f"{one['prefix']} has an owner by now")
        return Look(standing=Standing.READY, detail="nobody owns them")

    def apply(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:
        if change.operation == RESTORE:
            return restore(ctx, change, progress)
        artifacts = ctx.stack.artifacts
        if artifacts is None:
            raise StepFailed(ctx.step_id, "the stack names no artifact bucket any more")
        store, asked = open_store(ctx, artifacts), change.parameters
        until = (progress.started_at or ctx.now) + timedelta(days=asked["grace_days"])
        folders = asked["folders"]
        size = sum(one["bytes"] for one in folders)
        place = record(ctx, asked["bucket"], asked["quarantine"], until, len(folders), size)
        done = int(progress.checkpoint.get("done", 0))
        left, ends = list[str](progress.checkpoint.get("left", ())), ctx.monotonic() + ctx.budget_s
        for number, folder in enumerate(folders[done:], done):
            at = int(progress.checkpoint.get("at", 0)) if number == done else 0
            manifest = write_manifest(store, place, number, folder["prefix"], datetime.fromisoformat(folder["newest"]))
            if manifest is None:
                left.append(folder["prefix"])
                continue
            reached = self._move(ctx, place, manifest, at, ends)
            if reached is not None:
                return _goes_on(number, len(folders), left, reached)
            release_sources(ctx, store, place, manifest)
        stays = f"; {len(left)} were written to meanwhile and stay" if left else ""
        return Done(detail=f"{len(folders) - len(left)} folders are in {place.root}{stays}", facts={"left": left})

    def _move(self, ctx: StepContext, place: Quarantine, manifest: Manifest, at: int, ends: float) -> int | None:
        """None: all copies are made. Else how far it came within the time there was."""
        artifacts = ctx.stack.artifacts
        if artifacts is None:
            raise StepFailed(ctx.step_id, "the stack names no artifact bucket any more")
        store = open_store(ctx, artifacts)
        for number, entry in enumerate(manifest.entries[at:], at):
            if ctx.monotonic() >= ends:
                return number
            copy_there(store, place, entry)
        return None


def _cost_of_moving(ctx: StepContext) -> str:
    """Moved is not freed; and where the bucket keeps versions, what was moved stays there too."""
    ends = afterlife(ctx, own_place(ctx))
    if ends.days == 0:
        return "moved they cost what they cost before"
    if ends.unread is not None:
        return f"whether they cost twice once they are moved is not known, {ends.unread}"
    twice = f"{ends.place.bucket} keeps versions, so once moved they cost twice"
    return f"{twice} for {ends.days} days" if ends.days else f"{twice}, and no rule ends that"


def _goes_on(number: int, total: int, left: list[str], at: int) -> Pending:
    return Pending(
        check_after_s=1,
        detail=f"{number} of {total} folders",
        checkpoint={"done": number, "left": left, "at": at},
        how_far=HowFar(done=number, total=total, unit="folders"),
    )


def _name(ctx: StepContext, orphans: list[Orphan]) -> str:
    """The same for the same plan; another one when the same folders are orphans again after a restore."""
    base = "q-" + content_hash([ctx.stack.stack, [[one.folder.prefix, one.objects, one.bytes] for one in orphans]])[:12]
    made = ctx.history.creations(ctx.stack.stack, MadeKind.QUARANTINE, gone=True)
    return f"{base}-{1 + sum(one.id.startswith(base) for one in made)}"


def why_ask(ctx: StepContext, found: Scan) -> str | None:
    """S15: a number that is too large to be right needs a person's yes to that number."""
    share, count = found.share, len(found.orphans)
    out = f"sight of {count} folders until they are restored"
    if share > MOST_SHARE:
        return f"{out}: {share:.0%} of all that is there (S15)"
    made = ctx.history.creations(ctx.stack.stack, MadeKind.QUARANTINE, gone=True)
    if made:
        last = max(made, key=lambda one: (one.at, one.id)).run_id
        of_last = [one for one in made if one.run_id == last]
        folders, size = (sum(getattr(one, name) or 0 for one in of_last) for name in ("folders", "bytes"))
        if count > _TWICE * folders or found.orphaned_bytes > _TWICE * size:
            said = f"{folders:,} folders and {in_words(size)}"
            return f"{out}: more than twice as many, or twice the bytes, as the last time ({said}) (S15)"
    return None
