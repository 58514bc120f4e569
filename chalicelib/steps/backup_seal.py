"""The end of a backup: a sample is read back in full, the head is written and signed, history takes note."""

from dataclasses import dataclass

from chalicelib.aws.s3_vault import Vault
from chalicelib.backup.estimate import size_text
from chalicelib.backup.judge import Judged, Sampled, doubt, together
from chalicelib.backup.manifest import Before, Head, Proof, Totals
from chalicelib.backup.manifests import Manifests
from chalicelib.backup.spans import WHOLE_UP_TO, bytes_in, spans_of
from chalicelib.models.history import Backup, BackupKind
from chalicelib.steps.backup_journal import Missed, Progressed, Task
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


def seal(ctx: StepContext, task: Task, manifests: Manifests, shards: tuple[Progressed, ...]) -> Sealed:
    """Done twice it is done once: the head stands as first written, and so does the record."""
    judged = together(shard.judged for shard in shards)
    missed = tuple(each for shard in shards for each in shard.missed)
    hard = sum(shard.hard for shard in shards)  # what changed while it was copied is the next backup's
    head = manifests.put_head(_head(ctx, task, manifests, shards, judged))
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
            not_read=unread(head.proof),
        )
    )
    return sealed


def unread(proof: Proof | None) -> str | None:
    """What no sample reads in full. Small ones are sampled too, but none of them is left out on principle."""
    if proof is None or not proof.large:
        return None
    read = f"{proof.large_read} of them, in {size_text(proof.large_read_bytes)}" if proof.large_read else "none of them"
    return f"{proof.large:,} artifacts over {size_text(WHOLE_UP_TO)} ({size_text(proof.large_bytes)}); read was {read}"


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


def _head(ctx: StepContext, task: Task, manifests: Manifests, shards: tuple[Progressed, ...], judged: Judged) -> Head:
    totals = judged.totals(sum(shard.failed for shard in shards))
    before = manifests.head(task.before) if task.before else None
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
        proof=_proof(ctx, task, judged),
        suspect=_suspect(ctx, totals),
        requests={
            "copied": sum(shard.copied for shard in shards),
            "copied_bytes": sum(shard.copied_bytes for shard in shards),
        },
    )


def _proof(ctx: StepContext, task: Task, judged: Judged) -> Proof:
    here, there = ctx.aws.in_region(task.source_region).vault, ctx.aws.in_region(task.target_region).vault
    faults = [fault for one in judged.sample if (fault := _read_back(task, one, here, there))]
    large = [_read_in_part(ctx, task, one, here, there) for one in judged.large_sample]
    faults += [one.fault for one in large if one.fault]
    return Proof(
        at=ctx.now,
        checked=judged.checked,
        wrong=(*judged.wrong, *faults)[:_WRONG_TOLD],
        wrong_count=judged.wrong_count + len(faults),
        read_back=len(judged.sample),
        read_bytes=sum(one.size for one in judged.sample),
        large=judged.large,
        large_bytes=judged.large_bytes,
        large_read=sum(one.bytes > 0 for one in large),
        large_read_bytes=sum(one.bytes for one in large),
    )


@dataclass(frozen=True)
class _InPart:
    bytes: int
    """Compared with the source; none if that has changed since."""
    fault: str | None = None


def _read_in_part(ctx: StepContext, task: Task, one: Sampled, here: Vault, there: Vault) -> _InPart:
    spans = spans_of(one.size, f"{ctx.run_id}\0{one.key}")
    copy = there.digest(task.target_bucket, task.target.full_key(one.key), version=one.version, spans=spans)
    if copy is None or copy.size != bytes_in(spans):
        return _InPart(0, f"{one.key}: its copy cannot be read")
    original = here.digest(task.source_bucket, task.source.full_key(one.key), if_etag=one.etag, spans=spans)
    if original is None:
        return _InPart(0)
    return _InPart(copy.size, None if original == copy else f"{one.key}: its copy has other contents")


def _read_back(task: Task, one: Sampled, here: Vault, there: Vault) -> str | None:
    """The version that the manifest names, read in full, against the source if it is still the same object, else
    against the checksum in its ETag where that is one."""
    copy = there.digest(task.target_bucket, task.target.full_key(one.key), version=one.version)
    if copy is None:
        return f"{one.key}: its copy cannot be read"
    if copy.size != one.size:
        return f"{one.key}: its copy has {copy.size} bytes, not {one.size}"
    original = here.digest(task.source_bucket, task.source.full_key(one.key), if_etag=one.etag)
    if original is not None:
        return None if original == copy else f"{one.key}: its copy has other contents"
    plain = one.copy_etag is None and len(one.etag) == len(copy.md5) and "-" not in one.etag
    return f"{one.key}: its copy has another checksum" if plain and one.etag != copy.md5 else None
