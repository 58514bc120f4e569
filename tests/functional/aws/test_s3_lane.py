"""The S3 lane over real HTTP, against a stub that misbehaves when told to."""

import gc
import ssl
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from itertools import pairwise

import pytest
from botocore.credentials import Credentials
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from chalicelib.aws.s3_lane import S3Lane
from chalicelib.aws.s3_lane_address import Endpoint, copy_source
from chalicelib.aws.s3_lane_keys import KeyRing
from chalicelib.aws.s3_lane_parts import PartRules
from chalicelib.aws.s3_lane_wire import Ask, Patience, Wire
from chalicelib.backup.entry import Place
from chalicelib.backup.mirror import EndedBy, Job, Limits, Trouble, Watch, mirror
from chalicelib.errors import AwsDenied, AwsInvalid, AwsUnavailable, CopyCancelled, PlanModeViolation, Refused
from steward.bench.s3_stub import S3Stub, error
from steward.bench.s3_stub_server import running
from steward.bench.s3_stub_store import Bucket

ODD_KEYS = [
    "a b", "a+b", "a%2Fb", "a%b", "a//b", "/leading", "trailing/", "é/ü", "日本語/模型.bin", "\U0001f600", "\uff61",
    "a&b=c?d#e", "a<b>'\"", "ctrl\x01\x1f", "tab\there", "new\nline", "..", "a/../b", "./c", "~tilde", "a;b,c:d@e",
    "x" * 1024, "é" * 512, " ", "versions?versionId=1",
]  # fmt: skip


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


@pytest.fixture
def world():
    stub = S3Stub()
    with running(stub) as url:
        yield World(url, stub)


def listed(lane, *how):
    return [row for page in lane.list_pages(*how) for row in page]


@pytest.mark.parametrize("foreign", [False, True])
def test_odd_keys_are_listed_as_they_are_and_in_order(world, foreign):
    world.stub.foreign = foreign
    for key in ODD_KEYS:
        world.source.put(key, 1, "e")
    assert [key for key, _, _ in listed(world.lane(), "source")] == sorted(ODD_KEYS, key=str.encode)


def test_odd_keys_are_copied_each_to_its_own_name_and_listed_from_any_of_them(world):
    for n, key in enumerate(ODD_KEYS):
        world.source.put(key, n, f"e{n}", b"x" * n)
    outcome, lines = world.back_up()
    assert outcome.failures == ()
    assert {key: o.body for key, o in world.backup.objects.items()} == {k: b"x" * n for n, k in enumerate(ODD_KEYS)}
    for key in ODD_KEYS:
        after = sorted(k for k in ODD_KEYS if k > key)
        assert [k for k, _, _ in listed(world.lane(), "backup", "", key)] == after
    assert world.back_up(lines)[0].tally.copied == 0


def test_pages_are_asked_for_one_by_one(world):
    for n in range(2500):
        world.source.put(f"p/{n:05}", n, "e")
    world.source.put("q", 1, "e")
    assert listed(world.lane(), "source", "p/") == [(f"p/{n:05}", n, "e") for n in range(2500)]
    assert world.stub.counts == {"ListObjectsV2": 3}
    assert listed(world.lane(), "source", "p/", "p/02497") == [("p/02498", 2498, "e"), ("p/02499", 2499, "e")]


def test_a_backup_and_its_repetition_cost_the_least_possible_requests(world):
    for n in range(2000):
        world.source.put(f"k{n:05}", n % 3, f"e{n}-2" if n % 7 == 0 else f"e{n}")
    _, lines = world.back_up()
    assert world.stub.counts == {"ListObjectsV2": 2 + 1, "CopyObject": 2000}
    world.stub.counts.clear()
    outcome, again = world.back_up(lines)
    assert world.stub.counts == {"ListObjectsV2": 2 + 2}
    assert again == lines
    assert outcome.tally.same == 2000


