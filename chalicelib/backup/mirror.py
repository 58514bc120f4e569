"""The mirror: carries out what the diff says with many copies in flight, and writes the new manifest in key order.

    merge (main thread) ─▶ window of slots in key order ─▶ sink, checkpoint
                 └─ copies ─▶ workers ─┘

Everything up to and including `Outcome.done_through` is settled and in the sink, nothing after it is: a run that ends
early is gone on with by a job whose shard is `outcome.rest`, with `outcome.ahead` laid over its previous entries.
Copies that were in flight when a worker died are made again, onto themselves: they are the only ones ever made twice.
Nothing is deleted here; `expiry` does that (S17, S18).
"""

import gc
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager

from chalicelib.backup.diff import Copy, Dropped, Due, Foreign, Gone, Same, Verdict, Why, merge
from chalicelib.backup.entry import MAX_KEY_BYTES, Copied, Entry, Listed
from chalicelib.backup.job import EndedBy, Failure, Job, Limits, Outcome, Progress, Reached, Tally, Trouble, Watch
from chalicelib.backup.pages import listing
from chalicelib.backup.ports import CopyLane, ListingLane, Sink
from chalicelib.backup.shards import within
from chalicelib.backup.workers import Slot, Workers
from chalicelib.errors import AwsInvalid, CopyCancelled

__all__ = [
    "EndedBy",
    "Failure",
    "Job",
    "Limits",
    "Outcome",
    "Progress",
    "Reached",
    "Tally",
    "Trouble",
    "Watch",
    "mirror",
]


def mirror(
    job: Job,
    source: ListingLane,
    target: CopyLane,
    previous: Iterable[Entry],
    sink: Sink,
    *,
    watch: Watch | None = None,
    limits: Limits | None = None,
) -> Outcome:
    """`previous` is the last manifest from its start (or from anywhere up to the shard's start), or empty.

    `source` lists the source's bucket; `target` lists the backup's and makes the copies, signed for its region.
    Listings that lie raise ListingOutOfOrder; a bucket that cannot be listed raises AwsError. Single objects never
    raise: they are counted and told in `failures`.
    """
    with _collecting_rarely():
        return _Mirror(job, target, sink, watch or Watch(), limits or Limits()).run(source, previous)


