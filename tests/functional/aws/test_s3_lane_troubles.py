"""The S3 lane on a server that misbehaves: what is tried again, what is told, and what is never taken for an answer."""

import pytest
from botocore.credentials import Credentials

from chalicelib.aws.s3_lane import S3Lane
from chalicelib.aws.s3_lane_address import Endpoint
from chalicelib.aws.s3_lane_keys import KeyRing
from chalicelib.aws.s3_lane_wire import Patience, Wire
from chalicelib.backup.mirror import Limits, Trouble
from chalicelib.errors import AwsDenied, AwsUnavailable
from steward.bench.s3_stub import error
from tests.functional.aws.lane_world import listed


@pytest.mark.parametrize("kind", ["CopyObject", "ListObjectsV2"])
@pytest.mark.parametrize(
    "fault",
    [
        error(503, "SlowDown"), error(500, "InternalError"), (502, {}, b"<html>bad gateway</html>"), (503, {}, b""),
        error(400, "RequestTimeout"), "reset", "short", (200, {}, b""), (200, {}, b"no xml"),
    ],
)  # fmt: skip
def test_what_may_pass_is_tried_again_with_longer_and_longer_pauses(lane_world, kind, fault):
    lane_world.source.put("k", 3, "e", b"abc")
    lane_world.fail(kind, fault, times=2)
    outcome, lines = lane_world.back_up(limits=Limits(0))
    assert (outcome.failures, len(lines)) == ((), 1)
    assert lane_world.pauses == [0.1, 0.2]


@pytest.mark.parametrize("code", ["SlowDown", "InternalError"])
def test_a_copy_answered_with_200_and_an_error_in_it_is_no_copy(lane_world, code):
    lane_world.source.put("k", 3, "e", b"abc")
    lane_world.fail("CopyObject", (200, {}, f"   <Error><Code>{code}</Code></Error>".encode()), times=1)
    outcome, _ = lane_world.back_up()
    assert (outcome.tally.copied, lane_world.stub.counts["CopyObject"]) == (1, 2)
    lane_world.fail("CopyObject", (200, {}, b"<Error><Code>AccessDenied</Code></Error>"), times=1)
    lane_world.source.put("k", 3, "f", b"abd")
    outcome, _ = lane_world.back_up()
    assert outcome.failures[0].trouble is Trouble.DENIED


def test_what_never_passes_is_told_after_the_last_attempt(lane_world):
    lane_world.source.put("k", 3, "e", b"abc")
    lane_world.fail("CopyObject", error(503, "SlowDown"), times=99)
    outcome, lines = lane_world.back_up()
    assert (outcome.failures[0].trouble, lines) == (Trouble.UNAVAILABLE, [])
    assert lane_world.stub.counts["CopyObject"] == 4
    lane_world.fail("ListObjectsV2", "reset", times=99)
    with pytest.raises(AwsUnavailable):
        lane_world.back_up()


def test_nobody_there_is_unavailable_and_not_an_empty_bucket(lane_world):
    wire = Wire(Endpoint("http://127.0.0.1:9"), "eu-west-2", None, patience=Patience(2, sleep=lambda _: None))
    with pytest.raises(AwsUnavailable):
        listed(S3Lane(wire), "source")


def test_a_page_that_is_cut_or_lies_is_never_read_as_empty(lane_world):
    lane_world.source.put("k", 3, "e")
    head = b"<ListBucketResult>"
    row = b"<Contents><Key>k</Key><Size>1</Size><ETag>e</ETag></Contents>"
    done = b"<IsTruncated>false</IsTruncated>"
    for body in (
        head + b"</ListBucketResult>",
        head + done,
        b"<html></html>",
        head + done + b"<KeyCount>2</KeyCount>" + row + b"</ListBucketResult>",
        head + done + row.replace(b"<Size>1</Size>", b"") + b"</ListBucketResult>",
        head + done + b"<EncodingType>url</EncodingType>" + row.replace(b">k<", b">%FF<") + b"</ListBucketResult>",
    ):
        lane_world.fail("ListObjectsV2", (200, {}, body), times=99)
        with pytest.raises(AwsUnavailable, match="UnreadableAnswer"):
            listed(lane_world.lane(), "source")


def test_an_object_that_changes_while_it_is_copied_is_left_to_the_next_run(lane_world):
    lane_world.source.put("k", 3, "e", b"abc")

    def fault(asked):
        if asked.kind == "CopyObject" and lane_world.source.objects["k"].etag == "e":
            lane_world.source.put("k", 4, "newer", b"abcd")

    lane_world.stub.fault = fault
    outcome, lines = lane_world.back_up()
    assert (outcome.failures[0].trouble, lines, lane_world.backup.keys) == (Trouble.CHANGED, [], [])
    outcome, lines = lane_world.back_up()
    assert (lines[0].etag, lane_world.backup.objects["k"].body) == ("newer", b"abcd")


def test_a_copy_that_arrived_truncated_is_seen_in_the_next_listing_and_made_again(lane_world):
    lane_world.source.put("k", 3, "e", b"abc")
    _, lines = lane_world.back_up()
    lane_world.backup.put("k", 2, "e", b"ab")
    outcome, lines = lane_world.back_up(lines)
    assert (outcome.tally.copied, lane_world.backup.objects["k"].body) == (1, b"abc")
    assert lines[0].version == lane_world.backup.objects["k"].version


def test_expired_credentials_are_renewed_half_way_by_one_worker_for_all(lane_world):
    for n in range(40):
        lane_world.source.put(f"k{n:02}", 1, "e", b"x")
    made = []

    def load():
        made.append(Credentials(f"key{len(made)}", "secret", f"token{len(made)}"))
        return made[-1]

    def fault(asked):
        old = "Credential=key0/" in asked.headers["authorization"]
        return error(400, "ExpiredToken") if old and lane_world.stub.counts["CopyObject"] > 10 else None

    lane_world.stub.fault = fault
    outcome, lines = lane_world.back_up(lane=S3Lane(lane_world.wire(KeyRing(load))), limits=Limits(8))
    assert (len(lines), outcome.failures) == (40, ())
    assert len(made) == 2


def test_credentials_that_cannot_be_renewed_are_a_denial(lane_world):
    lane_world.source.put("k", 1, "e", b"x")
    lane_world.stub.fault = lambda _: error(400, "ExpiredToken")
    with pytest.raises(AwsDenied, match="ExpiredToken"):
        listed(lane_world.lane(), "source")
    with pytest.raises(AwsDenied, match="NoCredentials"):
        listed(S3Lane(lane_world.wire(KeyRing(lambda: None))), "source")
