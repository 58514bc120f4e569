"""A backup's work within one `apply`: as far as the slice goes, then sealed. What a person sees of it on the way."""

from datetime import datetime
from functools import partial
from typing import Any

from chalicelib.backup.estimate import size_text
from chalicelib.backup.job import Progress
from chalicelib.backup.judge import together
from chalicelib.backup.manifest import Proof
from chalicelib.backup.manifests import Owner, backup_id, claim, rival
from chalicelib.errors import StepFailed
from chalicelib.models.change import Change, ChangeProgress, HowFar
from chalicelib.steps.backup_adopt import adopt, taken_over
from chalicelib.steps.backup_journal import READ_BACK, Journal, Progressed, Task
from chalicelib.steps.backup_other_account import try_writing
from chalicelib.steps.backup_places import manifests_in
from chalicelib.steps.backup_read_back import ReadBack, read_on
from chalicelib.steps.backup_seal import Sealed, seal
from chalicelib.steps.backup_seal_preflight import check_seal
from chalicelib.steps.backup_shard import SPARE_S, Bench, work_on
from chalicelib.steps.step import Applied, Done, Pending, StepContext
from chalicelib.steps.upload_book import EvidenceBook

CONNECTIONS = 64
AGAIN_S = 1


def task_of(ctx: StepContext, change: Change, as_of: datetime) -> Task:
    given = change.parameters
    doubted = ctx.history.suspicion(ctx.stack.stack) is not None
    return Task(
        stack=ctx.stack.stack,
        run_id=ctx.run_id,
        step=ctx.step_id,
        backup=backup_id(given["set"], as_of, ctx.run_id, ctx.step_id),
        set=given["set"],
        as_of=as_of,
        source_bucket=given["source"],
        source_region=given["sourceRegion"],
        target_bucket=given["target"],
        target_region=given["targetRegion"],
        prefix=given["prefix"],
        before=given["before"],
        grace_s=None if doubted else given["graceS"],
        mac_key=given["macKey"],
        checkpoint_every=given["checkpointEvery"],
        expected=given["expected"],
        read_back=given.get("readBack", READ_BACK),
    )


def bench_of(ctx: StepContext, task: Task) -> Bench:
    artifacts = ctx.stack.artifacts
    kms_key = artifacts.backup_kms_key if artifacts else None
    source = ctx.aws.s3_lane(task.source_region, connections=CONNECTIONS)
    target = ctx.aws.s3_lane(
        task.target_region, source_region=task.source_region, kms_key=kms_key, connections=CONNECTIONS
    )
    manifests = manifests_in(ctx, task.target_bucket, task.target_region, task.set, task.mac_key)
    return Bench(
        source=source,
        target=target,
        manifests=manifests,
        journal=Journal(ctx.evidence),
        book=book_of(ctx, task),
        monotonic=ctx.monotonic,
        until=ctx.monotonic() + ctx.budget_s,
        in_flight=ctx.copies_at_once,
        spare_s=min(SPARE_S, ctx.budget_s / 4),
        sizes=ctx.read_sizes,
        cancelled=ctx.cancelled,
        tell=partial(_tell, ctx, task),
        taken_over=partial(taken_over, ctx.evidence, manifests, task),
    )


def back_up(ctx: StepContext, task: Task, progress: ChangeProgress) -> Applied:
    began = ctx.monotonic()
    begin(ctx, task, progress)
    bench = bench_of(ctx, task)
    so_far = work_on(task, bench)
    if not so_far.is_over:
        return still_at_it(ctx, task, progress, (so_far,), ctx.monotonic() - began)
    return finish(ctx, task, bench, progress, (so_far,))


def tidy(ctx: StepContext, tasks: tuple[Task, ...]) -> None:
    """Nobody goes on with what was left unfinished in parts. One lane for a thousand shards: most have nothing."""
    lane = ctx.aws.s3_lane(tasks[0].target_region)
    for task in tasks:
        book_of(ctx, task).abort_all(lane)


def book_of(ctx: StepContext, task: Task) -> EvidenceBook:
    return EvidenceBook(ctx.evidence, task.uploads, ctx.now, ctx.monotonic)


def begin(ctx: StepContext, task: Task, progress: ChangeProgress) -> None:
    """Before the first copy; again after a crash, and the same."""
    if progress.checkpoint:
        return
    check_seal(ctx, manifests_in(ctx, task.target_bucket, task.target_region, task.set, task.mac_key), task.mac_key)
    try_writing(ctx, task)
    if task.before is None:
        take_place(ctx, task)
    adopt(ctx.evidence, task)


def take_place(ctx: StepContext, task: Task) -> None:
    """Whoever came first has it: two that start at once both claim, and both see it here."""
    shelf = ctx.aws.in_region(task.target_region).vault
    owner = Owner(task.set, f"{task.source_bucket}/{task.prefix}", task.prefix, task.stack)
    claim(shelf, owner, task.target_bucket)
    other = rival(shelf, owner, task.target_bucket)
    if other is not None:
        raise StepFailed(ctx.step_id, f"s3://{task.target_bucket}/{task.prefix} holds the backup of {other.source}")


