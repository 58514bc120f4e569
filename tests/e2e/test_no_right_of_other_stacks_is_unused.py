"""No right that a stack has beyond those of the sandbox's own is of no use, and none is missing (S21): a directory,
an account that snapshots are shared with, customers' keys, a backup bucket of another account, an Aurora cluster.

Steps are carried out on such a stack with just the rights that are packaged for it. What they used of those that the
usual stack does not have is all of them.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.aws.sessions import StackSessions
from chalicelib.models.change import ChangeProgress, ChangeState
from chalicelib.models.stack import Stack
from chalicelib.net.http import HttpAnswer
from chalicelib.steps.backup_grant import bucket_policy, key_statement
from chalicelib.steps.database_facts import read_held
from chalicelib.steps.registry import ACTIONS, PROBES
from chalicelib.steps.side_by_side import one_after_another
from chalicelib.steps.step import Pending, StepContext
from chalicelib.store.blobs import MemoryBlobs
from chalicelib.store.history import History
from chalicelib.store.memory import MemoryTable
from steward.packaging.rights import stack_grants
from steward.sandbox import other_account, place
from steward.sandbox.backup_faults import artifacts_grown
from steward.sandbox.directory import LDAP_PART
from steward.sandbox.enforcement import Enforcement
from steward.sandbox.leftovers import LeftUpload
from steward.sandbox.overrides import PARAMS
from steward.sandbox.sessions import new_session
from steward.sandbox.world import World, WorldClock
from tests.functional.backup.test_backup_to_another_account import There
from tests.functional.backups import test_aurora_on_moto as on_moto
from tests.functional.backups.test_aurora_on_moto import HERE, NOW_PASSWORD, THERE, Logins, tell_quotas
from tests.shipped import read_runbooks

THEIRS = other_account.ACCOUNT


def key(name):
    return place.arn("kms", f"key/{name}")


def stack_with(**parts):
    document = place.STACK_DOCUMENT
    return Stack.model_validate(document | {name: document.get(name, {}) | over for name, over in parts.items()})


@dataclass
class Flight:
    """Steps on a stack, planned and carried out with the session that each would have."""

    world: Any
    stack: Stack
    history: History = field(default_factory=lambda: History(MemoryTable()))
    evidence: MemoryBlobs = field(default_factory=MemoryBlobs)
    runs: int = 0

    def __post_init__(self):
        self.iam = Enforcement.of(self.world, self.stack, read_runbooks())
        self.stack = self.iam.stack  # as it is deployed: with its roles
        self.sessions = StackSessions(place.REGION, self.iam.session)
        self.made = []

    def ctx(self, step, *, acting=False):
        name, run = step.name.rpartition(".")[2], f"r-{self.runs}"
        aws = self.sessions.for_stack(self.stack, run, name, step.permissions, plan_mode=not acting)
        return StepContext(
            stack=self.stack, run_id=run, step_id=name, now=self.world.clock.now(), aws=aws, http=self.world.http,
            databases=self.world.databases, directories=self.world.directories, history=self.history,
            evidence=self.evidence, copies_at_once=0, monotonic=lambda: 0.0, side_by_side=one_after_another,
            made=lambda: tuple(self.made),
        )  # fmt: skip

    def read(self, name, **params):
        return PROBES[name].read(self.ctx(PROBES[name]), PROBES[name].Params(**params))

    def do(self, name, **params):
        """In a run of its own."""
        self.runs, self.made = self.runs + 1, []
        action = ACTIONS[name]
        return [self._finish(action, one) for one in action.plan(self.ctx(action), action.Params(**params))]

    def _finish(self, action, change):
        look = action.look(self.ctx(action, acting=True), change)
        progress = ChangeProgress(
            state=ChangeState.STARTED, started_at=self.world.clock.now(), before=dict(look.before)
        )
        self.made.append((change, progress))
        for _ in range(50):
            applied = action.apply(self.ctx(action, acting=True), change, progress)
            if not isinstance(applied, Pending):
                return applied
            told = {"detail": applied.detail, "checkpoint": applied.checkpoint or progress.checkpoint}
            progress = progress.model_copy(update=told)
            self.later(seconds=max(60, applied.check_after_s))
        raise AssertionError(f"never done: {change.sentence}")

    def later(self, **span):
        """Only the hands of the clock, and what RDS has under way."""
        self.world.clock.turn(self.world.clock.now() + timedelta(**span))
        self.world.rds.tick(self.world.clock.now())

    def nobody_used(self):
        """What this stack may, the usual one may not, and no step has needed. What was denied is named first."""
        assert self.iam.denied == []
        more = self.more()
        assert more, "nothing is proved by a stack like the usual one"
        return {f"{one.role.value} {one.action} on {one.resource}" for one in more - self.iam.used}

    def more(self):
        usual = place.stack().model_copy(update={"account": self.stack.account})
        return set(self.iam.account.grants) - set(stack_grants(usual, read_runbooks()))


@pytest.fixture
def world():
    with World.create(seed=3) as made:
        yield made


def test_a_directory_s_secret_is_read_to_bind_with(world):
    flight = Flight(world, stack_with(ldap=LDAP_PART))
    assert flight.read("ldap.bind").bound
    assert flight.nobody_used() == set()


def test_what_reaches_into_a_stack_s_network_has_no_right_of_the_stack_s_roles(world):
    inside = {"subnets": list(place.SUBNETS), "securityGroups": [place.SECURITY_GROUP]}
    assert Flight(world, stack_with(network=inside)).more() == set()


@pytest.mark.parametrize(
    "place_of_it", [{"region": place.OFFSITE_REGION, "kmsKey": place.OFFSITE_KEY}, {"region": None, "kmsKey": None}]
)
def test_what_sharing_snapshots_with_an_account_takes_is_allowed_where_the_snapshot_lies(world, place_of_it):
    flight = Flight(world, stack_with(backup={"offsite": {"account": THEIRS} | place_of_it}))
    flight.do("rds.create_snapshot")
    assert flight.do("rds.copy_snapshot")[-1].facts == {"shared_with": THEIRS}
    assert flight.do("rds.copy_snapshot") == [], "it looks with whom it is shared"
    assert flight.nobody_used() == set()


def test_keys_of_the_customer_s_own_are_used_by_way_of_s3_and_rds(world):
    artifacts_grown(world)
    named = {"kmsKey": key("a-1"), "backupKmsKey": key("b-1")}
    flight = Flight(world, stack_with(artifacts=named, database={"kmsKey": key("d-1")}))
    world.bucket.keys |= {place.BUCKET: named["kmsKey"], place.BACKUP_BUCKET: named["backupKmsKey"]}
    world.rds.customer_key = key("d-1")
    for name in ("s3.backup_prefix", "s3.restore_sample", "rds.create_snapshot", "rds.copy_snapshot"):
        flight.do(name)
    flight.do("rds.restore_snapshot", throw_away=True)
    assert flight.nobody_used() == set()


def test_a_key_named_by_its_arn_signs_manifests_and_checks_them(world):
    """By its alias the right needs a condition, by its ARN none."""
    artifacts_grown(world)
    world.prepare("kms")
    made = world.own_client("kms").create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    flight = Flight(world, stack_with(backup={"macKey": made["KeyMetadata"]["Arn"]}))
    for name in ("s3.backup_prefix", "s3.restore_sample", "s3.backup_prefix"):
        flight.do(name)
    assert flight.nobody_used() == set()


class Answering:
    """The world's HTTP, and one more server that says anything at all."""

    def __init__(self, http, url):
        self._http, self._url = http, url

    def ask(self, request):
        return HttpAnswer(403, {}, b"", 0.1) if request.url.startswith(self._url) else self._http.ask(request)


