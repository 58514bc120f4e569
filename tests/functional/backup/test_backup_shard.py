"""One stretch of a backup in slices, over real HTTP: what outlasts a slice, who cancels, what a death forgets."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from chalicelib.aws.s3_lane import S3Lane
from chalicelib.aws.s3_lane_address import Endpoint
from chalicelib.aws.s3_lane_keys import KeyRing
from chalicelib.aws.s3_lane_parts import PartRules
from chalicelib.aws.s3_lane_wire import Patience, Wire
from chalicelib.backup.entry import Place
from chalicelib.backup.job import Trouble
from chalicelib.backup.manifests import Manifests, set_of
from chalicelib.errors import StepFailed
from chalicelib.steps.backup_journal import Journal, Task
from chalicelib.steps.backup_shard import Bench, work_on
from chalicelib.steps.upload_book import EvidenceBook
from chalicelib.store.blobs import MemoryBlobs
from steward.bench.s3_stub import S3Stub, error
from steward.bench.s3_stub_server import running
from steward.bench.s3_stub_store import Bucket

WHEN = datetime(2026, 11, 20, 2, tzinfo=UTC)
SET = set_of(Place("source"), Place("backup"))
SECONDS = {"UploadPartCopy": 5.0, "CopyObject": 1.0}


class Anybody:
    access_key, secret_key, token = "a", "b", None

    def get_frozen_credentials(self):
        return self


class Shelf(dict):
    def put(self, bucket, key, body):
        self[key] = body

    def put_once(self, bucket, key, body):
        return self.setdefault(key, body) is body

    def get(self, bucket, key, version, max_bytes):
        return self.get_(key)

    def get_(self, key):
        return dict.get(self, key)

    def names(self, bucket, prefix, delimiter=""):
        return iter(sorted(key for key in self if key.startswith(prefix)))


@dataclass
class Site:
    stub: S3Stub
    lane: S3Lane
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    shelf: Shelf = field(default_factory=Shelf)
    now: float = 0.0
    """Goes on with every request that takes S3 a while."""

    @property
    def manifests(self):
        return Manifests(self.shelf, "backup", SET, seal=None)

    def task(self, run="run-1", **over):
        return Task(
            stack="s", run_id=run, step="backup", backup=f"20261120T020000Z-{SET}-{run[-1] * 6}", set=SET, as_of=WHEN,
            source_bucket="source", source_region="r", target_bucket="backup", target_region="r", prefix="",
            before=None, grace_s=None, mac_key=None, checkpoint_every=1000, **over,
        )  # fmt: skip

    def bench(self, task, **over):
        book = EvidenceBook(self.blobs, task.uploads, WHEN, lambda: self.now)
        usual = {"in_flight": 0, "spare_s": 45.0, "monotonic": lambda: self.now, "until": self.now + 200.0}
        return Bench(
            source=self.lane, target=self.lane, manifests=self.manifests, journal=Journal(self.blobs), book=book,
            **{**usual, **over},
        )  # fmt: skip

    def slice(self, task, **over):
        return work_on(task, self.bench(task, **over))


@pytest.fixture
def site():
    stub = S3Stub()
    stub.buckets |= {"source": Bucket("source"), "backup": Bucket("backup")}
    with running(stub) as url:
        wire = Wire(Endpoint(url), "r", KeyRing(Anybody), patience=Patience(attempts=2, sleep=lambda _: None))
        made = Site(stub, S3Lane(wire, largest_copy=10, parts=PartRules(size=4, side_by_side=1)))

        def passes(asked):
            made.now += SECONDS.get(asked.kind, 0.0)

        stub.fault = passes
        yield made


def test_an_object_that_outlasts_a_slice_is_gone_on_with_and_each_part_copied_once(site):
    site.stub.buckets["source"].put("big", 400, "e-3", None, {"content-type": "x/y"})
    task, slices = site.task(), 0
    while not (so_far := site.slice(task)).copied_all:
        slices += 1
        assert slices < 10
    assert slices == 2
    counts = site.stub.counts
    assert (counts["UploadPartCopy"], counts["CreateMultipartUpload"], counts["CompleteMultipartUpload"]) == (100, 1, 1)
    assert counts["AbortMultipartUpload"] == 0
    assert so_far.copied == 1
    assert site.stub.buckets["backup"].objects["big"].headers == {"content-type": "x/y"}


@pytest.mark.parametrize("in_flight", [0, 4])
def test_what_was_copied_beside_a_long_one_is_not_copied_again_by_the_next_slice(site, in_flight):
    site.stub.buckets["source"].put("big", 400, "e-3")
    for number in range(12):
        site.stub.buckets["source"].put(f"small-{number:02}", 1, f"e{number}", b"x")
    task = site.task()
    for _ in range(10):
        if site.slice(task, in_flight=in_flight).is_over:
            break
    assert site.stub.counts["CopyObject"] == 12
    assert site.stub.counts["UploadPartCopy"] == 100
    entries = list(site.manifests.entries_of(task.backup, Journal(site.blobs).read(task).parts))
    copies = site.stub.buckets["backup"].objects
    assert {entry.key: entry.version for entry in entries} == {key: copies[key].version for key in copies}


def test_a_cancelled_run_leaves_no_upload_behind(site):
    site.stub.buckets["source"].put("big", 400, "e-3")
    task = site.task()
    assert not site.slice(task).copied_all
    assert len(site.stub.uploads) == 1
    asked = site.stub.counts["UploadPartCopy"]
    site.slice(task, cancelled=lambda: site.stub.counts["UploadPartCopy"] > asked + 3)
    assert site.stub.uploads == {}
    assert site.stub.counts["UploadPartCopy"] <= asked + 5, "asked between any two parts"


def test_what_could_not_be_copied_before_a_worker_died_is_not_forgotten(site):
    for number in range(6):
        site.stub.buckets["source"].put(f"k{number}", 1, f"e{number}", b"x")

    class Killed(BaseException):
        pass

    def fault(asked):
        if asked.kind == "CopyObject" and asked.key == "k1":
            return error(403, "AccessDenied")
        return None

    site.stub.fault = fault
    task = site.task().model_copy(update={"checkpoint_every": 1})
    bench = site.bench(task)
    write = bench.journal.write

    def dies(task, progressed):
        write(task, progressed)
        if progressed.through == "k3":
            raise Killed

    bench.journal.write = dies
    with pytest.raises(Killed):
        work_on(task, bench)
    so_far = site.slice(task)
    assert so_far.is_over
    assert (so_far.copied, so_far.keys, so_far.hard, so_far.troubles) == (5, 5, 1, {Trouble.DENIED: 1})
    assert [one.key for one in so_far.missed] == ["k1"]


def test_too_many_that_cannot_be_copied_end_it_and_leave_no_upload_behind(site):
    for number in range(110):
        site.stub.buckets["source"].put(f"k{number:03}", 1, f"e{number}", b"x")
    site.stub.fault = lambda asked: error(403, "AccessDenied") if asked.kind == "CopyObject" else None
    with pytest.raises(StepFailed, match="more than 100 objects could not be copied"):
        site.slice(site.task())
    assert site.stub.uploads == {}
