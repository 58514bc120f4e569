"""What a backup is asked for, how it is watched, and what it answers with."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.backup.entry import Entry, Place
from chalicelib.backup.ports import Cancelled
from chalicelib.backup.shards import WHOLE, Shard


@dataclass(frozen=True, slots=True)
class Job:
    source: Place
    target: Place
    now: datetime
    """As of when; goes into `gone_since`."""
    grace: timedelta | None
    """How long what vanished at the source is kept; None: for ever (a suspect backup, S18)."""
    shard: Shard = WHOLE


class EndedBy(StrEnum):
    DONE = "done"
    TIME = "time"
    """`time_left_s` ran short."""
    CANCEL = "cancel"
    FAILURES = "failures"
    """More objects could not be copied than `Limits.failures` allows; those that only changed do not count."""


class Trouble(StrEnum):
    CHANGED = "changed"
    """It changed while it was copied; its next state is the next run's."""
    DENIED = "denied"
    UNCOPYABLE = "uncopyable"
    """The server refused for good: archived, key too long, …"""
    UNAVAILABLE = "unavailable"
    """Retried until patience ended."""
    BROKEN = "broken"
    """A worker failed in a way nobody foresaw."""

    @property
    def is_benign(self) -> bool:
        """A busy source alone: it makes no backup bad, however many objects it writes meanwhile."""
        return self is Trouble.CHANGED


@dataclass(frozen=True, slots=True)
class Failure:
    """An object without a new copy. Its last entry, if there was one, stays in the manifest."""

    key: str
    trouble: Trouble
    why: str


@dataclass(slots=True)
class Tally:
    """What happened to how many objects of this job (a resumed job counts from nought: add them up)."""

    same: int = 0
    copied: int = 0
    copied_bytes: int = 0
    changed: int = 0
    """Of the copied and failed: those that the last manifest knew in another state (for S18)."""
    gone: int = 0
    """Missed at the source for the first time (for S18)."""
    kept_gone: int = 0
    """Missed earlier, grace not over."""
    due: int = 0
    """Grace over, still in the backup: `expiry` may set delete markers."""
    dropped: int = 0
    """Grace over and no longer in the backup: left the manifest."""
    foreign: int = 0
    failed: int = 0
    troubles: Counter[Trouble] = field(default_factory=Counter)
    """The failed by kind, every one of them."""
    known: int = 0
    """Objects the last manifest had at the source, in what was looked at (for S18)."""
    entries: int = 0
    """Given to the sink."""
    bytes: int = 0
    """Their sizes together."""

    @property
    def hard(self) -> int:
        """Of the failed: what no later backup mends by itself."""
        return sum(count for trouble, count in self.troubles.items() if not trouble.is_benign)

    @property
    def lost_share(self) -> float:
        """How much of what was known changed or vanished."""
        return (self.changed + self.gone) / self.known if self.known else 0.0


@dataclass(frozen=True, slots=True)
class Progress:
    done: int
    """Keys settled in this job."""
    expected: int | None
    copied: int
    copied_bytes: int
    rate: float
    """Keys a second since the job started."""
    remaining_s: float | None

    @property
    def percent(self) -> float | None:
        return None if not self.expected else min(100.0, 100.0 * self.done / self.expected)


@dataclass(frozen=True, slots=True)
class Limits:
    in_flight: int = 32
    """Copies at once; 0: no threads at all, one copy after the other."""
    window: int = 4096
    """Verdicts waiting for a copy before them, so that memory does not grow behind a slow one."""
    failures: int = 100
    spare_s: float = 60.0
    """Start no more copies when less time is left than this, those that wait for a worker among them; copies in parts
    are left off at half of it."""
    checkpoint_keys: int = 20_000
    checkpoint_s: float = 20.0
    """Whichever comes first: where copies are slow, few keys are much work."""


@dataclass(frozen=True, slots=True)
class Reached:
    """Everything up to and including `key` is in the sink, and this is what it came to."""

    key: str
    tally: Tally
    failures: tuple[Failure, ...]


@dataclass(slots=True)
class Watch:
    """How a job sees the world outside it; the defaults see nothing."""

    time_left_s: Callable[[], float] = lambda: float("inf")
    cancelled: Cancelled = lambda: False
    monotonic: Callable[[], float] = time.monotonic
    poll_s: float = 1.0
    """How often the two above are asked and progress is told; 0: at every key."""
    progress: Callable[[Progress], None] = lambda _: None
    checkpoint: Callable[["Reached"], None] = lambda _: None
    """Told every `checkpoint_keys` or `checkpoint_s`."""
    expected_keys: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    ended_by: EndedBy
    done_through: str | None
    """None: nothing is done yet."""
    rest: Shard | None
    """What to go on with; None when done."""
    tally: Tally
    failures: tuple[Failure, ...] = field(default=())
    """The first of them; `tally.failed` counts all."""
    ahead: tuple[Entry, ...] = field(default=())
    """Copied beyond `done_through`, behind one that was left off: the job that goes on has to know them."""
