"""Copies in parts that outlast a slice: noted, gone on with, each part copied once; aborted only when nobody will."""

from datetime import UTC, datetime

import pytest

from chalicelib.aws.s3_lane import S3Lane
from chalicelib.aws.s3_lane_address import Endpoint
from chalicelib.aws.s3_lane_keys import KeyRing
from chalicelib.aws.s3_lane_parts import PartRules
from chalicelib.aws.s3_lane_wire import Patience, Wire
from chalicelib.errors import AwsInvalid, CopyCancelled
from chalicelib.steps.upload_book import EvidenceBook
from chalicelib.store.blobs import MemoryBlobs
from steward.bench.s3_stub import S3Stub, error
from steward.bench.s3_stub_server import running
from steward.bench.s3_stub_store import Bucket

WHEN = datetime(2026, 11, 20, 10, tzinfo=UTC)
BIG = ("source", "big"), ("backup", "big")


class World:
    def __init__(self, url, stub):
        self.stub, self.blobs = stub, MemoryBlobs()
        self.source, self.backup = Bucket("source"), Bucket("backup")
        stub.buckets |= {"source": self.source, "backup": self.backup}
        patience = Patience(attempts=3, sleep=lambda _: None)
        wire = Wire(Endpoint(url), "eu-west-2", KeyRing(Anybody), patience=patience)
        self.lane = S3Lane(wire, largest_copy=10, parts=PartRules(size=4, side_by_side=2))

    def book(self, now=WHEN):
        return EvidenceBook(self.blobs, "uploads.json", now, lambda: 0.0)

    def copy(self, *, most_parts=10_000, etag="e-3", size=400, now=WHEN, **how):
        """One slice, in a process of its own: it stops once so many parts are asked for."""
        until = self.stub.counts["UploadPartCopy"] + most_parts
        return self.lane.copy(
            *BIG,
            size=size,
            etag=etag,
            book=self.book(now),
            cancelled=lambda: self.stub.counts["UploadPartCopy"] >= until,
            **how,
        )


class Anybody:
    access_key, secret_key, token = "a", "b", None

    def get_frozen_credentials(self):
        return self


@pytest.fixture
def world():
    stub = S3Stub()
    with running(stub) as url:
        yield World(url, stub)


def test_a_copy_that_outlasts_its_slices_copies_each_part_once(world):
    world.source.put("big", 400, "e-3", None, {"content-type": "x/y"})
    for _ in range(3):
        with pytest.raises(CopyCancelled):
            world.copy(most_parts=30)
    made = world.copy()
    assert (world.backup.objects["big"].etag, world.backup.objects["big"].size) == (made.etag, 400)
    assert world.stub.counts == {
        "HeadObject": 1, "CreateMultipartUpload": 1, "UploadPartCopy": 100, "CompleteMultipartUpload": 1,
    }  # fmt: skip
    assert world.book().find("backup", "big") is None


def test_a_source_that_changed_between_two_slices_has_its_parts_aborted_and_begins_anew(world):
    world.source.put("big", 400, "e-3")
    with pytest.raises(CopyCancelled):
        world.copy(most_parts=30)
    world.source.put("big", 400, "f-3")
    with pytest.raises(AwsInvalid, match="PreconditionFailed"):
        world.copy()
    assert world.stub.uploads == {}
    world.copy(etag="f-3")
    assert world.stub.counts["AbortMultipartUpload"] == 1
    assert world.backup.objects["big"].size == 400


def test_an_upload_that_somebody_aborted_is_begun_anew_and_no_older_copy_is_taken_for_it(world):
    world.source.put("big", 400, "e-3")
    world.backup.put("big", 400, "older-100")
    tomorrow = datetime(2026, 11, 21, tzinfo=UTC)
    with pytest.raises(CopyCancelled):
        world.copy(most_parts=30, now=tomorrow)
    world.stub.uploads.clear()
    made = world.copy(now=tomorrow)
    assert made.etag != "older-100"
    for number in range(1, 101):  # all parts are there, and the lifecycle came before the last request
        upload = world.book().find("backup", "big")
        assert upload is None, number


def test_parts_complete_and_the_upload_gone_is_no_proof_where_an_older_copy_stands(world):
    world.source.put("big", 400, "e-3")
    world.backup.put("big", 400, "older-100")
    world.stub.fault = lambda asked: error(503, "SlowDown") if asked.kind == "CompleteMultipartUpload" else None
    done = []
    with pytest.raises(CopyCancelled):
        world.lane.copy(
            *BIG, size=400, etag="e-3", book=world.book(datetime(2026, 11, 21, tzinfo=UTC)),
            cancelled=lambda: len(done) > 0 or (world.stub.counts["CompleteMultipartUpload"] > 0),
        )  # fmt: skip
    world.stub.fault = lambda _: None
    world.stub.uploads.clear()
    made = world.copy()
    assert made.etag != "older-100"
    assert world.stub.counts["CreateMultipartUpload"] == 2


def test_once_cancelled_for_good_what_the_book_knows_is_aborted(world):
    world.source.put("big", 400, "e-3")
    with pytest.raises(CopyCancelled):
        world.copy(most_parts=30)
    world.book().abort_all(world.lane)
    assert (world.stub.uploads, world.book().find("backup", "big")) == ({}, None)
