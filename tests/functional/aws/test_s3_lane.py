"""The S3 lane over real HTTP: what it lists, copies, puts, reads and marks."""

import gc

import pytest

from chalicelib.aws.s3_lane import S3Lane
from chalicelib.aws.s3_lane_wire import Ask
from chalicelib.errors import AwsDenied, AwsUnavailable, PlanModeViolation, Refused
from steward.bench.s3_stub import error
from tests.functional.aws.lane_world import listed

ODD_KEYS = [
    "a b", "a+b", "a%2Fb", "a%b", "a//b", "/leading", "trailing/", "é/ü", "日本語/模型.bin", "\U0001f600", "\uff61",
    "a&b=c?d#e", "a<b>'\"", "ctrl\x01\x1f", "tab\there", "new\nline", "..", "a/../b", "./c", "~tilde", "a;b,c:d@e",
    "x" * 1024, "é" * 512, " ", "versions?versionId=1",
]  # fmt: skip


@pytest.mark.parametrize("foreign", [False, True])
def test_odd_keys_are_listed_as_they_are_and_in_order(lane_world, foreign):
    lane_world.stub.foreign = foreign
    for key in ODD_KEYS:
        lane_world.source.put(key, 1, "e")
    assert [key for key, _, _ in listed(lane_world.lane(), "source")] == sorted(ODD_KEYS, key=str.encode)


def test_odd_keys_are_copied_each_to_its_own_name_and_listed_from_any_of_them(lane_world):
    for n, key in enumerate(ODD_KEYS):
        lane_world.source.put(key, n, f"e{n}", b"x" * n)
    outcome, lines = lane_world.back_up()
    assert outcome.failures == ()
    assert {key: o.body for key, o in lane_world.backup.objects.items()} == {
        k: b"x" * n for n, k in enumerate(ODD_KEYS)
    }
    for key in ODD_KEYS:
        after = sorted(k for k in ODD_KEYS if k > key)
        assert [k for k, _, _ in listed(lane_world.lane(), "backup", "", key)] == after
    assert lane_world.back_up(lines)[0].tally.copied == 0


def test_pages_are_asked_for_one_by_one(lane_world):
    for n in range(2500):
        lane_world.source.put(f"p/{n:05}", n, "e")
    lane_world.source.put("q", 1, "e")
    assert listed(lane_world.lane(), "source", "p/") == [(f"p/{n:05}", n, "e") for n in range(2500)]
    assert lane_world.stub.counts == {"ListObjectsV2": 3}
    assert listed(lane_world.lane(), "source", "p/", "p/02497") == [("p/02498", 2498, "e"), ("p/02499", 2499, "e")]


def test_a_backup_and_its_repetition_cost_the_least_possible_requests(lane_world):
    for n in range(2000):
        lane_world.source.put(f"k{n:05}", n % 3, f"e{n}-2" if n % 7 == 0 else f"e{n}")
    _, lines = lane_world.back_up()
    assert lane_world.stub.counts == {"ListObjectsV2": 2 + 1, "CopyObject": 2000}
    lane_world.stub.counts.clear()
    outcome, again = lane_world.back_up(lines)
    assert lane_world.stub.counts == {"ListObjectsV2": 2 + 2}
    assert again == lines
    assert outcome.tally.same == 2000


def test_copies_are_encrypted_with_the_target_s_key_and_found_unchanged_afterwards(lane_world):
    asked = []
    lane_world.source.put("k", 3, "e", b"abc")
    lane_world.stub.fault = lambda a: asked.append(a.headers)
    lane = lane_world.lane(kms_key="arn:aws:kms:eu-west-2:111122223333:key/k")
    _, lines = lane_world.back_up(lane=lane)
    copied = next(headers for headers in asked if "x-amz-copy-source" in headers)
    assert copied["x-amz-server-side-encryption"] == "aws:kms"
    assert copied["x-amz-server-side-encryption-aws-kms-key-id"].endswith("key/k")
    assert lines[0].copy_etag == lane_world.backup.objects["k"].etag != "e"
    assert lane_world.back_up(lines, lane=lane)[0].tally.same == 1


