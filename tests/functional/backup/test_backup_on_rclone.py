"""The whole backup against an S3 that others wrote and that checks every signature: `rclone serve s3`.

It keeps no versions and ignores conditions (`If-Match`, `If-None-Match`), so a plan refuses it, which is tried too. For
the rest two facts about the bucket, versioning and lifecycle, are answered in its place; every request that lists,
copies, reads or writes goes to it. What rests on versions is tried elsewhere (test_backup_over_http).
"""

from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.config import Config

from chalicelib.aws.gateways import Aws
from chalicelib.errors import AwsDenied, StepRefused
from chalicelib.models.change import ChangeProgress
from chalicelib.models.stack import Stack
from chalicelib.steps.registry import ACTIONS, PROBES
from chalicelib.steps.step import Done, Pending, Standing, StepContext
from chalicelib.store.blobs import MemoryBlobs
from chalicelib.store.history import History
from chalicelib.store.memory import MemoryTable
from steward.bench.backup_run import KEY, SECRET
from steward.bench.backup_server import rclone_server
from steward.sandbox import place
from steward.sandbox.overrides import response

BACKUP, RESTORE = "s3.backup_prefix", "s3.restore"
REGION = "us-east-1"
NAMES = ["1/a/artifacts/100% done?.txt", "1/a/artifacts/a+b c.bin", "2/größe/模型 1+2.bin", "2/empty"]
MANY = 1200
"""More than one page."""
RULE = {
    "ID": "old",
    "Status": "Enabled",
    "Filter": {"Prefix": ""},
    "NoncurrentVersionExpiration": {"NoncurrentDays": 9},
}
FACTS = {"GetBucketVersioning": {"Status": "Enabled"}, "GetBucketLifecycleConfiguration": {"Rules": [RULE]}}


class There:
    """A session whose every client talks to that server; with `facts`, some questions are answered in its place."""

    def __init__(self, url, *, facts=FACTS, secret=SECRET):
        self._url, self._facts = url, facts
        self._session = boto3.Session(aws_access_key_id=KEY, aws_secret_access_key=secret, region_name=REGION)

    def client(self, service, **given):
        by_path = Config(s3={"addressing_style": "path"})
        config = given.pop("config", Config()).merge(by_path)
        made = self._session.client(service, **given, endpoint_url=self._url, config=config)
        for operation, said in self._facts.items():
            answer = (response(200), {**said, "ResponseMetadata": {"HTTPStatusCode": 200}})
            made.meta.events.register(f"before-call.s3.{operation}", lambda answer=answer, **_: answer)
        return made


class Work:
    def __init__(self, session):
        self.session, self.history, self.evidence = session, History(MemoryTable()), MemoryBlobs()
        document = {
            **place.STACK_DOCUMENT,
            "region": REGION,
            "account": place.ACCOUNT,
            "backup": {"artifactsSchedule": "cron(0 2 * * ? *)"},  # unsigned: KMS is not there
        }
        self.stack = Stack.model_validate(document)
        self.now, self.runs = datetime.now(UTC).replace(microsecond=0), 0

    def ctx(self, *, acting=False):
        return StepContext(
            stack=self.stack,
            run_id=f"run-{self.runs}",
            step_id="step",
            now=self.now,
            aws=Aws(self.session, REGION, read_only=not acting),
            http=None,
            history=self.history,
            evidence=self.evidence,
            copies_at_once=8,
        )

    def plan(self, name, **params):
        self.runs, self.now = self.runs + 1, self.now + timedelta(seconds=2)
        return ACTIONS[name].plan(self.ctx(), ACTIONS[name].Params(**params))

    def do(self, name, **params):
        (change,) = self.plan(name, **params)
        look = ACTIONS[name].look(self.ctx(), change)
        assert look.standing is Standing.READY
        progress = ChangeProgress(state="started", started_at=self.now, before=dict(look.before))
        while isinstance(applied := ACTIONS[name].apply(self.ctx(acting=True), change, progress), Pending):
            progress = progress.model_copy(update={"checkpoint": applied.checkpoint})
        assert isinstance(applied, Done)
        return applied.facts


@pytest.fixture(scope="module")
def server():
    with rclone_server() as url:
        s3 = There(url).client("s3")
        for bucket in (place.BUCKET, place.BACKUP_BUCKET):
            s3.create_bucket(Bucket=bucket)
        for name in NAMES:
            s3.put_object(Bucket=place.BUCKET, Key=f"{place.PREFIX}/{name}", Body=name.encode() * (name != "2/empty"))
        for number in range(MANY):
            s3.put_object(Bucket=place.BUCKET, Key=f"{place.PREFIX}/3/many/{number:05d}", Body=b"%d" % number)
        yield url


def test_a_bucket_without_versions_is_refused_as_it_stands(server):
    with pytest.raises(StepRefused, match=r"S17: backup bucket fraud-models-backup keeps no versions"):
        Work(There(server, facts={})).plan(BACKUP)


def test_a_wrong_secret_backs_nothing_up(server):
    with pytest.raises((StepRefused, AwsDenied), match=r"SignatureDoesNotMatch|s3:ListBucket is denied"):
        Work(There(server, secret="wrong")).plan(BACKUP)


def test_a_backup_is_made_verified_and_read_back_the_next_copies_nothing_and_everything_comes_back(server):
    work, s3 = Work(There(server)), There(server).client("s3")
    first = work.do(BACKUP, checkpoint_every=500)
    assert (first["objects"], first["copied"], first["verified"]) == (MANY + len(NAMES), MANY + len(NAMES), True)
    second = work.do(BACKUP)
    assert (second["objects"], second["copied"], second["verified"]) == (MANY + len(NAMES), 0, True)
    (state,) = PROBES["s3.describe_backup"].read(work.ctx(), PROBES["s3.describe_backup"].Params()).places
    assert (state.newest, state.verified, state.broken) == (second["backup"], True, None)
    s3.put_object(Bucket=place.BUCKET, Key=f"{place.PREFIX}/{NAMES[0]}", Body=b"trained again")
    s3.delete_object(Bucket=place.BUCKET, Key=f"{place.PREFIX}/3/many/00007")
    third = work.do(BACKUP)
    assert (third["copied"], third["gone"]) == (1, 1)
    restored = work.do(RESTORE, backup="latest")
    assert (restored["restored"], restored["compared"]) == (MANY + len(NAMES) - 1, 8)
    for name, wanted in {**{name: name.encode() for name in NAMES[1:3]}, NAMES[0]: b"trained again"}.items():
        there = s3.get_object(Bucket=place.BUCKET, Key=f"steward-restored/run-{work.runs}/{name}")
        assert there["Body"].read() == wanted


def test_a_copy_that_somebody_changed_is_found_by_the_next_backup_and_made_anew(server):
    work, s3 = Work(There(server)), There(server).client("s3")
    work.do(BACKUP)
    s3.put_object(Bucket=place.BACKUP_BUCKET, Key=f"{place.PREFIX}/3/many/00100", Body=b"of somebody else")
    again = work.do(BACKUP)
    assert (again["copied"], again["verified"]) == (1, True)
