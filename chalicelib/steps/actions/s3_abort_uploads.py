"""s3.abort_uploads: multipart uploads that never ended, each by its id (S14), and what that frees.

They are in no listing of objects and are paid for all the same. Those of a backup that runs are days younger
than the youngest that is ever aborted, and while this run holds the stack none of its own backups runs.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from pydantic import Field

from chalicelib.aws.s3_leftovers import Upload
from chalicelib.errors import StepRefused
from chalicelib.models.change import Change, ChangeProgress
from chalicelib.models.step_index import Permission
from chalicelib.models.words import Risk
from chalicelib.redact import strip_hidden
from chalicelib.steps.artifact_places import Place
from chalicelib.steps.caution import own_place, refuse_while_doubted
from chalicelib.steps.prices import dollars_per_month, in_words
from chalicelib.steps.step import Action, ActionOutput, Applied, Done, Look, Params, Pending, Standing, StepContext

_OPERATION = "s3:AbortMultipartUpload"
_PER_CHANGE = 100


def _both(action: str, why: str, *, objects: bool) -> tuple[Permission, ...]:
    tail = "/*" if objects else ""
    return tuple(
        Permission(action=action, resource=f"arn:{{partition}}:s3:::{{{bucket}}}{tail}", why=why)
        for bucket in ("bucket", "backup_bucket")
    )


class UploadParams(Params):
    older_than_days: int = Field(default=7, ge=2, le=365)
    """A backup or an artifact that is still being written is not that old."""
    most: int = Field(default=500, ge=1, le=1000)


class UploadOutput(ActionOutput):
    aborted: int = 0
    freed_bytes: int = 0
    dollars_per_month: float = 0.0
    left_alive: int = 0
    """Somebody went on with them since the plan."""


class AbortUploads(Action[UploadParams]):
    """Abort multipart uploads under the stack's prefix, in its artifact and backup bucket, that are days old.

    ```yaml
    - id: uploads
      do: s3.abort_uploads
      with: {olderThanDays: 7}
    ```
    """

    name = "s3.abort_uploads"
    Params = UploadParams
    Output = UploadOutput
    permissions = (
        *_both("s3:ListBucketMultipartUploads", "which uploads never ended", objects=False),
        *_both("s3:ListMultipartUploadParts", "how large they are, and whether somebody is still at it", objects=True),
        *_both(_OPERATION, "abort the uploads that the plan names", objects=True),
    )
    risk = Risk.MEDIUM
    reversible = False

    def plan(self, ctx: StepContext, params: UploadParams) -> tuple[Change, ...]:
        refuse_while_doubted(ctx)
        changes: list[Change] = []
        left = params.most
        for place in _places(ctx):
            old = _old(ctx, place, ctx.now - timedelta(days=params.older_than_days), left)
            left -= len(old)
            batches = [old[start : start + _PER_CHANGE] for start in range(0, len(old), _PER_CHANGE)]
            changes += [_change(ctx, place, batch, params.older_than_days) for batch in batches]
        return tuple(changes)

    def look(self, ctx: StepContext, change: Change) -> Look:
        there = _there(ctx, change)
        if not there:
            return Look(standing=Standing.ALREADY, detail="none of them is there any more")
        return Look(standing=Standing.READY, detail=f"{len(there)} of them are there")

    def apply(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:
        """Goes by the list; where it was is in the checkpoint, and so is what it freed so far."""
        bucket, uploads = change.parameters["bucket"], change.parameters["uploads"]
        so_far = {"at": 0, "aborted": 0, "bytes": 0, "alive": 0, **progress.checkpoint}
        until = ctx.monotonic() + ctx.budget_s
        before = ctx.now - timedelta(days=int(change.parameters["olderThanDays"]))
        for number in range(so_far["at"], len(uploads)):
            key, upload, planned = (
                uploads[number]["Key"],
                uploads[number]["UploadId"],
                change.parameters["sizes"][number],
            )
            parts = ctx.aws.leftovers.parts(bucket, key, upload)
            alive = parts is not None and parts.newest_at is not None and parts.newest_at >= before
            if alive:
                so_far["alive"] += 1
            elif parts is not None:
                ctx.aws.leftovers.abort(bucket, key, upload)
            if not alive:  # gone already: by an attempt of ours that died before it could say so
                so_far["aborted"], so_far["bytes"] = so_far["aborted"] + 1, so_far["bytes"] + planned
            so_far["at"] += 1
            if ctx.monotonic() >= until and so_far["at"] < len(uploads):
                return Pending(check_after_s=1, detail=f"{so_far['at']} of {len(uploads)}", checkpoint=so_far)
        return _done(ctx, change, so_far)


def _places(ctx: StepContext) -> Iterator[Place]:
    """Under the stack's own prefix only: what lies beside it is somebody else's."""
    place, artifacts = own_place(ctx), ctx.stack.artifacts
    if artifacts is None or artifacts.endpoint is not None:
        raise StepRefused("artifacts.endpoint is not Amazon's: its uploads are its own server's to tidy up")
    yield place
    if artifacts.backup_bucket and (artifacts.backup_region or ctx.stack.region) == ctx.stack.region:
        yield Place(artifacts.backup_bucket, place.prefix)


def _old(ctx: StepContext, place: Place, before: datetime, most: int) -> list[tuple[Upload, int]]:
    """With what each of them holds."""
    found: list[tuple[Upload, int]] = []
    for upload in ctx.aws.leftovers.uploads(place.bucket, place.prefix):
        if len(found) >= most:
            break
        if not upload.key.startswith(place.prefix) or upload.began_at >= before:
            continue
        parts = ctx.aws.leftovers.parts(place.bucket, upload.key, upload.id)
        if parts is not None and (parts.newest_at is None or parts.newest_at < before):
            found.append((upload, parts.bytes))
    return found


def _change(ctx: StepContext, place: Place, old: list[tuple[Upload, int]], days: int) -> Change:
    size = sum(held for _, held in old)
    which = f"{len(old)} uploads" if len(old) > 1 else f"the upload of {strip_hidden(old[0][0].key)[:120]}"
    return Change(
        step=ctx.step_id,
        action=AbortUploads.name,
        operation=_OPERATION,
        parameters={
            "bucket": place.bucket,
            "prefix": place.prefix,
            "uploads": [{"Bucket": place.bucket, "Key": each.key, "UploadId": each.id} for each, _ in old],
            "sizes": [held for _, held in old],
            "olderThanDays": days,
        },
        resource=f"bucket {place.bucket}",
        sentence=f"Abort {which} to {place.bucket} that nobody went on with for {days} days: {in_words(size)}, "
        f"${dollars_per_month(size):.2f} a month",
        loses=f"the parts of {which} to {place.bucket}, {in_words(size)}",
    )


def _there(ctx: StepContext, change: Change) -> list[str]:
    wanted = {each["UploadId"] for each in change.parameters["uploads"]}
    there = ctx.aws.leftovers.uploads(change.parameters["bucket"], change.parameters["prefix"])
    return [upload.id for upload in there if upload.id in wanted]


def _done(ctx: StepContext, change: Change, so_far: dict[str, int]) -> Done:
    """Facts of several Changes replace one another, so each says what all before it came to as well."""
    before = [
        done.facts
        for made, done in ctx.made()
        if made.step == change.step and made != change and "aborted" in done.facts
    ]
    aborted = so_far["aborted"] + max((int(each["aborted"]) for each in before), default=0)
    freed = so_far["bytes"] + max((int(each["freed_bytes"]) for each in before), default=0)
    alive = so_far["alive"] + max((int(each["left_alive"]) for each in before), default=0)
    left = f", {so_far['alive']} went on and were left" if so_far["alive"] else ""
    return Done(
        detail=f"{so_far['aborted']} uploads aborted, {in_words(so_far['bytes'])} freed{left}",
        facts={
            "aborted": aborted,
            "freed_bytes": freed,
            "dollars_per_month": dollars_per_month(freed),
            "left_alive": alive,
        },
    )
