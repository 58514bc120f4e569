"""A restore's work within one `apply`: a slice of copies out of the backup's versions, then a sample read back."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from heapq import nsmallest
from itertools import islice
from typing import Any

from chalicelib.aws.s3_vault import Standing, Vault
from chalicelib.backup.manifest import Head
from chalicelib.backup.manifests import Manifests
from chalicelib.backup.selection import Selection
from chalicelib.backup.shards import Shard
from chalicelib.backup.standing import Fate, Fated, fates
from chalicelib.errors import AwsNotFound, StepFailed, UnknownName
from chalicelib.models.change import Change, ChangeProgress, HowFar
from chalicelib.models.history import BackupKind
from chalicelib.models.shape import Shape
from chalicelib.steps.backup_places import manifests_in
from chalicelib.steps.step import Applied, Done, Pending, StepContext

BATCH = 200
SAMPLE = 8
MOST_SAMPLE_BYTES = 64 * 1024 * 1024
SKEW = timedelta(seconds=2)
"""Between Steward's clock and the dates that S3 writes."""


class SoFar(Shape):
    through: str | None = None
    restored: int = 0
    bytes: int = 0
    already: int = 0
    newer: int = 0
    """Kept as they are."""
    lost: int = 0
    """Their versions are no longer in the backup bucket."""
    first_lost: str | None = None


@dataclass(frozen=True)
class Restore:
    """What a Change says, as values."""

    backup: str
    sha256: str
    bucket: str
    region: str
    set: str
    mac_key: str | None
    prefix: str
    selection: Selection
    to_bucket: str
    to_prefix: str
    over_newer: bool
    objects: int

    @classmethod
    def of(cls, parameters: dict[str, Any]) -> "Restore":
        return cls(
            parameters["backup"],
            parameters["sha256"],
            parameters["from"],
            parameters["fromRegion"],
            parameters["set"],
            parameters["macKey"],
            parameters["prefix"],
            Selection.model_validate(parameters["selection"]),
            parameters["to"],
            parameters["toPrefix"],
            parameters["overNewer"],
            parameters["objects"],
        )

    def in_run(self, run_id: str) -> "Restore":
        return replace(self, to_prefix=self.to_prefix.replace("{run}", run_id))

    def head(self, manifests: Manifests) -> Head:
        head = manifests.head(self.backup)
        if head.sha256 != self.sha256:
            raise StepFailed("restore", f"manifest {self.backup} is no longer the one that was planned")
        return head


def manifests_for(ctx: StepContext, restore: Restore) -> Manifests:
    return manifests_in(ctx, restore.bucket, restore.region, restore.set, restore.mac_key)


def course(
    vault: Vault, manifests: Manifests, head: Head, restore: Restore, through: str | None, ours_since: datetime | None
) -> Iterator[Fated]:
    """What becomes of each selected object after `through`."""
    stretch = restore.selection.stretch
    if through is not None and (stretch.after_key is None or through > stretch.after_key):
        stretch = Shard(through, stretch.until_key)
    chosen = restore.selection.of(manifests.entries(head, stretch))
    there = standing(vault, restore, stretch.after_key)
    return fates(chosen, there, as_of=head.as_of, ours_since=ours_since)


def standing(vault: Vault, restore: Restore, after: str | None) -> Iterator[Standing]:
    """At the destination, with keys relative to it."""
    cut, start = len(restore.to_prefix), restore.to_prefix + after if after is not None else ""
    for one in vault.standing(restore.to_bucket, restore.to_prefix + restore.selection.prefix, start):
        yield Standing(one.key[cut:], one.size, one.etag, one.changed_at)


