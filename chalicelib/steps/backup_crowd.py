"""A backup by many hands: the key space is cut, each shard worked on by the same code, one manifest comes of it."""

from collections.abc import Iterator
from itertools import pairwise

from chalicelib.backup.manifests import Manifests
from chalicelib.backup.shards import KEYS_A_SHARD, Shard, between, shards_of
from chalicelib.errors import StepFailed, UnknownName
from chalicelib.models.change import ChangeProgress
from chalicelib.steps.backup_adopt import note_tasks, tasks_in
from chalicelib.steps.backup_journal import Journal, Task
from chalicelib.steps.backup_work import begin, bench_of, finish, still_at_it, tidy
from chalicelib.steps.many_hands import Crowd
from chalicelib.steps.step import Applied, Pending, StepContext

MOST_SHARDS = 1000
LOOK_EVERY_S = 60
MOST_EXECUTIONS = 4
"""Each with the shards that the one before left; what four cannot do is told."""


def back_up_by_many(ctx: StepContext, task: Task, progress: ChangeProgress) -> Applied:
    hands = ctx.many_hands
    if hands is None:
        raise StepFailed(ctx.step_id, "it was planned for many workers, and there is no machine for them any more")
    bench = bench_of(ctx, task)
    tasks = _tasks(ctx, task, bench.manifests)
    if not progress.checkpoint:
        begin(ctx, task, progress)
        hands.begin(task.backup, [item(each) for each in tasks])
        return _watching(ctx, task, progress, bench.journal, tasks, 1)
    attempt = int(progress.checkpoint.get("attempt", 1))
    name = execution(task.backup, attempt)
    if hands.state(name) is Crowd.WORKING:
        return _watching(ctx, task, progress, bench.journal, tasks, attempt)
    shards = tuple(bench.journal.read(each) for each in tasks)
    left = [each for each, shard in zip(tasks, shards, strict=True) if not shard.is_over]
    if not left:  # whatever became of the execution
        return finish(ctx, task, bench, progress, shards)
    if attempt >= MOST_EXECUTIONS:
        raise StepFailed(ctx.step_id, f"{len(left)} of {len(tasks)} shards are not over; their execution is {name}")
    hands.begin(execution(task.backup, attempt + 1), [item(each) for each in left])
    return _watching(ctx, task, progress, bench.journal, tasks, attempt + 1)


def execution(backup: str, attempt: int) -> str:
    """Always the same, so that beginning it again after a crash begins nothing twice."""
    return backup if attempt == 1 else f"{backup}-{attempt}"


def item(task: Task) -> dict[str, object]:
    """Names only: an execution's input is small, and the store decides."""
    return {"run_id": task.run_id, "step": task.step, "backup": task.backup, "shard": task.shard}


def task_of_item(ctx: StepContext, backup: str, shard: int) -> Task:
    """For the worker, which knows no more than the item."""
    return tasks_in(ctx.evidence, ctx.run_id, backup)[shard]


def stop(ctx: StepContext, task: Task, attempt: int, why: str) -> None:
    if ctx.many_hands is not None:
        for number in (attempt, attempt + 1):  # the next may have begun just before its worker died
            ctx.many_hands.stop(execution(task.backup, number), why)
    tidy(ctx, tasks_in(ctx.evidence, task.run_id, task.backup))


def _watching(
    ctx: StepContext,
    task: Task,
    progress: ChangeProgress,
    journal: Journal,
    tasks: tuple[Task, ...],
    attempt: int,
) -> Pending:
    shards = tuple(journal.read(each) for each in tasks)
    over = sum(shard.is_over for shard in shards)
    told = still_at_it(ctx, task, progress, shards)
    return Pending(
        check_after_s=LOOK_EVERY_S,
        detail=f"{over} of {len(tasks)} shards are over; {told.detail}",
        checkpoint={**(told.checkpoint or {}), "attempt": attempt},
        how_far=told.how_far,
    )


def _tasks(ctx: StepContext, task: Task, manifests: Manifests) -> tuple[Task, ...]:
    """Cut once and kept: cut anew after a crash, shards could overlap those that are at work."""
    try:
        return tasks_in(ctx.evidence, task.run_id, task.backup)
    except UnknownName:
        cut = tuple(_cut(ctx, task, manifests))
        tasks = tuple(
            task.model_copy(update={"shard": number, "after_key": shard.after_key, "until_key": shard.until_key})
            for number, shard in enumerate(cut)
        )
        note_tasks(ctx.evidence, tasks, task.run_id, task.backup)
        return tasks


def _cut(ctx: StepContext, task: Task, manifests: Manifests) -> Iterator[Shard]:
    """Where the last manifest's keys say; at first, where the folders do (MLflow has one an experiment)."""
    if task.before:
        head = manifests.head(task.before)
        size = max(KEYS_A_SHARD, (head.totals.objects + head.totals.gone) // MOST_SHARDS + 1)
        yield from shards_of(manifests.entries(head), size)
        return
    vault = ctx.aws.in_region(task.source_region).vault
    folders = sorted(vault.names(task.source_bucket, task.prefix, "/"))
    every = len(folders) // MOST_SHARDS + 1
    borders = [folder.removeprefix(task.prefix) for folder in folders[every::every]]
    assert all(one < other for one, other in pairwise(borders))  # noqa: S101  # S3 lists each prefix once, in order
    yield from between(borders)
