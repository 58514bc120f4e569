"""A whole backup and restore against an S3 server in a process of its own, over HTTP: sockets, signatures, XML."""

import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from itertools import count
from urllib.parse import urlsplit

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from moto.core.botocore_stubber import MockRawResponse

from chalicelib.aws.gateways import Aws
from chalicelib.models.change import ChangeProgress
from chalicelib.models.history import BackupKind
from chalicelib.steps.registry import ACTIONS
from chalicelib.steps.step import Done, Pending, Standing, StepContext
from chalicelib.store.blobs import MemoryBlobs
from chalicelib.store.history import History
from chalicelib.store.memory import MemoryTable
from steward.sandbox import place
from tests.aws_sessions import aws_session

NAMES = ["1/a/artifacts/model.bin", "1/a/artifacts/100% done?.txt", "2/größe/模型 1+2.bin", "2//double", "2/empty"]
RULE = {
    "ID": "old",
    "Status": "Enabled",
    "Filter": {"Prefix": ""},
    "NoncurrentVersionExpiration": {"NoncurrentDays": 90},
}
FAR = "eu-central-1"
TIMES = count()
"""A module's tests share the server, and its buckets."""
OWN = {"aws_access_key_id": "AKIAHTTP", "aws_secret_access_key": "secret", "region_name": place.REGION}


@pytest.fixture(scope="module")
def server():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - pinned moto
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    yield f"http://127.0.0.1:{port}"
    child.kill()
    child.wait()


class Elsewhere:
    """A session whose every client talks to that server."""

    def __init__(self, url):
        self._url, self.session = url, aws_session(**OWN)

    def client(self, service, **given):
        return self.session.client(service, **{**given, "endpoint_url": self.url_in(given.get("region_name"))})

    def url_in(self, _region):
        return self._url


class Regional(Elsewhere):
    """With an endpoint in each of two regions, either of which knows the buckets of its own alone, as S3's do."""

    def __init__(self, url, buckets):
        super().__init__(url)
        self.buckets, self.sent_astray = buckets, []
        self.session.events.register("before-send.s3", self._redirected)

    def url_in(self, region):
        return self._url.replace("127.0.0.1", "localhost") if region == FAR else self._url

    def _redirected(self, request, **_sent):
        asked = urlsplit(request.url)
        region = self.buckets[asked.path.split("/")[1]]
        signed = dict(request.headers.items())["Authorization"]
        signed = (signed.decode() if isinstance(signed, bytes) else signed).split("/")[2]
        if (signed, asked.netloc) == (region, urlsplit(self.url_in(region)).netloc):
            return None
        self.sent_astray.append((request.method, request.url, signed))
        told = "<Error><Code>PermanentRedirect</Code><Message>must be addressed elsewhere</Message></Error>"
        headers = HTTPHeaders()
        headers["x-amz-bucket-region"] = region
        return AWSResponse(request.url, 301, headers, MockRawResponse("" if request.method == "HEAD" else told))


@pytest.fixture
def filled(server):
    session = Elsewhere(server)
    s3, kms = session.client("s3"), session.client("kms")
    for bucket in (place.BUCKET, place.BACKUP_BUCKET):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": place.REGION})
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_lifecycle_configuration(Bucket=place.BACKUP_BUCKET, LifecycleConfiguration={"Rules": [RULE]})
    key = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=place.MAC_KEY, TargetKeyId=key)
    for name in NAMES:
        s3.put_object(Bucket=place.BUCKET, Key=f"{place.PREFIX}/{name}", Body=name.encode() * (name != "2/empty"))
    for number in range(1000):  # more than one page
        s3.put_object(Bucket=place.BUCKET, Key=f"{place.PREFIX}/3/many/{number:05d}", Body=b"%d" % number)
    return session