def test_copies_are_encrypted_with_the_target_s_key_and_found_unchanged_afterwards(world):
    asked = []
    world.source.put("k", 3, "e", b"abc")
    world.stub.fault = lambda a: asked.append(a.headers)
    lane = world.lane(kms_key="arn:aws:kms:eu-west-2:111122223333:key/k")
    _, lines = world.back_up(lane=lane)
    copied = next(headers for headers in asked if "x-amz-copy-source" in headers)
    assert copied["x-amz-server-side-encryption"] == "aws:kms"
    assert copied["x-amz-server-side-encryption-aws-kms-key-id"].endswith("key/k")
    assert lines[0].copy_etag == world.backup.objects["k"].etag != "e"
    assert world.back_up(lines, lane=lane)[0].tally.same == 1


@pytest.mark.parametrize("kind", ["CopyObject", "ListObjectsV2"])
@pytest.mark.parametrize(
    "fault",
    [
        error(503, "SlowDown"), error(500, "InternalError"), (502, {}, b"<html>bad gateway</html>"), (503, {}, b""),
        error(400, "RequestTimeout"), "reset", "short", (200, {}, b""), (200, {}, b"no xml"),
    ],
)  # fmt: skip
def test_what_may_pass_is_tried_again_with_longer_and_longer_pauses(world, kind, fault):
    world.source.put("k", 3, "e", b"abc")
    world.fail(kind, fault, times=2)
    outcome, lines = world.back_up(limits=Limits(0))
    assert (outcome.failures, len(lines)) == ((), 1)
    assert world.pauses == [0.1, 0.2]


@pytest.mark.parametrize("code", ["SlowDown", "InternalError"])
def test_a_copy_answered_with_200_and_an_error_in_it_is_no_copy(world, code):
    world.source.put("k", 3, "e", b"abc")
    world.fail("CopyObject", (200, {}, f"   <Error><Code>{code}</Code></Error>".encode()), times=1)
    outcome, _ = world.back_up()
    assert (outcome.tally.copied, world.stub.counts["CopyObject"]) == (1, 2)
    world.fail("CopyObject", (200, {}, b"<Error><Code>AccessDenied</Code></Error>"), times=1)
    world.source.put("k", 3, "f", b"abd")
    outcome, _ = world.back_up()
    assert outcome.failures[0].trouble is Trouble.DENIED


def test_what_never_passes_is_told_after_the_last_attempt(world):
    world.source.put("k", 3, "e", b"abc")
    world.fail("CopyObject", error(503, "SlowDown"), times=99)
    outcome, lines = world.back_up()
    assert (outcome.failures[0].trouble, lines) == (Trouble.UNAVAILABLE, [])
    assert world.stub.counts["CopyObject"] == 4
    world.fail("ListObjectsV2", "reset", times=99)
    with pytest.raises(AwsUnavailable):
        world.back_up()


def test_nobody_there_is_unavailable_and_not_an_empty_bucket(world):
    wire = Wire(Endpoint("http://127.0.0.1:9"), "eu-west-2", None, patience=Patience(2, sleep=lambda _: None))
    with pytest.raises(AwsUnavailable):
        listed(S3Lane(wire), "source")


def test_a_page_that_is_cut_or_lies_is_never_read_as_empty(world):
    world.source.put("k", 3, "e")
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
        world.fail("ListObjectsV2", (200, {}, body), times=99)
        with pytest.raises(AwsUnavailable, match="UnreadableAnswer"):
            listed(world.lane(), "source")


def test_an_object_that_changes_while_it_is_copied_is_left_to_the_next_run(world):
    world.source.put("k", 3, "e", b"abc")

    def fault(asked):
        if asked.kind == "CopyObject" and world.source.objects["k"].etag == "e":
            world.source.put("k", 4, "newer", b"abcd")

    world.stub.fault = fault
    outcome, lines = world.back_up()
    assert (outcome.failures[0].trouble, lines, world.backup.keys) == (Trouble.CHANGED, [], [])
    outcome, lines = world.back_up()
    assert (lines[0].etag, world.backup.objects["k"].body) == ("newer", b"abcd")


