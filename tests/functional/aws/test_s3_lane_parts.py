"""Copies in parts: what is larger than one request takes."""

from itertools import pairwise

import pytest

from chalicelib.aws.s3_lane_parts import PartRules
from chalicelib.backup.mirror import EndedBy, Trouble, Watch
from chalicelib.errors import AwsInvalid, CopyCancelled
from steward.bench.s3_stub import error

LARGE = {"largest_copy": 10, "parts": PartRules(size=4, side_by_side=3)}


def test_what_is_too_large_is_copied_in_parts_with_its_metadata_and_tags(lane_world):
    told = {"content-type": "application/x-model", "x-amz-meta-run": "1", "-stub-tags": "a=1&b=x"}
    lane_world.source.put("big", 11, "e-3", None, told)
    lane_world.source.put("small", 10, "f", b"x" * 10)
    _, lines = lane_world.back_up(lane=lane_world.lane(**LARGE))
    made = lane_world.backup.objects["big"]
    assert (made.size, made.etag[-2:], made.headers) == (11, "-3", told)
    assert (lines[0].version, lines[0].copy_etag) == (made.version, made.etag)
    assert lane_world.stub.counts == {
        "ListObjectsV2": 2, "CopyObject": 1, "HeadObject": 1, "GetObjectTagging": 1,
        "CreateMultipartUpload": 1, "UploadPartCopy": 3, "CompleteMultipartUpload": 1,
    }  # fmt: skip
    assert lane_world.back_up(lines, lane=lane_world.lane(**LARGE))[0].tally.same == 2


@pytest.mark.parametrize(
    ("kind", "fault"),
    [("UploadPartCopy", error(403, "AccessDenied")), ("CompleteMultipartUpload", error(400, "InvalidPart"))],
)
def test_a_copy_in_parts_that_fails_leaves_no_upload_behind(lane_world, kind, fault):
    lane_world.source.put("big", 11, "e-3")
    lane_world.fail(kind, fault)
    outcome, _ = lane_world.back_up(lane=lane_world.lane(**LARGE))
    assert outcome.tally.failed == 1
    assert (lane_world.stub.uploads, lane_world.stub.counts["AbortMultipartUpload"]) == ({}, 1)


def test_a_cancelled_copy_in_parts_is_aborted_between_two_parts(lane_world):
    lane_world.source.put("big", 400, "e-3")
    lane = lane_world.lane(largest_copy=10, parts=PartRules(size=4, side_by_side=2))
    with pytest.raises(CopyCancelled):
        lane.copy(
            ("source", "big"), ("backup", "big"), size=400, etag="e-3",
            cancelled=lambda: lane_world.stub.counts["UploadPartCopy"] >= 5,
        )  # fmt: skip
    assert lane_world.stub.counts["UploadPartCopy"] <= 7
    assert (lane_world.stub.uploads, lane_world.backup.keys) == ({}, [])
    watch = Watch(time_left_s=lambda: 100.0 if lane_world.stub.counts["UploadPartCopy"] < 20 else 10.0)
    outcome, lines = lane_world.back_up(lane=lane, watch=watch)
    assert (outcome.ended_by, outcome.done_through, lines, lane_world.stub.uploads) == (EndedBy.TIME, None, [], {})


def test_parts_of_an_object_that_changed_are_not_put_together(lane_world):
    lane_world.source.put("big", 11, "e-3")

    def fault(asked):
        if asked.kind == "UploadPartCopy" and lane_world.source.objects["big"].etag == "e-3":
            lane_world.source.put("big", 11, "f-3")

    lane_world.stub.fault = fault
    outcome, _ = lane_world.back_up(lane=lane_world.lane(**LARGE))
    assert (outcome.failures[0].trouble, lane_world.backup.keys, lane_world.stub.uploads) == (Trouble.CHANGED, [], {})
    with pytest.raises(AwsInvalid, match="PreconditionFailed"):
        lane_world.lane(**LARGE).copy(("source", "big"), ("backup", "big"), size=11, etag="e-3")


def test_a_completed_upload_whose_answer_was_lost_is_found_by_its_size_and_parts(lane_world):
    lane_world.source.put("big", 11, "e-3")
    lost = []

    def fault(asked):
        if asked.kind == "CompleteMultipartUpload" and not lost:
            lost.append(lane_world.stub.uploads.pop(asked.query["uploadId"]))
            lane_world.backup.put("big", 11, "joined-3")
            return "reset"
        return None

    lane_world.stub.fault = fault
    made = lane_world.lane(**LARGE).copy(("source", "big"), ("backup", "big"), size=11, etag="e-3")
    assert (made.etag, made.version) == ("joined-3", lane_world.backup.objects["big"].version)


def test_parts_are_never_more_than_s3_takes():
    fifty_tb = 50 * 1024**4
    ranges = PartRules().ranges(fifty_tb)
    assert len(ranges) <= 10_000
    assert (ranges[0][0], ranges[-1][1]) == (0, fifty_tb - 1)
    assert all(before[1] + 1 == after[0] for before, after in pairwise(ranges))
    assert PartRules(4).ranges(9) == [(0, 3), (4, 7), (8, 8)]
