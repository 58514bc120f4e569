"""A restore's work within one `apply`: a slice of copies out of the backup's versions, then a sample read back."""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from heapq import nsmallest
from itertools import islice, takewhile
from typing import Any, NamedTuple

from chalicelib.aws.s3_vault import Standing, Vault
from chalicelib.backup.entry import Entry
from chalicelib.backup.manifest import Head
from chalicelib.backup.manifests import Manifests
from chalicelib.backup.shards import Shard
from chalicelib.backup.spans import spans_of
from chalicelib.backup.standing import Fate, Fated, fates
from chalicelib.errors import StepFailed, UnknownName
from chalicelib.models.change import Change, ChangeProgress, HowFar
from chalicelib.models.history import BackupKind
from chalicelib.models.shape import Shape
from chalicelib.steps.backup_places import manifests_in
from chalicelib.steps.restore_copies import Bringer, Came, Restore
from chalicelib.steps.step import Applied, Done, Pending, StepContext

BATCH = 200
SAMPLE = 8
SKEW = timedelta(seconds=2)
"""Between Steward's clock and the dates that S3 writes."""


class Read(NamedTuple):
    compared: int
    in_part: int

    @property
    def said(self) -> str:
        more = f", {self.in_part} large in part" if self.in_part else ""
        return f"{self.compared - self.in_part} read back in full and compared{more}"


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
    bringer = Bringer(ctx, restore)
    left = course(ctx.aws.vault, manifests, head, restore, so_far.through, since)
    while batch := list(islice(left, BATCH)):
        so_far, is_whole = _carry_out(bringer, restore, batch, so_far)
        if not is_whole or bringer.must_leave_off():
            return _pending(so_far, _far(ctx, restore, so_far, progress, bringer))
        far = _far(ctx, restore, so_far, progress, bringer)
        ctx.tell(far, f"restoring: {far}")
    if so_far.lost:
        why = f"{so_far.lost} objects have no version in the backup bucket any more, the first: {so_far.first_lost}"
        raise StepFailed(ctx.step_id, f"{so_far.restored:,} objects restored, but {why}")
    read = read_back(ctx, manifests, head, restore)
    _note_proof(ctx, restore)
    return Done(detail=_told(restore, so_far, read), facts=_facts(restore, so_far, read))


def _carry_out(bringer: Bringer, restore: Restore, batch: list[Fated], so_far: SoFar) -> tuple[SoFar, bool]:
    """Counts up to the first that was left off; what was brought beside it is there already, the next time."""
    wanted = [f for f in batch if f.fate in {Fate.ABSENT, Fate.OLDER} or (f.fate is Fate.NEWER and restore.over_newer)]
    came = {fated.entry.key: how for fated, how in zip(wanted, bringer.bring_all(wanted), strict=True)}
    over = list(takewhile(lambda fated: came.get(fated.entry.key) is not Came.LEFT, batch))
    brought = [fated for fated in over if came.get(fated.entry.key) is Came.BROUGHT]
    beaten = sum(came.get(fated.entry.key) is Came.BEATEN for fated in over)
    lost = [fated.entry.key for fated in over if came.get(fated.entry.key) is Came.LOST]
    counted = SoFar(
        through=over[-1].entry.key if over else so_far.through,
        restored=so_far.restored + len(brought),
        bytes=so_far.bytes + sum(fated.entry.size for fated in brought),
        already=so_far.already + sum(fated.fate is Fate.ALREADY for fated in over),
        newer=so_far.newer + beaten + sum(f.fate is Fate.NEWER and not restore.over_newer for f in over),
        lost=so_far.lost + len(lost),
        first_lost=so_far.first_lost or next(iter(lost), None),
    )
    return counted, len(over) == len(batch)


def _far(ctx: StepContext, restore: Restore, so_far: SoFar, progress: ChangeProgress, bringer: Bringer) -> HowFar:
    done = so_far.restored + so_far.already + so_far.newer + so_far.lost
    took = (ctx.now - (progress.started_at or ctx.now)).total_seconds() + bringer.took_s
    rate = round(done / took, 1) if done and took > 0 else None
    return HowFar(done=done, total=max(restore.objects, done), unit="objects", rate_per_s=rate)


def _pending(so_far: SoFar, far: HowFar) -> Pending:
    return Pending(check_after_s=1, detail=f"restoring: {far}", checkpoint=so_far.model_dump(mode="json"), how_far=far)


def read_back(ctx: StepContext, manifests: Manifests, head: Head, restore: Restore) -> Read:
    """A random sample of what should be there now against the backup's version: in full, one large one in part."""
    chosen = _sample(ctx, restore.selection.of(manifests.entries(head, restore.selection.stretch)))
    there, elsewhere = ctx.aws.vault, ctx.aws.in_region(restore.region).vault
    same = in_part = 0
    for entry in chosen:
        spans = spans_of(entry.size, f"{ctx.run_id}\0{entry.key}", ctx.read_sizes)
        kept, brought = restore.prefix + entry.key, restore.to_prefix + entry.key
        original = elsewhere.digest(restore.bucket, kept, version=entry.version, spans=spans)
        copy = there.digest(restore.to_bucket, brought, spans=spans)
        is_same = original is not None and original == copy
        same, in_part = same + is_same, in_part + (is_same and bool(spans))
        if original != copy and not _is_newer(there, restore, entry.key, head.as_of):
            raise StepFailed(ctx.step_id, f"{restore.to_prefix}{entry.key} is not what the backup holds")
    return Read(same, in_part)


def _sample(ctx: StepContext, entries: Iterable[Entry]) -> list[Entry]:
    """Some small ones and a large one by chance, in one pass: there may be millions."""
    small: list[tuple[bytes, Entry]] = []
    large: tuple[bytes, Entry] | None = None
    for entry in entries:
        rank = hashlib.sha256(f"{ctx.run_id}\0{entry.key}".encode()).digest()
        if entry.size > ctx.read_sizes.whole_up_to:
            large = (rank, entry) if large is None or rank < large[0] else large
        elif len(small) < SAMPLE or rank < small[-1][0]:
            small = nsmallest(SAMPLE, [*small, (rank, entry)], key=lambda one: one[0])
    return [entry for _, entry in (*small, *([large] if large else []))]


def _is_newer(vault: Vault, restore: Restore, key: str, as_of: datetime) -> bool:
    full = restore.to_prefix + key
    found = next((one for one in vault.standing(restore.to_bucket, full) if one.key == full), None)
    return not restore.over_newer and found is not None and found.changed_at > as_of


def _note_proof(ctx: StepContext, restore: Restore) -> None:
    try:
        ctx.history.amend_backup(ctx.stack.stack, BackupKind.ARTIFACTS, restore.backup, ctx.now, restored_at=ctx.now)
    except UnknownName:  # made by a Steward whose records are gone; its manifest spoke for itself
        return


def _told(restore: Restore, so_far: SoFar, read: Read) -> str:
    kept = f", {so_far.newer:,} newer ones kept" if so_far.newer else ""
    same = f", {so_far.already:,} were there already" if so_far.already else ""
    where = f"s3://{restore.to_bucket}/{restore.to_prefix}"
    return f"{so_far.restored:,} objects restored to {where}{same}{kept}; {read.said}"


def _facts(restore: Restore, so_far: SoFar, read: Read) -> dict[str, Any]:
    return {
        "backup": restore.backup,
        "to": f"s3://{restore.to_bucket}/{restore.to_prefix}",
        "restored": so_far.restored,
        "already": so_far.already,
        "kept_newer": so_far.newer,
        "compared": read.compared,
    }
