"""A model of the mirror's buckets: dicts, with faults and deaths to set at will."""

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

from chalicelib.backup.entry import Copied, Place
from chalicelib.backup.mirror import Job, Limits, mirror
from chalicelib.backup.shards import WHOLE
from chalicelib.errors import AwsInvalid, AwsNotFound

NOW = datetime(2026, 11, 20, 2, tzinfo=UTC)
GRACE = timedelta(days=7)
SOURCE, TARGET = Place("source", "p/"), Place("backup", "p/")


class Killed(BaseException):
    pass


@dataclass
class Lane:
    """Buckets as dicts of key to (size, etag), the copies' versions beside them."""

    page: int = 3
    buckets: dict = field(default_factory=lambda: {"source": {}, "backup": {}})
    versions: dict = field(default_factory=dict)
    copies: list = field(default_factory=list)
    lists: int = 0
    dies_after: int | None = None
    faults: dict = field(default_factory=dict)
    numbers: count = field(default_factory=lambda: count(1))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def list_pages(self, bucket, prefix="", start_after=None):
        after = start_after or ""
        while True:
            found = self.buckets[bucket].items()
            keys = sorted((key, *what) for key, what in found if key.startswith(prefix) and key > after)
            self.lists += 1
            yield keys[: self.page]
            if len(keys) <= self.page:
                return
            after = keys[self.page - 1][0]

    def copy(self, source, target, *, size, etag, cancelled):
        with self.lock:
            fault = self.faults.get(source[1])
            if fault is not None:
                raise fault
            found = self.buckets[source[0]].get(source[1])
            if found is None:
                raise AwsNotFound("s3:CopyObject", "NoSuchKey", "")
            if found[1] != etag:
                raise AwsInvalid("s3:CopyObject", "PreconditionFailed", "")
            self.copies.append(source[1])
            version = f"v{next(self.numbers)}"
            own = f"own-{etag}" if "-" in etag else etag
            self.buckets[target[0]][target[1]] = (found[0], own)
            self.versions[version] = (target[1], found[0], etag)
            if self.dies_after is not None and len(self.copies) >= self.dies_after:
                self.dies_after = None
                raise Killed
            return Copied(version, own)


def backed_up(lane, previous=(), *, now=NOW, grace=GRACE, shard=WHOLE, in_flight=0, watch=None, **limits):
    lines = []
    job = Job(SOURCE, TARGET, now, grace, shard)
    sink = type("Sink", (), {"add": staticmethod(lines.append)})
    outcome = mirror(job, lane, lane, previous, sink, watch=watch, limits=Limits(in_flight, **limits))
    return outcome, lines


def filled(*keys, page=3):
    lane = Lane(page)
    lane.buckets["source"] = {f"p/{key}": (len(key) + 1, f"etag{n}") for n, key in enumerate(keys)}
    return lane