def restore_on(ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:
    restore = Restore.of(change.parameters).in_run(ctx.run_id)
    manifests = manifests_for(ctx, restore)
    head = restore.head(manifests)
    so_far = SoFar.model_validate(progress.checkpoint) if progress.checkpoint else SoFar()
    since = (progress.started_at or ctx.now) - SKEW
    until = ctx.monotonic() + ctx.budget_s
    left = course(ctx.aws.vault, manifests, head, restore, so_far.through, since)
    while batch := list(islice(left, BATCH)):
        so_far = _carry_out(ctx, restore, batch, so_far)
        if ctx.monotonic() >= until:
            return _pending(ctx, restore, so_far, progress)
    if so_far.lost:
        why = f"{so_far.lost} objects have no version in the backup bucket any more, the first: {so_far.first_lost}"
        raise StepFailed(ctx.step_id, f"{so_far.restored:,} objects restored, but {why}")
    read = read_back(ctx, manifests, head, restore)
    _note_proof(ctx, restore)
    return Done(detail=_told(restore, so_far, read), facts=_facts(restore, so_far, read))


def _carry_out(ctx: StepContext, restore: Restore, batch: list[Fated], so_far: SoFar) -> SoFar:
    wanted = [f for f in batch if f.fate in {Fate.ABSENT, Fate.OLDER} or (f.fate is Fate.NEWER and restore.over_newer)]
    made = _copies(ctx, restore, wanted)
    lost = [fated.entry.key for fated, done in zip(wanted, made, strict=True) if done is None]
    done = [fated for fated, is_done in zip(wanted, made, strict=True) if is_done]
    beaten = sum(is_done is False for is_done in made)  # written by somebody else since it was listed
    return SoFar(
        through=batch[-1].entry.key,
        restored=so_far.restored + len(done),
        bytes=so_far.bytes + sum(fated.entry.size for fated in done),
        already=so_far.already + sum(fated.fate is Fate.ALREADY for fated in batch),
        newer=so_far.newer + beaten + sum(f.fate is Fate.NEWER and not restore.over_newer for f in batch),
        lost=so_far.lost + len(lost),
        first_lost=so_far.first_lost or next(iter(lost), None),
    )


def _copies(ctx: StepContext, restore: Restore, wanted: list[Fated]) -> list[bool | None]:
    """True: done; False: something else is there now; None: the version is gone."""

    def bring(fated: Fated) -> bool | None:
        entry = fated.entry
        origin = (restore.bucket, restore.prefix + entry.key, entry.version)
        target = (restore.to_bucket, restore.to_prefix + entry.key)
        try:
            return ctx.aws.vault.copy_version(origin, target, size=entry.size, over=fated.over)
        except AwsNotFound:
            return None

    if ctx.copies_at_once == 0:
        return [bring(fated) for fated in wanted]
    with ThreadPoolExecutor(ctx.copies_at_once) as pool:
        return list(pool.map(bring, wanted))


def _pending(ctx: StepContext, restore: Restore, so_far: SoFar, progress: ChangeProgress) -> Pending:
    done = so_far.restored + so_far.already + so_far.newer + so_far.lost
    took = (ctx.now - (progress.started_at or ctx.now)).total_seconds() + ctx.budget_s
    far = HowFar(done=done, total=max(restore.objects, done), unit="objects", rate_per_s=round(done / took, 1))
    return Pending(check_after_s=1, detail=f"restoring: {far}", checkpoint=so_far.model_dump(mode="json"), how_far=far)


def read_back(ctx: StepContext, manifests: Manifests, head: Head, restore: Restore) -> int:
    """A random sample of what should be there now, in full, against the backup's version of it."""
    small = (
        entry
        for entry in restore.selection.of(manifests.entries(head, restore.selection.stretch))
        if entry.size <= MOST_SAMPLE_BYTES
    )
    chosen = nsmallest(SAMPLE, small, key=lambda e: hashlib.sha256(f"{ctx.run_id}\0{e.key}".encode()).digest())
    there, elsewhere = ctx.aws.vault, ctx.aws.in_region(restore.region).vault
    same = 0
    for entry in chosen:
        original = elsewhere.digest(restore.bucket, restore.prefix + entry.key, version=entry.version)
        copy = there.digest(restore.to_bucket, restore.to_prefix + entry.key)
        same += original is not None and original == copy
        if original != copy and not _is_newer(there, restore, entry.key, head.as_of):
            raise StepFailed(ctx.step_id, f"{restore.to_prefix}{entry.key} is not what the backup holds")
    return same


def _is_newer(vault: Vault, restore: Restore, key: str, as_of: datetime) -> bool:
    full = restore.to_prefix + key
    found = next((one for one in vault.standing(restore.to_bucket, full) if one.key == full), None)
    return not restore.over_newer and found is not None and found.changed_at > as_of


def _note_proof(ctx: StepContext, restore: Restore) -> None:
    try:
        ctx.history.amend_backup(ctx.stack.stack, BackupKind.ARTIFACTS, restore.backup, ctx.now, restored_at=ctx.now)
    except UnknownName:  # made by a Steward whose records are gone; its manifest spoke for itself
        return


def _told(restore: Restore, so_far: SoFar, read: int) -> str:
    kept = f", {so_far.newer:,} newer ones kept" if so_far.newer else ""
    same = f", {so_far.already:,} were there already" if so_far.already else ""
    where = f"s3://{restore.to_bucket}/{restore.to_prefix}"
    return f"{so_far.restored:,} objects restored to {where}{same}{kept}; {read} read back in full and compared"


def _facts(restore: Restore, so_far: SoFar, read: int) -> dict[str, Any]:
    return {
        "backup": restore.backup,
        "to": f"s3://{restore.to_bucket}/{restore.to_prefix}",
        "restored": so_far.restored,
        "already": so_far.already,
        "kept_newer": so_far.newer,
        "compared": read,
    }
