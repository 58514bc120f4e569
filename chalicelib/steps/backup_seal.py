"""The end of a backup, once its sample is read back: the head is written and signed, history takes note."""

from dataclasses import dataclass

from chalicelib.backup.estimate import size_text
from chalicelib.backup.judge import Judged, doubt
from chalicelib.backup.manifest import Before, Head, Proof, Totals
from chalicelib.backup.manifests import Manifests
from chalicelib.backup.spans import READ_SIZES, ReadSizes
from chalicelib.models.history import Backup, BackupKind
from chalicelib.steps.backup_journal import Missed, Progressed, Task
from chalicelib.steps.backup_read_back import ReadBack
from chalicelib.steps.step import StepContext

_WRONG_TOLD = 20


@dataclass(frozen=True)
class Sealed:
    head: Head
    missed: tuple[Missed, ...]
    hard_failures: int
    newly_suspect: bool

    @property
    def why_not_good(self) -> str | None:
        proof = self.head.proof
        if proof is None or not proof.holds:
            wrong = "; ".join(proof.wrong[:3]) if proof else "nothing was compared"
            return f"{proof.wrong_count if proof else 0} copies are not what the manifest says: {wrong}"
        if self.hard_failures:
            first = next(iter(self.missed), None)
            why = f"; {first.key}: {first.why}" if first else ""
            return f"{self.hard_failures} objects could not be copied{why}"
        return None


def seal(
    ctx: StepContext,
    task: Task,
    manifests: Manifests,
    before: Head | None,
    shards: tuple[Progressed, ...],
    judged: Judged,
    read: ReadBack,
) -> Sealed:
    """Done twice it is done once: the head stands as first written, and so does the record."""
    missed = tuple(each for shard in shards for each in shard.missed)
    hard = sum(shard.hard for shard in shards)  # what changed while it was copied is the next backup's
    head = manifests.put_head(_head(ctx, task, before, shards, _proof(ctx, judged, read), judged))
    sealed = Sealed(head, tuple(m for m in missed if not m.trouble.is_benign), hard, _doubted(ctx, head))
    ctx.history.record_backup(
        Backup(
            stack=ctx.stack.stack,
            kind=BackupKind.ARTIFACTS,
            id=head.id,
            run_id=ctx.run_id,
            as_of=head.as_of,
            verified_at=ctx.now if sealed.why_not_good is None else None,
            suspect=head.suspect,
            ref=manifests.ref(head),
            objects=head.totals.objects,
            bytes=head.totals.bytes,
            not_read=unread(head.proof, ctx.read_sizes),
        )
    )
    return sealed


def unread(proof: Proof | None, sizes: ReadSizes = READ_SIZES) -> str | None:
    """What this backup did not read in full though no chance left it out: large ones whose turn it was not."""
    if proof is None or proof.large <= proof.large_read:
        return None
    over = size_text(sizes.whole_up_to)
    whole = f"{proof.large_read:,} of {proof.large:,} artifacts over {over} were read in full"
    return (
        f"{whole}, {size_text(proof.large_read_bytes)} of {size_text(proof.large_bytes)} this time; all have their turn"
    )


def _doubted(ctx: StepContext, head: Head) -> bool:
    """S18: the first doubt stands until a person clears it, and only the run that raised it pages. What is doubted
    only because others were raises none: done again after that was cleared, it would bring the doubt back."""
    why = doubt(head.totals)
    if why is None:
        return False
    stands = ctx.history.suspect(ctx.stack.stack, f"backup {head.id}: {why}", ctx.run_id, ctx.now)
    return stands.run_id == ctx.run_id


def _suspect(ctx: StepContext, totals: Totals) -> str | None:
    """S18: the day after everything was encrypted nothing changed, and yet all of it is what was doubted."""
    stands = ctx.history.suspicion(ctx.stack.stack)
    return doubt(totals) or (f"made while doubted: {stands.why}" if stands else None)


def _head(
    ctx: StepContext,
    task: Task,
    before: Head | None,
    shards: tuple[Progressed, ...],
    proof: Proof,
    judged: Judged,
) -> Head:
    totals = judged.totals(sum(shard.failed for shard in shards))
    return Head(
        id=task.backup,
        stack=ctx.stack.stack,
        source=f"{task.source_bucket}/{task.prefix}",
        target=f"{task.target_bucket}/{task.prefix}",
        as_of=task.as_of,
        run_id=ctx.run_id,
        parts=tuple(part for shard in shards for part in shard.parts),
        totals=totals,
        before=Before(id=before.id, sha256=before.sha256) if before else None,
        proof=proof,
        suspect=_suspect(ctx, totals),
        requests={
            "copied": sum(shard.copied for shard in shards),
            "copied_bytes": sum(shard.copied_bytes for shard in shards),
        },
    )


def _proof(ctx: StepContext, judged: Judged, read: ReadBack) -> Proof:
    return Proof(
        at=ctx.now,
        checked=judged.checked,
        wrong=(*judged.wrong, *read.faults)[:_WRONG_TOLD],
        wrong_count=judged.wrong_count + len(read.faults),
        read_back=len(judged.sample),
        read_bytes=sum(one.size for one in judged.sample),
        large=judged.large,
        large_bytes=judged.large_bytes,
        large_read=read.in_full,
        large_read_bytes=read.read,
        turn=read.turn if judged.large else None,
    )