def test_the_keys_of_an_endpoint_that_is_not_amazon_s_are_read_to_ask_it(world):
    endpoint = "https://s3.eu-west-2.amazonaws.com"  # named by the stack, as MinIO would be; moto answers there
    world.break_with("orphaned-artifacts")
    world.http = Answering(world.http, endpoint)
    keys = json.dumps({"username": "AKIAMINIO", "password": "minio-canary"})
    world.own_client("secretsmanager").create_secret(Name="minio/keys", SecretString=keys)
    flight = Flight(world, stack_with(artifacts={"endpoint": endpoint, "secret": "minio/keys"}))
    flight.do("s3.check_round_trip")
    flight.read("mlflow.find_orphan_artifacts")
    assert flight.nobody_used() == set()


def test_a_backup_bucket_of_another_account_is_written_read_and_tidied(world):
    artifacts_grown(world)
    world.prepare("s3")
    bucket, theirs = other_account.BACKUP_BUCKET, other_account.KEY
    named = {"backupBucket": bucket, "backupAccount": THEIRS, "backupKmsKey": theirs}
    flight, there = Flight(world, stack_with(artifacts=named)), There(world)
    there.lets(bucket_policy(flight.stack, place.ACCOUNT))
    world.bucket.keys[bucket] = theirs
    world.bucket.key_policies[theirs] = {"Statement": [key_statement(flight.stack, place.ACCOUNT)]}
    flight.do("s3.backup_prefix")
    flight.do("s3.restore_sample")
    long_ago = world.clock.now() - timedelta(days=40)
    world.bucket.leftovers.uploads.append(
        LeftUpload(f"{place.PREFIX}/1/copy/artifacts/model.bin", "left", long_ago, [(1024, long_ago)], bucket)
    )
    flight.do("s3.abort_uploads")
    world.own_client("s3").delete_object(Bucket=place.BUCKET, Key=f"{place.PREFIX}/7/odd/artifacts/empty")
    for _ in range(2):
        flight.later(days=8)
        flight.do("s3.backup_prefix")
    flight.do("s3.expire_copies")
    assert flight.nobody_used() == set()


