"""One stretch of one backup: copy what changed, then compare the copies with a new listing. In slices of time.

The same code works within `advance` and as the worker of a Distributed Map.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from chalicelib.backup.entry import Listed
from chalicelib.backup.job import EndedBy, Job, Limits, Outcome, Watch
from chalicelib.backup.judge import judge
from chalicelib.backup.manifest import Head
from chalicelib.backup.manifests import RESERVED, Manifests
from chalicelib.backup.mirror import mirror
from chalicelib.backup.pages import listing
from chalicelib.backup.ports import CopyLane, ListingLane
from chalicelib.errors import StepFailed
from chalicelib.steps.backup_journal import Journal, PartSink, Progressed, Task

SPARE_S = 45.0
"""Of a slice: what a copy and its retries, the last part and the journal may take."""
MOST_FAILURES = 100


class Clocked(Protocol):
    def __call__(self) -> float: ...


class Apart:
    """A lane that does not see Steward's own objects: a backup at the root of a bucket has them beside it."""

    def __init__(self, lane: ListingLane) -> None:
        self._lane = lane

    def list_pages(
        self, bucket: str, prefix: str = "", start_after: str | None = None
    ) -> Iterator[list[tuple[str, int, str]]]:
        for rows in self._lane.list_pages(bucket, prefix, start_after):
            yield [row for row in rows if not row[0].startswith(RESERVED)]


class ApartCopies(Apart):
    def __init__(self, lane: CopyLane) -> None:
        super().__init__(lane)
        self.copy = lane.copy


@dataclass(frozen=True)
class Bench:
    """What a worker works with."""

    source: ListingLane
    target: CopyLane
    manifests: Manifests
    journal: Journal
    monotonic: Clocked
    until: float
    """Of `monotonic`: when this slice has to be over."""
    in_flight: int
    spare_s: float = SPARE_S
    cancelled: Callable[[], bool] = lambda: False

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
    )
    outcome = mirror(
        Job(task.source, task.target, task.as_of, task.grace, stretch),
        Apart(bench.source),
        ApartCopies(bench.target),
        bench.manifests.entries(before, stretch),
        sink,
        watch=watch,
        limits=Limits(
            in_flight=bench.in_flight,
            failures=MOST_FAILURES,
            spare_s=bench.spare_s,
            checkpoint_keys=task.checkpoint_every,
        ),
    )
    done = _noted(sink.flushed(outcome.done_through), outcome)
    bench.journal.write(task, done)
    if outcome.ended_by is EndedBy.FAILURES:
        first = done.missed[0] if done.missed else None
        why = f"; the first: {first.key}: {first.why}" if first else ""
        raise StepFailed(task.step, f"more than {MOST_FAILURES} objects could not be copied{why}")
    return done


def _noted(so_far: Progressed, outcome: Outcome) -> Progressed:
    tally = outcome.tally
    seen = tally.entries + tally.dropped + tally.foreign
    counts = {
        "copied_all": outcome.ended_by is EndedBy.DONE,
        "copied": so_far.copied + tally.copied,
        "copied_bytes": so_far.copied_bytes + tally.copied_bytes,
        "keys": so_far.keys + seen,
        "due": so_far.due + tally.due,
        "foreign": so_far.foreign + tally.foreign,
    }
    return so_far.model_copy(update=counts).with_failures(outcome.failures, tally.troubles)


def _judge(task: Task, bench: Bench, so_far: Progressed, before: Head | None) -> Progressed:
    stretch = task.stretch.rest(so_far.judged.through)
    copies: Iterator[Listed] = listing(Apart(bench.target), task.target, stretch, ahead=bench.in_flight > 0)
    judged = judge(
        bench.manifests.entries_of(task.backup, so_far.parts, stretch),
        copies,
        bench.manifests.entries(before, stretch),
        seed=task.run_id,
        so_far=so_far.judged,
        time_is_up=lambda: bench.left_s < bench.spare_s,
    )
    done = so_far.model_copy(update={"judged": judged})
    bench.journal.write(task, done)
    return done
