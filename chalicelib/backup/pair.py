"""Which backup of the artifacts goes with which snapshot of the database. Pure.

A run whose artifacts are missing is broken for whoever opens it; artifacts that no run knows of only cost money. So the
artifacts are taken as of a time after the snapshot where there is one, and else of the last time before it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from chalicelib.models.history import Backup
from chalicelib.models.posture import roughly


@dataclass(frozen=True)
class Point:
    id: str
    at: datetime


def as_of(backups: Iterable[Backup], wanted: datetime | None) -> Point | None:
    """The newest good one, or the newest that is not younger than wanted."""
    good = (Point(one.id, one.as_of) for one in backups if one.is_good and (wanted is None or one.as_of <= wanted))
    return max(good, key=lambda one: (one.at, one.id), default=None)


def beside(snapshot: Point, artifacts: Iterable[Point]) -> Point | None:
    known = sorted(artifacts, key=lambda one: (one.at, one.id))
    after = next((one for one in known if one.at >= snapshot.at), None)
    return after or (known[-1] if known else None)


def says(snapshot: Point, artifacts: Point | None) -> str:
    """S19: what the two lose, together and against each other."""
    lost = f"everything written after {snapshot.at:%Y-%m-%d %H:%M} UTC is lost"
    if artifacts is None:
        return f"{lost}; there is no backup of the artifacts, so they stay as they are"
    gap = roughly(abs(int((artifacts.at - snapshot.at).total_seconds())))
    if artifacts.at >= snapshot.at:
        return f"{lost}; the artifacts are {gap} younger, so no run lacks what it logged, and some may have no run"
    return f"{lost}; the artifacts are {gap} older, so runs of that time lack what they logged"