def still_at_it(
    ctx: StepContext, task: Task, progress: ChangeProgress, shards: tuple[Progressed, ...], worked_s: float = 0.0
) -> Pending:
    """`worked_s`: within this call, whose clock stood still meanwhile; many hands work beside it."""
    far = how_far(ctx, task, progress, shards, worked_s)
    doing = "comparing the copies" if all(shard.copied_all for shard in shards) else "copying"
    copied = sum(shard.copied for shard in shards)
    return Pending(
        check_after_s=AGAIN_S,
        detail=f"{doing}: {far}; {copied:,} copied",
        checkpoint={"backup": task.backup, "copied": copied, "keys": far.done},
        how_far=far,
    )


def how_far(
    ctx: StepContext, task: Task, progress: ChangeProgress, shards: tuple[Progressed, ...], worked_s: float
) -> HowFar:
    keys = sum(shard.keys for shard in shards)
    took = (ctx.now - (progress.started_at or ctx.now)).total_seconds() + worked_s
    return _far(task, keys, keys / took if took > 0 else 0.0)


def _far(task: Task, keys: int, rate: float) -> HowFar:
    total = max(task.expected, keys) if task.expected is not None else None
    return HowFar(done=keys, total=total, unit="objects", rate_per_s=round(rate, 1) or None)


def _tell(ctx: StepContext, task: Task, so_far: Progressed, told: Progress) -> None:
    far = _far(task, so_far.keys + told.done, told.rate)
    ctx.tell(far, f"copying: {far}; {so_far.copied + told.copied:,} copied")


def finish(
    ctx: StepContext, task: Task, bench: Bench, progress: ChangeProgress, shards: tuple[Progressed, ...]
) -> Applied:
    judged = together(shard.judged for shard in shards)
    before = bench.manifests.head(task.before) if task.before else None
    read = read_on(ctx, task, judged, before, lambda: bench.left_s < bench.spare_s or bench.cancelled())
    if not read.over:
        return _still_reading(task, progress, shards, read)
    sealed = seal(ctx, task, bench.manifests, before, shards, judged, read)
    why_not = sealed.why_not_good
    if why_not is not None:
        raise StepFailed(ctx.step_id, f"backup {task.backup} is kept and not verified: {why_not}")
    return Done(
        detail=told(sealed, shards, read), facts={**facts_of(sealed, shards), "expiry_rests": _why_expiry_rests(ctx)}
    )


def _still_reading(task: Task, progress: ChangeProgress, shards: tuple[Progressed, ...], read: ReadBack) -> Pending:
    copied = sum(shard.copied for shard in shards)
    large = f", {size_text(read.read)} of large ones" if read.read else ""
    return Pending(
        check_after_s=AGAIN_S,
        detail=f"reading a sample back: {read.small} small objects{large}; {copied:,} copied",
        checkpoint={**progress.checkpoint, "backup": task.backup, "copied": copied},
        how_far=progress.how_far,
    )


def told(sealed: Sealed, shards: tuple[Progressed, ...], read: ReadBack) -> str:
    head = sealed.head
    proof = f", {head.proof.checked:,} compared{_told_of(head.proof, read)}" if head.proof else ""
    doubt = f"; SUSPECT: {head.suspect}; nothing expires until a person clears it" if head.suspect else ""
    missed = sum(shard.failed for shard in shards)
    later = f"; {missed} changed meanwhile and are the next backup's" if missed else ""
    copied = head.requests.get("copied", 0)
    return f"backup {head.id}: {head.totals.objects:,} objects, {copied:,} copied{proof}{doubt}{later}"


def _told_of(proof: Proof, read: ReadBack) -> str:
    """How many bytes of how many objects were read in full, and of which only a part."""
    objects, size = proof.read_back + read.in_full, proof.read_bytes + read.in_full_bytes
    going_on = read.turn.reading
    more = f", of one more the first {size_text(going_on.offset)} by now" if going_on else ""
    return f", {objects} read back in full ({size_text(size)}{more})"


def facts_of(sealed: Sealed, shards: tuple[Progressed, ...]) -> dict[str, Any]:
    head = sealed.head
    return {
        "backup": head.id,
        "objects": head.totals.objects,
        "bytes": head.totals.bytes,
        "copied": head.requests.get("copied", 0),
        "gone": head.totals.gone,
        "due": sum(shard.due for shard in shards),
        "suspect": head.suspect,
        "verified": True,
    }


def _why_expiry_rests(ctx: StepContext) -> str | None:
    """S18: also for a doubt of days ago, so that it is skipped daily instead of failing daily."""
    doubt = ctx.history.suspicion(ctx.stack.stack)
    incident = next(iter(ctx.open_incidents()), None)
    return f"doubted: {doubt.why}" if doubt else f"open incident: {incident}" if incident else None