class Work:
    def __init__(self, session, stack=None, aws=Aws):
        self.session, self.aws, self.history, self.evidence = session, aws, History(MemoryTable()), MemoryBlobs()
        self.stack = stack or place.stack()
        self.now, self.runs = datetime.now(UTC).replace(microsecond=0), 0

    def do(self, name, **params):
        self.runs, self.now = self.runs + 1, self.now + timedelta(seconds=2)
        action = ACTIONS[name]
        (change,) = action.plan(self._ctx(read_only=True), action.Params(**params))
        look = action.look(self._ctx(read_only=True), change)
        assert look.standing is Standing.READY
        progress = ChangeProgress(state="started", started_at=self.now, before=dict(look.before))
        while isinstance(applied := action.apply(self._ctx(), change, progress), Pending):
            progress = progress.model_copy(update={"checkpoint": applied.checkpoint})
        assert isinstance(applied, Done)
        return applied.facts

    def _ctx(self, *, read_only=False):
        return StepContext(
            stack=self.stack,
            run_id=f"run-{self.runs}",
            step_id="step",
            now=self.now,
            aws=self.aws(self.session, place.REGION, read_only=read_only),
            http=None,
            history=self.history,
            evidence=self.evidence,
            copies_at_once=8,
        )


def test_over_http_a_backup_is_made_proven_and_restored_and_the_next_one_copies_nothing(filled):
    work = Work(filled)
    first = work.do("s3.backup_prefix", checkpoint_every=500)
    assert (first["objects"], first["copied"], first["verified"]) == (1005, 1005, True)
    assert work.do("s3.backup_prefix")["copied"] == 0
    good = work.history.newest_good(place.NAME, BackupKind.ARTIFACTS)
    assert good is not None
    assert good.id.split("-")[0] > first["backup"].split("-")[0]
    s3 = filled.client("s3")
    s3.delete_object(Bucket=place.BUCKET, Key=f"{place.PREFIX}/{NAMES[2]}")
    restored = work.do("s3.restore", backup=first["backup"], experiment="2")
    assert (restored["restored"], restored["compared"]) == (3, 3)
    back = s3.get_object(Bucket=place.BUCKET, Key=f"steward-restored/run-3/{NAMES[2]}")["Body"].read()
    assert back == NAMES[2].encode()


@pytest.fixture
def apart(server):
    """A source here and a backup bucket in another region."""
    number = next(TIMES)
    near, there = f"near-models-{number}", f"far-backups-{number}"
    session = Regional(server, {near: place.REGION, there: FAR})
    s3, far = session.client("s3"), session.client("s3", region_name=FAR)
    for client, bucket, where in ((s3, near, place.REGION), (far, there, FAR)):
        client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": where})
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    far.put_bucket_lifecycle_configuration(Bucket=there, LifecycleConfiguration={"Rules": [RULE]})
    key = session.client("kms").create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
    for name in NAMES:
        s3.put_object(
            Bucket=near, Key=f"{place.PREFIX}/{name}", Body=name.encode(), Metadata={"run": "1"}, Tagging="n=1"
        )
    stack = place.stack()
    update = {"bucket": near, "backup_bucket": there, "backup_region": FAR}
    artifacts = stack.artifacts.model_copy(update=update)
    backup = stack.backup.model_copy(update={"mac_key": key})
    return session, stack.model_copy(update={"artifacts": artifacts, "backup": backup})


def test_over_http_a_backup_goes_to_another_region_and_comes_back_from_there(apart):
    session, stack = apart
    work = Work(session, stack)
    first = work.do("s3.backup_prefix")
    assert (first["objects"], first["copied"], first["verified"]) == (5, 5, True)
    assert work.do("s3.backup_prefix")["copied"] == 0
    session.client("s3").delete_object(Bucket=stack.artifacts.bucket, Key=f"{place.PREFIX}/{NAMES[0]}")
    assert work.do("s3.restore", backup=first["backup"], experiment="1")["restored"] == 2
    assert session.sent_astray == []


class AllInParts(Aws):
    """As if every object were larger than one copy takes."""

    def s3_lane(self, region=None, **how):
        lane = super().s3_lane(region, **how)
        lane.largest_copy = 1
        return lane


def test_over_http_what_is_copied_in_parts_goes_to_another_region_and_comes_back_with_all_that_is_known_of_it(apart):
    session, stack = apart
    work = Work(session, stack, AllInParts)
    first = work.do("s3.backup_prefix")
    assert (first["copied"], first["verified"]) == (5, True)
    assert work.do("s3.restore", backup=first["backup"])["restored"] == 5
    there = {"Bucket": stack.artifacts.bucket, "Key": f"steward-restored/run-2/{NAMES[0]}"}
    s3 = session.client("s3")
    assert s3.get_object(**there)["Metadata"] == {"run": "1"}
    assert s3.get_object_tagging(**there)["TagSet"] == [{"Key": "n", "Value": "1"}]
    assert session.sent_astray == []
