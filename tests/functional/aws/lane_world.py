"""Two buckets behind a stub over real HTTP, and the lane that is tried on them."""

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

from botocore.credentials import Credentials

from chalicelib.aws.s3_lane import S3Lane
from chalicelib.aws.s3_lane_address import Endpoint
from chalicelib.aws.s3_lane_keys import KeyRing
from chalicelib.aws.s3_lane_wire import Patience, Wire
from chalicelib.backup.entry import Place
from chalicelib.backup.mirror import Job, Limits, mirror
from steward.bench.s3_stub_store import Bucket


class World:
    def __init__(self, url, stub):
        self.url, self.stub = url, stub
        self.source = stub.buckets["source"] = Bucket("source")
        self.backup = stub.buckets["backup"] = Bucket("backup")
        self.pauses = []

    def wire(self, keys=None, **how):
        patience = Patience(attempts=4, sleep=self.pauses.append, jitter=lambda: 1.0)
        return Wire(
            Endpoint(self.url),
            "eu-west-2",
            keys or KeyRing(lambda: Credentials("a", "b")),
            **{"patience": patience, **how},
        )

    def lane(self, **how):
        return S3Lane(self.wire(), **how)

    def fail(self, kind, answer, times=1, key=None):
        """The next so many requests of a kind get this answer."""
        left, lock = Counter({kind: times}), threading.Lock()

        def fault(asked):
            with lock:
                if asked.kind == kind and left[kind] and (key is None or asked.key == key):
                    left[kind] -= 1
                    return answer
            return None

        self.stub.fault = fault

    def back_up(self, previous=(), **how):
        lines = []
        sink = type("Sink", (), {"add": staticmethod(lines.append)})
        job = Job(Place("source"), Place("backup"), datetime(2026, 11, 20, tzinfo=UTC), timedelta(days=7))
        lane = how.pop("lane", None) or self.lane()
        return mirror(job, lane, lane, previous, sink, **{"limits": Limits(4), **how}), lines


def listed(lane, *how):
    return [row for page in lane.list_pages(*how) for row in page]
