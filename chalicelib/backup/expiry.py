"""Delete markers for copies whose source vanished longer ago than the grace period (S17).

A pass of its own over the manifest of a finished backup, so that nothing expires before the whole backup was judged: a
suspect one stops it (S18). The entries stay in that manifest, since their versions can be restored until the bucket's
lifecycle takes them; the next backup finds the copies no longer listed and drops the entries. A marker that is set
twice is set once more, which changes nothing.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.backup.entry import Entry, Place
from chalicelib.backup.ports import MarkerLane


@dataclass(frozen=True, slots=True)
class Expired:
    markers: int
    done_through: str | None
    """None: nothing was looked at."""
    finished: bool


def is_due(entry: Entry, now: datetime, grace: timedelta) -> bool:
    return entry.gone_since is not None and now - entry.gone_since >= grace


def expire(
    entries: Iterable[Entry],
    target: Place,
    lane: MarkerLane,
    *,
    now: datetime,
    grace: timedelta,
    at_most: int,
    may_go_on: Callable[[], bool] = lambda: True,
) -> Expired:
    """`now` is the backup's own time and `at_most` what it counted as due: no rule is evaluated anew later (S14).

    Goes on from anywhere: give it the entries after `done_through`.
    """
    markers, done_through = 0, None
    for entry in entries:
        if is_due(entry, now, grace):
            if markers >= at_most or not may_go_on():
                return Expired(markers, done_through, finished=False)
            lane.put_delete_marker(target.bucket, target.full_key(entry.key))
            markers += 1
        done_through = entry.key
    return Expired(markers, done_through, finished=True)