def test_a_delete_marker_leaves_every_version_and_no_request_can_name_one_s17(lane_world):
    lane_world.backup.put("k", 1, "e", b"x")
    lane_world.lane().put_delete_marker("backup", "k")
    assert (lane_world.backup.keys, lane_world.backup.deleted_versions) == ([], 0)
    assert b"".join(lane_world.lane().read("backup", "k", version="v1")) == b"x"
    for query in [(("versionId", "v1"),), (("versionId", "v1"), ("uploadId", "u")), (("tagging", ""),)]:
        with pytest.raises(Refused, match="S17"):
            Ask("DeleteObject", "DELETE", "backup", "k", query)
    names = {name for name in dir(S3Lane) if not name.startswith("_")}  # "abort" ends an upload, never an object
    assert names == {"list_pages", "copy", "abort", "put_delete_marker", "put", "head", "read", "requests"}


def test_in_plan_mode_the_lane_only_reads(lane_world):
    lane_world.source.put("k", 1, "e", b"x")
    lane = S3Lane(lane_world.wire(read_only=True))
    assert listed(lane, "source") == [("k", 1, "e")]
    assert lane.head("source", "k").size == 1
    for change in (
        lambda: lane.copy(("source", "k"), ("backup", "k"), size=1, etag="e"),
        lambda: lane.put_delete_marker("backup", "k"),
        lambda: lane.put("backup", "k", b""),
    ):
        with pytest.raises(PlanModeViolation):
            change()
    assert set(lane_world.stub.counts) == {"ListObjectsV2", "HeadObject"}


def test_objects_are_put_and_read_whole_in_part_and_by_version(lane_world):
    lane = lane_world.lane()
    first = lane.put("backup", "m/é 1.jsonl", b"one")
    lane.put("backup", "m/é 1.jsonl", b"other")
    assert b"".join(lane.read("backup", "m/é 1.jsonl")) == b"other"
    assert b"".join(lane.read("backup", "m/é 1.jsonl", version=first.version)) == b"one"
    assert b"".join(lane.read("backup", "m/é 1.jsonl", start=1, length=3)) == b"the"
    assert lane.head("backup", "m/é 1.jsonl", first.version).etag == first.etag
    lane_world.fail("GetObject", "short")
    with pytest.raises(AwsUnavailable):
        list(lane.read("backup", "m/é 1.jsonl"))
    lane_world.fail("GetObject", error(403, "AccessDenied"))
    with pytest.raises(AwsDenied):
        list(lane.read("backup", "m/é 1.jsonl"))


def test_a_restore_copies_the_version_that_the_manifest_names(lane_world):
    lane = lane_world.lane()
    first = lane.put("backup", "k", b"one")
    lane.put("backup", "k", b"other")
    lane.copy(("backup", "k"), ("source", "k"), size=3, etag=first.etag, source_version=first.version)
    assert lane_world.source.objects["k"].body == b"one"


def test_requests_are_counted_by_kind_with_retries_beside_them(lane_world):
    lane_world.source.put("k", 1, "e", b"x")
    lane_world.fail("CopyObject", error(503, "SlowDown"))
    lane = lane_world.lane()
    lane_world.back_up(lane=lane)
    assert lane.requests == {"ListObjectsV2": 2, "CopyObject": 2, "retries": 1}


def test_a_page_that_was_read_is_freed_at_once_so_that_a_million_keys_cost_no_more_than_one_page(lane_world):
    for n in range(100):
        lane_world.source.put(f"k{n:03}", 1, "e")
    lane = lane_world.lane()
    listed(lane, "source")
    gc.collect()
    gc.disable()
    try:
        listed(lane, "source")
        kept = [found for found in gc.get_objects() if type(found).__name__ in {"Element", "ListPage"}]
    finally:
        gc.enable()
    assert kept == []