@contextmanager
def _collecting_rarely() -> Iterator[None]:
    """Pages and entries hold nothing in circles, so all of it is freed at once; looking for circles among them after
    every 700 of them took a sixth of the time."""
    usual = gc.get_threshold()
    gc.set_threshold(50_000, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


class _Mirror:
    def __init__(self, job: Job, target: CopyLane, sink: Sink, watch: Watch, limits: Limits) -> None:
        self._job, self._target, self._sink = job, target, sink
        self._watch, self._limits = watch, limits
        self._tally = Tally()
        self._failures: list[Failure] = []
        self._window: deque[tuple[Verdict, Slot | None]] = deque()
        self._workers = Workers(limits.in_flight, self._copy)
        self._done_through: str | None = None
        self._settled_keys = 0
        self._started = watch.monotonic()
        self._polled = self._noted_at = self._started
        self._is_checkpoint_due = False
        self._broken_off = False

    def run(self, source: ListingLane, previous: Iterable[Entry]) -> Outcome:
        job, ahead = self._job, self._limits.in_flight > 0
        with ExitStack() as stack:
            stack.callback(self._workers.close)
            originals = stack.enter_context(closing(listing(source, job.source, job.shard, ahead=ahead)))
            copies = stack.enter_context(closing(listing(self._target, job.target, job.shard, ahead=ahead)))
            known = within(previous, job.shard)
            ended_by = self._work_through(merge(originals, copies, known, now=job.now, grace=job.grace))
        self._tell_progress()
        done = ended_by is EndedBy.DONE
        rest = None if done else job.shard.rest(self._done_through)
        return Outcome(ended_by, self._done_through, rest, self._tally, tuple(self._failures), tuple(self._ahead()))

    def _ahead(self) -> Iterator[Entry]:
        for verdict, slot in self._window:
            if isinstance(verdict, Copy) and slot is not None and slot.copied is not None:
                yield _entry(verdict.listed, slot.copied)

    def _work_through(self, verdicts: Iterable[Verdict]) -> EndedBy:
        ended_by = EndedBy.DONE
        for verdict in verdicts:
            stop = self._stopped()
            if stop is not None:
                ended_by = stop
                break
            slot = self._workers.start(verdict) if isinstance(verdict, Copy) else None
            if slot is None and not self._window:
                self._settle(verdict, None)
                continue
            self._window.append((verdict, slot))
            self._settle_what_is_done()
            while self._workers.is_full or (len(self._window) >= self._limits.window and self._workers.in_flight):
                self._workers.wait()
                self._settle_what_is_done()
        while self._workers.in_flight:
            self._workers.wait()
            self._settle_what_is_done()
        self._settle_what_is_done()
        if ended_by is EndedBy.DONE and self._window:  # a copy in parts was stopped after the last verdict
            return EndedBy.CANCEL if self._watch.cancelled() else EndedBy.TIME
        return ended_by

    def _settle_what_is_done(self) -> None:
        self._workers.collect()
        while self._window and not self._broken_off:
            verdict, slot = self._window[0]
            if slot is not None and not slot.settled:
                return
            if slot is not None and slot.cancelled:
                self._broken_off = True  # what comes after it is done again: order is what makes a point to resume from
                return
            self._window.popleft()
            self._settle(verdict, slot)

    def _settle(self, verdict: Verdict, slot: Slot | None) -> None:
        tally = self._tally
        if isinstance(verdict, Same):
            tally.same += 1
            tally.known += 1
            self._give(verdict.entry)
            key = verdict.entry.key
        elif isinstance(verdict, Copy):
            key = verdict.listed.key
            self._settle_copy(verdict, slot or Slot(verdict))
        elif isinstance(verdict, Foreign):
            key = verdict.listed.key
            tally.foreign += 1
        else:
            key = verdict.entry.key
            self._settle_vanished(verdict)
        self._done_through = key
        self._settled_keys += 1
        if self._settled_keys % self._limits.checkpoint_keys == 0 or self._is_checkpoint_due:
            self._is_checkpoint_due, self._noted_at = False, self._polled
            self._watch.checkpoint(Reached(key, self._tally, tuple(self._failures)))

    def _settle_copy(self, copy: Copy, slot: Slot) -> None:
        tally, listed, before = self._tally, copy.listed, copy.before
        if before is not None and before.gone_since is None:
            tally.known += 1
            tally.changed += copy.why is Why.CHANGED
        if slot.copied is not None:
            tally.copied += 1
            tally.copied_bytes += listed.size
            self._give(_entry(listed, slot.copied))
            return
        if slot.failure is not None:
            tally.failed += 1
            tally.troubles[slot.failure.trouble] += 1
            if len(self._failures) < self._limits.failures or not slot.failure.trouble.is_benign:
                self._failures.append(slot.failure)  # hard ones are few: too many of them end it all
        elif before is not None and before.gone_since is None:
            tally.gone += 1
            before = before._replace(gone_since=self._job.now)
        if before is not None:  # its copy is what can be restored until a newer one is made
            self._give(before)

    def _settle_vanished(self, verdict: Gone | Due | Dropped) -> None:
        tally, entry = self._tally, verdict.entry
        if isinstance(verdict, Dropped):
            tally.dropped += 1
            return
        if entry.gone_since == self._job.now:
            tally.known += 1
            tally.gone += 1
        elif isinstance(verdict, Due):
            tally.due += 1
        else:
            tally.kept_gone += 1
        self._give(entry)

    def _give(self, entry: Entry) -> None:
        self._tally.entries += 1
        self._tally.bytes += entry.size
        self._sink.add(entry)

    def _copy(self, copy: Copy) -> Copied:
        job, listed = self._job, copy.listed
        if self._starts_no_more():
            raise CopyCancelled(listed.key)
        key = job.target.full_key(listed.key)
        if not key or len(key.encode()) > MAX_KEY_BYTES:
            raise AwsInvalid("s3:CopyObject", "KeyTooLongError", f"{len(key.encode())} bytes with the backup's prefix")
        answer = self._target.copy(
            (job.source.bucket, job.source.full_key(listed.key)),
            (job.target.bucket, key),
            size=listed.size,
            etag=listed.etag,
            cancelled=self._must_leave_off,
        )
        return Copied(answer.version, answer.etag)

    def _starts_no_more(self) -> bool:
        """Asked by copies that waited for a worker: the last of a long queue would outlive the time."""
        return self._watch.cancelled() or self._watch.time_left_s() < self._limits.spare_s

    def _must_leave_off(self) -> bool:
        """Asked by a copy in parts, which may take longer than all the time that was spared for it."""
        return self._watch.cancelled() or self._watch.time_left_s() < self._limits.spare_s / 2

    def _stopped(self) -> EndedBy | None:
        most = self._limits.failures
        if self._tally.failed >= most and self._tally.hard >= most:  # asked at every key: counting them costs more
            return EndedBy.FAILURES
        now = self._watch.monotonic()
        if not self._broken_off and now - self._polled < self._watch.poll_s:
            return None
        self._polled = now
        self._is_checkpoint_due = now - self._noted_at >= self._limits.checkpoint_s
        self._tell_progress()
        if self._watch.cancelled():
            return EndedBy.CANCEL
        return EndedBy.TIME if self._broken_off or self._watch.time_left_s() < self._limits.spare_s else None

    def _tell_progress(self) -> None:
        passed = self._watch.monotonic() - self._started
        rate = self._settled_keys / passed if passed > 0 else 0.0
        expected = self._watch.expected_keys
        remaining = max(0, expected - self._settled_keys) / rate if expected is not None and rate else None
        copied = self._tally.copied, self._tally.copied_bytes
        self._watch.progress(Progress(self._settled_keys, expected, *copied, rate, remaining))


def _entry(listed: Listed, copied: Copied) -> Entry:
    own = None if copied.etag == listed.etag else copied.etag
    return Entry(listed.key, listed.size, listed.etag, copied.version, None, own)
