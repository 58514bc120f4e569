"""What a backup came to: its lines against a new listing of the copies, and against the manifest before.

Pure, and in slices: it stops when told, says after which key, and goes on there. The random sample is of those copies
whose keyed hashes are smallest, so that slices and shards choose the same ones as a single pass would. Large ones have
their turn instead: hashes that do not change from backup to backup, from where the one before got to.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from heapq import nsmallest

from pydantic import Field

from chalicelib.backup.entry import Entry, Listed
from chalicelib.backup.manifest import Totals
from chalicelib.backup.spans import READ_SIZES, ReadSizes
from chalicelib.backup.turn import Turn
from chalicelib.models.shape import Shape

SAMPLE, LARGE_SAMPLE = 12, 32
SUSPECT_SHARE = 0.2
_WRONG_TOLD = 20
_LOOK_EVERY = 500


class Sampled(Shape):
    rank: str
    key: str
    size: int
    etag: str
    version: str | None
    copy_etag: str | None


class Judged(Shape):
    """So far; `through` None: nothing yet."""

    through: str | None = None
    over: bool = False
    objects: int = 0
    bytes: int = 0
    gone: int = 0
    known: int = 0
    changed: int = 0
    vanished: int = 0
    checked: int = 0
    wrong: tuple[str, ...] = ()
    wrong_count: int = 0
    sample: tuple[Sampled, ...] = Field(default=())
    large: int = 0
    large_bytes: int = 0
    large_sample: tuple[Sampled, ...] = Field(default=(), max_length=LARGE_SAMPLE)
    """Of these, whose turn it is, in that order."""

    def totals(self, failed: int) -> Totals:
        counts = self.model_dump(include={"objects", "bytes", "gone", "known", "changed", "vanished"})
        return Totals(**counts, failed=failed)


@dataclass(slots=True)
class _Count:
    objects: int = 0
    bytes: int = 0
    gone: int = 0
    known: int = 0
    changed: int = 0
    vanished: int = 0
    checked: int = 0
    large: int = 0
    large_bytes: int = 0


@dataclass(slots=True)
class _Samples:
    small: tuple[Sampled, ...]
    large: tuple[Sampled, ...]

    @classmethod
    def of(cls, *judged: Judged) -> "_Samples":
        small = (one for each in judged for one in each.sample)
        large = (one for each in judged for one in each.large_sample)
        return cls(_lowest(SAMPLE, small), _lowest(LARGE_SAMPLE, large))

    def take(self, entry: Entry, seed: str, turn: Turn, *, is_large: bool) -> None:
        if is_large:
            self.large = _sampled(self.large, entry, _in_turn(entry, turn), LARGE_SAMPLE)
        else:
            self.small = _sampled(self.small, entry, _hashed(seed, entry.key), SAMPLE)


def judge(
    lines: Iterable[Entry],
    copies: Iterable[Listed],
    before: Iterable[Entry],
    *,
    seed: str,
    so_far: Judged,
    time_is_up: Callable[[], bool],
    turn: Turn | None = None,
    sizes: ReadSizes = READ_SIZES,
) -> Judged:
    """All three in order of keys and after `so_far.through`."""
    count, samples, turn = _Count(), _Samples.of(so_far), turn or Turn()
    wrong: list[str] = []
    through, seen, wrong_count = so_far.through, 0, 0
    new, copy, old = iter(lines), iter(copies), iter(before)
    e, c, p = next(new, None), next(copy, None), next(old, None)
    while e is not None or p is not None:
        key = min(each.key for each in (e, p) if each is not None)
        while c is not None and c.key < key:  # in no manifest: told by the mirror, left alone
            c = next(copy, None)
        entry = e if e is not None and e.key == key else None
        known = p if p is not None and p.key == key else None
        listed = c if c is not None and c.key == key else None
        is_large = entry is not None and entry.size > sizes.whole_up_to
        _count(count, entry, known, is_large=is_large)
        fault = _fault(entry, listed)
        if entry is not None and entry.gone_since is None:
            samples.take(entry, seed, turn, is_large=is_large)
        if fault:
            wrong_count += 1
            wrong += [fault][: _WRONG_TOLD - len(wrong)]
        e = next(new, None) if entry is not None else e
        p = next(old, None) if known is not None else p
        through, seen = key, seen + 1
        if seen % _LOOK_EVERY == 0 and time_is_up():
            return _more(so_far, count, wrong, wrong_count, samples, through)
    done = _more(so_far, count, wrong, wrong_count, samples, through)
    return done.model_copy(update={"over": True})


def _count(count: _Count, entry: Entry | None, known: Entry | None, *, is_large: bool) -> None:
    alive = entry is not None and entry.gone_since is None
    if entry is not None:
        if alive:
            count.objects += 1
            count.bytes += entry.size
            count.checked += 1
            count.large += is_large
            count.large_bytes += entry.size if is_large else 0
        else:
            count.gone += 1
    if known is not None and known.gone_since is None:
        count.known += 1
        if not alive:
            count.vanished += 1
        elif entry is not None and (entry.size, entry.etag) != (known.size, known.etag):
            count.changed += 1


def _fault(entry: Entry | None, listed: Listed | None) -> str | None:
    """A copy of what has vanished may have got its delete marker meanwhile."""
    if entry is None or (listed is None and entry.gone_since is not None):
        return None
    if listed is None:
        return f"{entry.key}: no copy"
    if listed.size != entry.size:
        return f"{entry.key}: the copy has {listed.size} bytes, the source had {entry.size}"
    if listed.etag != entry.expected_etag:
        return f"{entry.key}: the copy is another one than was made"
    return None


def _lowest(most: int, sampled: Iterable[Sampled]) -> tuple[Sampled, ...]:
    return tuple(nsmallest(most, sampled, key=lambda each: each.rank))


def _hashed(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode()).hexdigest()


_FIRST, _NEXT, _AROUND = "0", "1", "2"


def _in_turn(entry: Entry, turn: Turn) -> str:
    """First the one that was begun, then those after the last, then from the start again: sooner or later each."""
    if turn.reading is not None and turn.reading.is_of(entry.key, entry.etag, entry.version):
        return _FIRST + turn.reading.rank
    rank = _hashed(entry.key, entry.etag)
    return (_NEXT if rank > turn.through else _AROUND) + rank


def place_in_turn(rank: str) -> str:
    """Of a large one in the sample: the hash alone."""
    return rank[1:]


def _sampled(sample: tuple[Sampled, ...], entry: Entry, rank: str, most: int) -> tuple[Sampled, ...]:
    if len(sample) >= most and rank >= sample[-1].rank:
        return sample
    one = Sampled(
        rank=rank,
        key=entry.key,
        size=entry.size,
        etag=entry.etag,
        version=entry.version,
        copy_etag=entry.copy_etag,
    )
    return _lowest(most, (*sample, one))


def _more(
    so_far: Judged, count: _Count, wrong: list[str], wrong_count: int, samples: _Samples, through: str | None
) -> Judged:
    return so_far.model_copy(
        update={
            "through": through,
            "objects": so_far.objects + count.objects,
            "bytes": so_far.bytes + count.bytes,
            "gone": so_far.gone + count.gone,
            "known": so_far.known + count.known,
            "changed": so_far.changed + count.changed,
            "vanished": so_far.vanished + count.vanished,
            "checked": so_far.checked + count.checked,
            "wrong": (*so_far.wrong, *wrong)[:_WRONG_TOLD],
            "wrong_count": so_far.wrong_count + wrong_count,
            "sample": samples.small,
            "large": so_far.large + count.large,
            "large_bytes": so_far.large_bytes + count.large_bytes,
            "large_sample": samples.large,
        }
    )


def together(shards: Iterable[Judged]) -> Judged:
    """What the shards of one backup came to, as one."""
    whole = Judged(over=True)
    for one in shards:
        numbers = _Count(**one.model_dump(include={field.name for field in fields(_Count)}))
        whole = _more(whole, numbers, list(one.wrong), one.wrong_count, _Samples.of(whole, one), one.through)
    return whole


def doubt(totals: Totals) -> str | None:
    """Why a backup is suspect (S18): what encrypts or deletes everything shows as change."""
    moved = totals.changed + totals.vanished
    if moved <= SUSPECT_SHARE * totals.known:
        return None
    share = moved / totals.known
    return f"{share:.0%} of {totals.known:,} known objects: {totals.changed:,} changed, {totals.vanished:,} vanished"