class MotoAccount:
    """An account with an Aurora cluster, which the sandbox's world has not: moto's, as far as enforcement asks."""

    http = directories = None

    def __init__(self):
        self.clock = WorldClock(datetime.now(UTC), lambda _moment: None)
        self.databases = Logins()
        self.bucket = SimpleNamespace(keys={}, key_policies={})
        self.rds = SimpleNamespace(
            of_region=self._tagged, restored={}, snapshots={}, customer_key=None, tick=lambda _now: None
        )
        self._copied = {}
        self._own = {region: self.session().client("rds", region_name=region) for region in (HERE, THERE)}

    def session(self, _whose=""):
        session = new_session()
        session.events.register("provide-client-params", self._given)
        session.events.register_last("before-call.rds", tell_quotas)
        session.events.register("after-call.rds.DescribeDBClusterSnapshots", self._whence)
        return session

    unnoted_session = session

    def _given(self, params, context, model, **_):
        context[PARAMS] = params
        self.databases.let_in |= model.name == "ModifyDBCluster"
        if model.name == "CopyDBClusterSnapshot":
            self._copied[params["TargetDBClusterSnapshotIdentifier"]] = params["SourceDBClusterSnapshotIdentifier"]

    def _whence(self, parsed, **_):
        """moto does not say of what a copy is one."""
        for one in parsed.get("DBClusterSnapshots", ()):
            if of := self._copied.get(one["DBClusterSnapshotIdentifier"]):
                one["SourceDBClusterSnapshotArn"] = of

    def _tagged(self, region):
        rds = self._own[region]
        listed = (
            *((one["DBClusterArn"], one) for one in rds.describe_db_clusters()["DBClusters"]),
            *((one["DBInstanceArn"], one) for one in rds.describe_db_instances()["DBInstances"]),
            *((one["DBClusterSnapshotArn"], one) for one in rds.describe_db_cluster_snapshots()["DBClusterSnapshots"]),
        )
        return [SimpleNamespace(arn=arn, tags=one["TagList"]) for arn, one in listed]


account_with_cluster = on_moto.account


@pytest.fixture
def aurora(account_with_cluster):
    account = account_with_cluster
    secret = json.dumps({"username": "mlflow", "password": NOW_PASSWORD})
    account.session.client("secretsmanager").create_secret(Name=place.DATABASE_SECRET, SecretString=secret)
    database = account.stack.database.model_copy(update={"secret": place.DATABASE_SECRET})
    return Flight(MotoAccount(), account.stack.model_copy(update={"database": database}))


def test_an_aurora_cluster_is_taken_copied_pruned_restored_let_in_and_deleted(account_with_cluster, aurora):
    (of_rds,) = account_with_cluster.there(kind="automated")
    aurora.do("rds.copy_snapshot", snapshot=of_rds)
    for _ in range(2):
        aurora.do("rds.create_snapshot")
        assert aurora.do("rds.copy_snapshot")[-1].facts == {"shared_with": THEIRS}
        assert aurora.do("rds.copy_snapshot") == [], "it looks with whom it is shared"
    aurora.do("rds.prune_snapshots")
    cluster, member = aurora.do("rds.restore_snapshot", throw_away=True)
    aurora.world.databases.let_in = False
    aurora.do("rds.set_password", cluster=cluster.facts["cluster"], instance=member.facts["instance"])
    aurora.later(days=1)
    aurora.do("rds.delete_restored", which="due")
    # Who quarantines or deletes reads once more what the database owns; the rest of that knows no cluster.
    assert read_held(aurora.ctx(ACTIONS["s3.quarantine_artifacts"], acting=True)).answers
    assert aurora.nobody_used() == set()