def test_a_copy_that_arrived_truncated_is_seen_in_the_next_listing_and_made_again(world):
    world.source.put("k", 3, "e", b"abc")
    _, lines = world.back_up()
    world.backup.put("k", 2, "e", b"ab")
    outcome, lines = world.back_up(lines)
    assert (outcome.tally.copied, world.backup.objects["k"].body) == (1, b"abc")
    assert lines[0].version == world.backup.objects["k"].version


def test_expired_credentials_are_renewed_half_way_by_one_worker_for_all(world):
    for n in range(40):
        world.source.put(f"k{n:02}", 1, "e", b"x")
    made = []

    def load():
        made.append(Credentials(f"key{len(made)}", "secret", f"token{len(made)}"))
        return made[-1]

    def fault(asked):
        old = "Credential=key0/" in asked.headers["authorization"]
        return error(400, "ExpiredToken") if old and world.stub.counts["CopyObject"] > 10 else None

    world.stub.fault = fault
    outcome, lines = world.back_up(lane=S3Lane(world.wire(KeyRing(load))), limits=Limits(8))
    assert (len(lines), outcome.failures) == (40, ())
    assert len(made) == 2


def test_credentials_that_cannot_be_renewed_are_a_denial(world):
    world.source.put("k", 1, "e", b"x")
    world.stub.fault = lambda _: error(400, "ExpiredToken")
    with pytest.raises(AwsDenied, match="ExpiredToken"):
        listed(world.lane(), "source")
    with pytest.raises(AwsDenied, match="NoCredentials"):
        listed(S3Lane(world.wire(KeyRing(lambda: None))), "source")


LARGE = {"largest_copy": 10, "parts": PartRules(size=4, side_by_side=3)}


def test_what_is_too_large_is_copied_in_parts_with_its_metadata_and_tags(world):
    told = {"content-type": "application/x-model", "x-amz-meta-run": "1", "-stub-tags": "a=1&b=x"}
    world.source.put("big", 11, "e-3", None, told)
    world.source.put("small", 10, "f", b"x" * 10)
    _, lines = world.back_up(lane=world.lane(**LARGE))
    made = world.backup.objects["big"]
    assert (made.size, made.etag[-2:], made.headers) == (11, "-3", told)
    assert (lines[0].version, lines[0].copy_etag) == (made.version, made.etag)
    assert world.stub.counts == {
        "ListObjectsV2": 2, "CopyObject": 1, "HeadObject": 1, "GetObjectTagging": 1,
        "CreateMultipartUpload": 1, "UploadPartCopy": 3, "CompleteMultipartUpload": 1,
    }  # fmt: skip
    assert world.back_up(lines, lane=world.lane(**LARGE))[0].tally.same == 2


@pytest.mark.parametrize(
    ("kind", "fault"),
    [("UploadPartCopy", error(403, "AccessDenied")), ("CompleteMultipartUpload", error(400, "InvalidPart"))],
)
def test_a_copy_in_parts_that_fails_leaves_no_upload_behind(world, kind, fault):
    world.source.put("big", 11, "e-3")
    world.fail(kind, fault)
    outcome, _ = world.back_up(lane=world.lane(**LARGE))
    assert outcome.tally.failed == 1
    assert (world.stub.uploads, world.stub.counts["AbortMultipartUpload"]) == ({}, 1)


def test_a_cancelled_copy_in_parts_is_aborted_between_two_parts(world):
    world.source.put("big", 400, "e-3")
    lane = world.lane(largest_copy=10, parts=PartRules(size=4, side_by_side=2))
    with pytest.raises(CopyCancelled):
        lane.copy(
            ("source", "big"), ("backup", "big"), size=400, etag="e-3",
            cancelled=lambda: world.stub.counts["UploadPartCopy"] >= 5,
        )  # fmt: skip
    assert world.stub.counts["UploadPartCopy"] <= 7
    assert (world.stub.uploads, world.backup.keys) == ({}, [])
    watch = Watch(time_left_s=lambda: 100.0 if world.stub.counts["UploadPartCopy"] < 20 else 10.0)
    outcome, lines = world.back_up(lane=lane, watch=watch)
    assert (outcome.ended_by, outcome.done_through, lines, world.stub.uploads) == (EndedBy.TIME, None, [], {})


