"""One stretch of one backup: copy what changed, then compare the copies with a new listing. In slices of time.

The same code works within `advance` and as the worker of a Distributed Map.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from chalicelib.aws.s3_lane_uploads import Unfinished
from chalicelib.backup.entry import Entry, Listed
from chalicelib.backup.job import EndedBy, Job, Limits, Progress, Watch
from chalicelib.backup.judge import judge
from chalicelib.backup.manifest import Head
from chalicelib.backup.manifests import RESERVED, RESTORED, Manifests
from chalicelib.backup.mirror import mirror
from chalicelib.backup.overlay import laid_over
from chalicelib.backup.pages import listing
from chalicelib.backup.ports import Cancelled, CopyAnswer, ListingLane
from chalicelib.backup.shards import Shard
from chalicelib.backup.spans import READ_SIZES, ReadSizes
from chalicelib.errors import StepFailed
from chalicelib.steps.backup_journal import Journal, PartSink, Progressed, Task
from chalicelib.steps.backup_read_back import turn_after
from chalicelib.steps.upload_book import EvidenceBook

SPARE_S = 45.0
"""Of a slice: what a copy and its retries, the last part and the journal may take."""
MOST_FAILURES = 100


class Clocked(Protocol):
    def __call__(self) -> float: ...


class Apart:
    """A lane that does not see Steward's own objects: a backup at the root of a bucket has manifests beside it, and
    what was restored out of a backup would be backed up as new."""

    def __init__(self, lane: ListingLane) -> None:
        self._lane = lane

    def list_pages(
        self, bucket: str, prefix: str = "", start_after: str | None = None
    ) -> Iterator[list[tuple[str, int, str]]]:
        for rows in self._lane.list_pages(bucket, prefix, start_after):
            yield [row for row in rows if not row[0].startswith((RESERVED, RESTORED))]


class TargetLane(ListingLane, Protocol):
    """What the mirror needs, with a book for what outlasts a slice."""

    def copy(
        self,
        source: tuple[str, str],
        target: tuple[str, str],
        *,
        size: int,
        etag: str,
        cancelled: Cancelled,
        book: EvidenceBook,
    ) -> CopyAnswer: ...

    def abort(self, unfinished: Unfinished) -> None: ...


class ApartCopies(Apart):
    def __init__(self, lane: TargetLane, book: EvidenceBook) -> None:
        super().__init__(lane)
        self.copy = partial(lane.copy, book=book)


@dataclass(frozen=True)
class Bench:
    """What a worker works with."""

    source: ListingLane
    target: TargetLane
    manifests: Manifests
    journal: Journal
    book: EvidenceBook
    monotonic: Clocked
    until: float
    """Of `monotonic`: when this slice has to be over."""
    in_flight: int
    spare_s: float = SPARE_S
    sizes: ReadSizes = READ_SIZES
    cancelled: Callable[[], bool] = lambda: False
    taken_over: Callable[[Shard], list[Iterator[Entry]]] = lambda _: []
    """What backups before this one copied and never sealed."""
    tell: Callable[[Progressed, Progress], None] = lambda _so_far, _told: None
    """What stood there when the slice began, and how far the slice is."""

    @property
    def left_s(self) -> float:
        return self.until - self.monotonic()


def work_on(task: Task, bench: Bench) -> Progressed:
    """Until it is over or the slice is; what is done is in the journal before this returns."""
    so_far = bench.journal.read(task)
    before = bench.manifests.head(task.before) if task.before else None
    if not so_far.copied_all:
        so_far = _copy(task, bench, so_far, before)
    if so_far.copied_all and not so_far.judged.over and bench.left_s > 0:
        so_far = _judge(task, bench, so_far, before)
    return so_far


def _copy(task: Task, bench: Bench, so_far: Progressed, before: Head | None) -> Progressed:
    stretch = task.stretch.rest(so_far.through)
    sink = PartSink(task, bench.manifests, bench.journal, so_far)
    watch = Watch(
        time_left_s=lambda: bench.left_s,
        cancelled=bench.cancelled,
        monotonic=bench.monotonic,
        checkpoint=sink.checkpoint,
        progress=lambda told: bench.tell(so_far, told),
        expected_keys=task.expected,
    )
    outcome = mirror(
        Job(task.source, task.target, task.as_of, task.grace, stretch),
        Apart(bench.source),
        ApartCopies(bench.target, bench.book),
        laid_over(bench.manifests.entries(before, stretch), *bench.taken_over(stretch), so_far.ahead),
        sink,
        watch=watch,
        limits=Limits(
            in_flight=bench.in_flight,
            failures=MOST_FAILURES,
            spare_s=bench.spare_s,
            checkpoint_keys=task.checkpoint_every,
        ),
    )
    done = sink.flushed(outcome.done_through, outcome.tally, outcome.failures)
    is_done = outcome.ended_by is EndedBy.DONE
    ahead = tuple(laid_over(done.ahead, outcome.ahead))
    done = done.model_copy(update={"copied_all": is_done, "ahead": () if is_done else ahead})
    bench.journal.write(task, done)
    if outcome.ended_by in {EndedBy.CANCEL, EndedBy.FAILURES}:
        bench.book.abort_all(bench.target)
    if outcome.ended_by is EndedBy.FAILURES:
        first = done.missed[0] if done.missed else None
        why = f"; the first: {first.key}: {first.why}" if first else ""
        raise StepFailed(task.step, f"more than {MOST_FAILURES} objects could not be copied{why}")
    return done


def _judge(task: Task, bench: Bench, so_far: Progressed, before: Head | None) -> Progressed:
    stretch = task.stretch.rest(so_far.judged.through)
    copies: Iterator[Listed] = listing(Apart(bench.target), task.target, stretch, ahead=bench.in_flight > 0)
    judged = judge(
        bench.manifests.entries_of(task.backup, so_far.parts, stretch),
        copies,
        bench.manifests.entries(before, stretch),
        seed=task.run_id,
        so_far=so_far.judged,
        time_is_up=lambda: bench.left_s < bench.spare_s or bench.cancelled(),
        turn=turn_after(before),
        sizes=bench.sizes,
    )
    done = so_far.model_copy(update={"judged": judged})
    bench.journal.write(task, done)
    return done
