"""The S3 lane against S3s that others wrote: `rclone serve s3`, which checks signatures, and moto for the rest."""

import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.credentials import Credentials

from chalicelib.aws.gateways import Aws
from chalicelib.aws.s3_lane import S3Lane
from chalicelib.aws.s3_lane_address import Endpoint
from chalicelib.aws.s3_lane_keys import KeyRing
from chalicelib.aws.s3_lane_parts import PartRules
from chalicelib.aws.s3_lane_wire import Patience, Wire
from chalicelib.backup.entry import Place
from chalicelib.backup.mirror import Job, Limits, mirror
from chalicelib.errors import AwsDenied, PlanModeViolation
from steward.sandbox.world import World

MB = 1024 * 1024
KEYS = [
    "a b", "a+b", "a%2Fb", "a%b", "é/ü", "日本語/模型.bin", "\U0001f600", "\uff61", "a&b=c?d#e", "a<b>'\"", "ctrl\x01",
    "~tilde", "a;b,c:d@e", "b.c", "b/c", "b-c", "x" * 200, " ",
]  # fmt: skip


@pytest.fixture(scope="module")
def rclone():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [Path(sys.executable).with_name("rclone"), "serve", "s3", ":memory:", "--addr", f"127.0.0.1:{port}"]
    server = subprocess.Popen(  # noqa: S603 - the project's own pinned rclone
        [*command, "--auth-key", "key,secret", "--config", "", "--log-level", "ERROR"]
    )
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    yield f"http://127.0.0.1:{port}"
    server.kill()
    server.wait()


def client(url):
    own = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    return boto3.client("s3", endpoint_url=url, config=Config(s3={"addressing_style": "path"}), **own)


def lane(url, secret="secret", **how):  # noqa: S107 - the server's own
    keys = KeyRing(lambda: Credentials("key", secret))
    return S3Lane(Wire(Endpoint(url), "us-east-1", keys, patience=Patience(2, sleep=lambda _: None)), **how)


def back_up(used, previous=(), source="source", target="backup"):
    lines = []
    job = Job(Place(source), Place(target), datetime(2026, 11, 20, tzinfo=UTC), timedelta(days=7))
    sink = type("Sink", (), {"add": staticmethod(lines.append)})
    return mirror(job, used, used, previous, sink, limits=Limits(4)), lines


def test_a_server_that_checks_signatures_takes_every_key_and_the_second_run_copies_nothing(rclone):
    s3 = client(rclone)
    for bucket in ("source", "backup"):
        s3.create_bucket(Bucket=bucket)
    for key in KEYS:
        s3.put_object(Bucket="source", Key=key, Body=key.encode())
    s3.put_object(Bucket="source", Key="empty", Body=b"")
    outcome, lines = back_up(lane(rclone))
    assert outcome.failures == ()
    assert [line.key for line in lines] == sorted([*KEYS, "empty"], key=str.encode)
    for key in KEYS:
        assert s3.get_object(Bucket="backup", Key=key)["Body"].read() == key.encode()
        assert b"".join(lane(rclone).read("backup", key)) == key.encode()
    outcome, again = back_up(lane(rclone), lines)
    assert (outcome.tally.copied, outcome.tally.same, again) == (0, len(KEYS) + 1, lines)


def test_a_wrong_secret_is_denied_by_name(rclone):
    with pytest.raises(AwsDenied, match="SignatureDoesNotMatch"):
        list(lane(rclone, "wrong").list_pages("source"))


def test_a_server_without_copies_in_parts_gets_no_object_of_empty_parts(rclone):
    s3 = client(rclone)
    for bucket in ("large", "large-backup"):
        s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket="large", Key="model", Body=bytes(100))
    used = lane(rclone, largest_copy=10, parts=PartRules(size=50))
    outcome, lines = back_up(used, source="large", target="large-backup")
    assert (outcome.tally.failed, lines) == (1, [])
    assert "Contents" not in s3.list_objects_v2(Bucket="large-backup")


@pytest.fixture
def embedded():
    """The sandbox's S3, hooked into its session: the lane is not told of it. The backup's bucket has versions."""
    with World.create() as world:
        s3 = world.session().client("s3", region_name="eu-west-2")
        for bucket in ("lane-source", "lane-backup"):
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
        s3.put_bucket_versioning(Bucket="lane-backup", VersioningConfiguration={"Status": "Enabled"})
        yield s3, Aws(world.session(), "eu-west-2")


def test_parts_versions_metadata_tags_and_markers_are_right_on_an_s3_that_keeps_them(embedded):
    s3, aws = embedded
    body = bytes(range(256)) * (11 * MB // 256)
    used = S3Lane(aws.s3_lane()._wire, largest_copy=10 * MB, parts=PartRules(size=5 * MB, side_by_side=2))
    used.put("lane-source", "big", body)
    s3.copy_object(
        Bucket="lane-source", Key="big", CopySource="lane-source/big", MetadataDirective="REPLACE",
        TaggingDirective="REPLACE", Metadata={"run": "1 a"}, ContentType="x/model", Tagging="team=a%20b&n=1",
    )  # fmt: skip
    s3.put_object(Bucket="lane-source", Key="small/è +", Body=b"x", Metadata={"k": "v"})
    outcome, lines = back_up(used, source="lane-source", target="lane-backup")
    assert outcome.failures == ()
    big = s3.get_object(Bucket="lane-backup", Key="big")
    assert big["Body"].read() == body
    assert (big["VersionId"], big["ETag"].strip('"')) == (lines[0].version, lines[0].expected_etag)
    assert (big["Metadata"], big["ContentType"]) == ({"run": "1 a"}, "x/model")
    tags = s3.get_object_tagging(Bucket="lane-backup", Key="big")["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"team": "a b", "n": "1"}
    small = s3.head_object(Bucket="lane-backup", Key="small/è +")
    assert (small["Metadata"], small["VersionId"]) == ({"k": "v"}, lines[1].version)
    assert back_up(used, lines, source="lane-source", target="lane-backup")[0].tally.same == 2

    used.put_delete_marker("lane-backup", "big")  # S17
    assert b"".join(used.read("lane-backup", "big", version=lines[0].version)) == body
    versions = s3.list_object_versions(Bucket="lane-backup", Prefix="big")
    assert (len(versions["Versions"]), len(versions["DeleteMarkers"])) == (1, 1)


def test_a_session_in_plan_mode_gives_a_lane_that_only_reads(embedded):
    _, aws = embedded
    reading = Aws(aws._session, "eu-west-2", read_only=True).s3_lane()
    assert list(reading.list_pages("lane-source")) == [[]]
    with pytest.raises(PlanModeViolation):
        reading.put_delete_marker("lane-backup", "k")