def test_parts_of_an_object_that_changed_are_not_put_together(world):
    world.source.put("big", 11, "e-3")

    def fault(asked):
        if asked.kind == "UploadPartCopy" and world.source.objects["big"].etag == "e-3":
            world.source.put("big", 11, "f-3")

    world.stub.fault = fault
    outcome, _ = world.back_up(lane=world.lane(**LARGE))
    assert (outcome.failures[0].trouble, world.backup.keys, world.stub.uploads) == (Trouble.CHANGED, [], {})
    with pytest.raises(AwsInvalid, match="PreconditionFailed"):
        world.lane(**LARGE).copy(("source", "big"), ("backup", "big"), size=11, etag="e-3")


def test_a_completed_upload_whose_answer_was_lost_is_found_by_its_size_and_parts(world):
    world.source.put("big", 11, "e-3")
    lost = []

    def fault(asked):
        if asked.kind == "CompleteMultipartUpload" and not lost:
            lost.append(world.stub.uploads.pop(asked.query["uploadId"]))
            world.backup.put("big", 11, "joined-3")
            return "reset"
        return None

    world.stub.fault = fault
    made = world.lane(**LARGE).copy(("source", "big"), ("backup", "big"), size=11, etag="e-3")
    assert (made.etag, made.version) == ("joined-3", world.backup.objects["big"].version)


def test_parts_are_never_more_than_s3_takes():
    fifty_tb = 50 * 1024**4
    ranges = PartRules().ranges(fifty_tb)
    assert len(ranges) <= 10_000
    assert (ranges[0][0], ranges[-1][1]) == (0, fifty_tb - 1)
    assert all(before[1] + 1 == after[0] for before, after in pairwise(ranges))
    assert PartRules(4).ranges(9) == [(0, 3), (4, 7), (8, 8)]


def test_a_delete_marker_leaves_every_version_and_no_request_can_name_one_s17(world):
    world.backup.put("k", 1, "e", b"x")
    world.lane().put_delete_marker("backup", "k")
    assert (world.backup.keys, world.backup.deleted_versions) == ([], 0)
    assert b"".join(world.lane().read("backup", "k", version="v1")) == b"x"
    for query in [(("versionId", "v1"),), (("versionId", "v1"), ("uploadId", "u")), (("tagging", ""),)]:
        with pytest.raises(Refused, match="S17"):
            Ask("DeleteObject", "DELETE", "backup", "k", query)
    names = {name for name in dir(S3Lane) if not name.startswith("_")}  # "abort" ends an upload, never an object
    assert names == {"list_pages", "copy", "abort", "put_delete_marker", "put", "head", "read", "requests"}


def test_in_plan_mode_the_lane_only_reads(world):
    world.source.put("k", 1, "e", b"x")
    lane = S3Lane(world.wire(read_only=True))
    assert listed(lane, "source") == [("k", 1, "e")]
    assert lane.head("source", "k").size == 1
    for change in (
        lambda: lane.copy(("source", "k"), ("backup", "k"), size=1, etag="e"),
        lambda: lane.put_delete_marker("backup", "k"),
        lambda: lane.put("backup", "k", b""),
    ):
        with pytest.raises(PlanModeViolation):
            change()
    assert set(world.stub.counts) == {"ListObjectsV2", "HeadObject"}


def test_objects_are_put_and_read_whole_in_part_and_by_version(world):
    lane = world.lane()
    first = lane.put("backup", "m/é 1.jsonl", b"one")
    lane.put("backup", "m/é 1.jsonl", b"other")
    assert b"".join(lane.read("backup", "m/é 1.jsonl")) == b"other"
    assert b"".join(lane.read("backup", "m/é 1.jsonl", version=first.version)) == b"one"
    assert b"".join(lane.read("backup", "m/é 1.jsonl", start=1, length=3)) == b"the"
    assert lane.head("backup", "m/é 1.jsonl", first.version).etag == first.etag
    world.fail("GetObject", "short")
    with pytest.raises(AwsUnavailable):
        list(lane.read("backup", "m/é 1.jsonl"))
    world.fail("GetObject", error(403, "AccessDenied"))
    with pytest.raises(AwsDenied):
        list(lane.read("backup", "m/é 1.jsonl"))


