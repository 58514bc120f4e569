"""RDS around the world's database: its snapshots, in two regions, and the instances restored from them.

Everything takes its time; how long, and what goes wrong on the way, stands in `Trouble`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from steward.sandbox import database_words as words
from steward.sandbox import place
from steward.sandbox.database import SCHEMA, Database
from steward.sandbox.database_words import Refusal
from steward.sandbox.events import EventLog
from steward.sandbox.rds_resizing import Resizing
from steward.sandbox.restored import Restored
from steward.sandbox.snapshots import COPY_TAKES_S, DEFAULT_KEY, KEY, TAKES_S, Contents, WorldSnapshot

QUOTA = 100
"""Manual snapshots an account may have in a region."""
_GROWS = {"experiments": 0.1, "runs": 30.0, "params": 240.0, "metrics": 4000.0, "tags": 120.0, "model_versions": 0.4}
"""Rows an hour."""
_ROWS = {"experiments": 42, "runs": 18240, "params": 145920, "metrics": 2918400, "tags": 72960, "model_versions": 311}
_RUN_EVERY_S = 120


@dataclass
class Trouble:
    """What goes wrong with the next snapshots and restores."""

    fails: bool = False
    stalls: bool = False
    quota_full: bool = False
    default_key: bool = False
    lost_rows: float = 0.0
    """The share of rows that somebody deleted."""
    restore_fails: bool = False
    denied: set[str] = field(default_factory=set)
    """Operations that Steward has no right to."""


class RdsWorld:
    def __init__(self, database: Database, events: EventLog, start: datetime) -> None:
        self.database, self._events, self._start, self._now = database, events, start, start
        self.trouble = Trouble()
        self.customer_key: str | None = None
        """A key that the database is under and that IAM is asked for. Without it, the database's key is let pass."""
        self.resizing = Resizing(database)
        self.snapshots: dict[tuple[str, str], WorldSnapshot] = {}
        self.restored: dict[str, Restored] = {}
        database.elsewhere = self._refusal_at
        self._automated(start)
        self.foreign_at_first = len(self.snapshots)

    # What is in the database

    def contents(self, now: datetime) -> Contents:
        hours = (now - self._start).total_seconds() / 3600
        kept = 1.0 - self.trouble.lost_rows
        rows = {name: int((count + hours * _GROWS[name]) * kept) for name, count in _ROWS.items()}
        number = int((now - self._start).total_seconds()) // _RUN_EVERY_S
        at = self._start + timedelta(seconds=number * _RUN_EVERY_S)
        return Contents(self.database.schema, self.database.password, rows, f"run{number:08d}", at)

    # Snapshots

    def take(self, name: str, tags: list[dict[str, str]], now: datetime) -> WorldSnapshot:
        key = DEFAULT_KEY if self.trouble.default_key else self.customer_key or KEY
        contents = self.contents(now)
        gib = self.database.allocated_gib
        made = WorldSnapshot(name, place.REGION, place.DATABASE, "manual", now, contents, gib, key, tags)
        if self.trouble.fails or self.trouble.stalls:
            made.ends_at_percent, made.stalls = 40, self.trouble.stalls
        self._keep(made)
        if self.database.status == "available":
            self.database.status = "backing-up"
        self.tell(now, made, "RDS-EVENT-0040", "creation", "Creating manual snapshot")
        return made

    def copy(self, of: WorldSnapshot, name: str, region: str, key: str | None, tags: list[dict[str, str]]) -> None:
        now = max(of.began_at, self._now)
        made = WorldSnapshot(name, region, of.source, "manual", now, of.contents, of.allocated_gib, key, tags)
        made.takes_s = COPY_TAKES_S if region != of.region else TAKES_S
        made.taken_at, made.copied_from = of.taken_at, of.arn
        if self.trouble.stalls:
            made.ends_at_percent, made.stalls = 40, True
        self._keep(made)

    def forget(self, found: WorldSnapshot, now: datetime) -> None:
        del self.snapshots[found.region, found.id]
        self.tell(now, found, "RDS-EVENT-0041", "deletion", "Deleted user snapshot")

    def of_region(self, region: str) -> Iterator[WorldSnapshot]:
        return (one for one in self.snapshots.values() if one.region == region)

    def used(self, region: str) -> int:
        manual = sum(one.kind == "manual" for one in self.of_region(region))
        return QUOTA if self.trouble.quota_full and region == place.REGION else manual

    def _keep(self, made: WorldSnapshot) -> None:
        self.snapshots[made.region, made.id] = made

    def _automated(self, start: datetime) -> None:
        """A week of RDS's own, and two of AWS Backup's: there before Steward, and not Steward's."""
        early = Contents(SCHEMA, place.DATABASE_PASSWORD, dict(_ROWS), "run00000000", start)
        for days in range(1, 8):
            at = start.replace(hour=2, minute=10) - timedelta(days=days - 1)
            self._finished(f"rds:{place.DATABASE}-{at:%Y-%m-%d-%H-%M}", "automated", at, early)
        for days in (2, 9):
            at = start.replace(hour=5, minute=0) - timedelta(days=days)
            self._finished(f"awsbackup:job-00000000-0000-4000-8000-{days:012d}", "awsbackup", at, early)

    def _finished(self, name: str, kind: str, at: datetime, contents: Contents) -> None:
        made = WorldSnapshot(name, place.REGION, place.DATABASE, kind, at, contents, 20, KEY, [])
        made.status, made.percent, made.taken_at = "available", 100, at
        self._keep(made)

    # Time

    def tick(self, now: datetime) -> None:
        self._now = now
        self.resizing.tick(now)
        for one in self.snapshots.values():
            if one.tick(now):
                self._ended(one, now)
        for name, instance in list(self.restored.items()):
            if instance.tick(now):
                del self.restored[name]

    def _ended(self, one: WorldSnapshot, now: datetime) -> None:
        if one.status == "failed":
            self.tell(now, one, "RDS-EVENT-0331", "failure", f"Manual snapshot {one.id} failed")
        else:
            self.tell(now, one, "RDS-EVENT-0042", "creation", "Manual snapshot created")
        if self.database.status == "backing-up":
            self.database.status = "available"

    def tell(self, now: datetime, one: WorldSnapshot, event_id: str, category: str, message: str) -> None:
        if one.region != place.REGION:
            return  # the other region's bus is not the one that is listened to
        detail = {
            "EventCategories": [category],
            "SourceType": "SNAPSHOT",
            "SourceArn": one.arn,
            "Date": now,
            "Message": message,
            "SourceIdentifier": one.id,
            "EventID": event_id,
        }
        self._events.emit("aws.rds", "RDS DB Snapshot Event", now, one.arn, detail)

    # Instances

    def _refusal_at(self, host: str, password: str) -> Refusal | None:
        found = self.host_of(host)
        return found.refusal(password) if found else words.GONE

    def host_of(self, host: str) -> "Restored | None":
        return next((one for one in self.restored.values() if one.host == host), None)