def test_a_restore_copies_the_version_that_the_manifest_names(world):
    lane = world.lane()
    first = lane.put("backup", "k", b"one")
    lane.put("backup", "k", b"other")
    lane.copy(("backup", "k"), ("source", "k"), size=3, etag=first.etag, source_version=first.version)
    assert world.source.objects["k"].body == b"one"


def test_requests_are_counted_by_kind_with_retries_beside_them(world):
    world.source.put("k", 1, "e", b"x")
    world.fail("CopyObject", error(503, "SlowDown"))
    lane = world.lane()
    world.back_up(lane=lane)
    assert lane.requests == {"ListObjectsV2": 2, "CopyObject": 2, "retries": 1}


def test_a_certificate_that_nobody_vouches_for_is_refused_and_one_of_the_bundle_taken(tmp_path):
    certificate, tls = self_signed(tmp_path)
    stub = S3Stub()
    stub.buckets["source"] = Bucket("source")
    with running(stub, tls) as url:
        assert url.startswith("https:")
        with pytest.raises(AwsInvalid, match="UntrustedCertificate"):
            listed(S3Lane(Wire(Endpoint(url), "eu-west-2", None)), "source")
        assert stub.counts == {}
        assert listed(S3Lane(Wire(Endpoint(url), "eu-west-2", None, ca_bundle=str(certificate))), "source") == []


def self_signed(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "certificate.pem", folder / "private.pem"
    certificate.write_bytes(made.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, private)
    return certificate, tls


@pytest.mark.parametrize(
    ("endpoint", "bucket", "url"),
    [
        ("https://s3.eu-west-2.amazonaws.com", "models", "https://models.s3.eu-west-2.amazonaws.com/a%20b"),
        ("https://s3.amazonaws.com", "models", "https://models.s3.amazonaws.com/a%20b"),
        ("https://s3.cn-north-1.amazonaws.com.cn", "m", "https://m.s3.cn-north-1.amazonaws.com.cn/a%20b"),
        ("https://s3.eu-west-2.amazonaws.com", "my.models", "https://s3.eu-west-2.amazonaws.com/my.models/a%20b"),
        ("http://minio.example.com:9000", "models", "http://minio.example.com:9000/models/a%20b"),
        ("https://amazonaws.com.example.org/s3/", "models", "https://amazonaws.com.example.org/s3/models/a%20b"),
    ],
)
def test_the_bucket_stands_in_the_host_for_amazon_and_in_the_path_elsewhere(endpoint, bucket, url):
    assert Endpoint(endpoint).of(bucket, "a b").url == url


def test_keys_and_queries_are_escaped_as_they_are_signed():
    assert Endpoint("http://h").of("b", "/x//é+%?&#").path == "/b//x//%C3%A9%2B%25%3F%26%23"
    assert Endpoint("http://h").of("b", None, (("start-after", "a+b/ç"),)).path == "/b?start-after=a%2Bb%2F%C3%A7"
    assert copy_source("b", "k?versionId=1", "v/2") == "/b/k%3FversionId%3D1?versionId=v%2F2"
    for url in ("ftp://h", "h", "http://user:pass@h"):
        with pytest.raises(ValueError, match="no S3 endpoint"):
            Endpoint(url)


def test_a_page_that_was_read_is_freed_at_once_so_that_a_million_keys_cost_no_more_than_one_page(world):
    for n in range(100):
        world.source.put(f"k{n:03}", 1, "e")
    lane = world.lane()
    listed(lane, "source")
    gc.collect()
    gc.disable()
    try:
        listed(lane, "source")
        kept = [found for found in gc.get_objects() if type(found).__name__ in {"Element", "ListPage"}]
    finally:
        gc.enable()
    assert kept == []
