"""The life of an Aurora cluster's snapshots through the real gateways and boto3, against moto's clusters.

Taken, copied to another region, shared, pruned, restored beside, let in, put to the test and deleted again.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from moto import mock_aws

from chalicelib.aws.gateways import Aws
from chalicelib.errors import StepRefused
from chalicelib.models.change import ChangeProgress, ChangeState
from chalicelib.models.history import BackupKind, MadeKind
from chalicelib.models.stack import Stack
from chalicelib.net.database_login import DatabaseFacts, failed
from chalicelib.net.login_problem import Problem
from chalicelib.steps.registry import ACTIONS
from chalicelib.steps.side_by_side import one_after_another
from chalicelib.steps.step import Done, Pending, StepContext
from chalicelib.store.history import History
from chalicelib.store.memory import MemoryTable
from steward.sandbox import place

CHURN, HERE, THERE = "churn", place.REGION, place.OFFSITE_REGION
ACCOUNT = "210987654321"
NOW_PASSWORD = "of-today-and-long"


class Logins:
    """Every database refuses the login until RDS was told the password of today."""

    out_of_reach = None

    def __init__(self):
        self.let_in = True

    def look(self, request):
        return DatabaseFacts(authenticated=True) if self.let_in else failed(Problem.AUTHENTICATION, request.host)


@dataclass
class Account:
    session: boto3.Session
    stack: Stack
    history: History
    databases: Logins
    run: str = "r-1"

    def rds(self, region=HERE):
        return self.session.client("rds", region_name=region)

    def ctx(self, *, acting=False):
        aws = Aws(self.session, HERE, read_only=not acting)
        return StepContext(
            stack=self.stack, run_id=self.run, step_id="step", now=datetime.now(UTC), aws=aws, http=None,
            databases=self.databases, history=self.history, side_by_side=one_after_another,
        )  # fmt: skip

    def plan(self, name, **params):
        return ACTIONS[name].plan(self.ctx(), ACTIONS[name].Params(**params))

    def finish(self, change):
        """No time passes on moto: whatever goes on is over at the next look."""
        action = ACTIONS[change.action]
        look = action.look(self.ctx(), change)
        progress = ChangeProgress(state=ChangeState.STARTED, started_at=datetime.now(UTC), before=dict(look.before))
        for _ in range(10):
            applied = action.apply(self.ctx(acting=True), change, progress)
            if not isinstance(applied, Pending):
                return applied
            told = {"detail": applied.detail, "checkpoint": applied.checkpoint or progress.checkpoint}
            progress = progress.model_copy(update=told)
        raise AssertionError(f"never done: {change.sentence}")

    def do(self, name, **params):
        return [self.finish(change) for change in self.plan(name, **params)]

    def take(self, run):
        self.run = run
        (done,) = self.do("rds.create_snapshot")
        return done.facts["snapshot"]

    def there(self, region=HERE, kind="manual"):
        listed = self.rds(region).describe_db_cluster_snapshots(SnapshotType=kind)["DBClusterSnapshots"]
        return {one["DBClusterSnapshotIdentifier"] for one in listed}


def tell_quotas(model, **_):
    """moto does not answer this; RDS says how many snapshots an account may have."""
    if model.name == "DescribeAccountAttributes":
        return AWSResponse("", 200, {}, None), {"AccountQuotas": []}
    return None


@pytest.fixture
def account():
    with mock_aws():
        session = boto3.Session(region_name=HERE, aws_access_key_id="k", aws_secret_access_key="s")
        session.events.register_last("before-call.rds", tell_quotas)
        subnets = [one["SubnetId"] for one in session.client("ec2").describe_subnets()["Subnets"]]
        rds = session.client("rds")
        rds.create_db_subnet_group(DBSubnetGroupName="subnets", DBSubnetGroupDescription="d", SubnetIds=subnets)
        rds.create_db_cluster(
            DBClusterIdentifier=CHURN,
            Engine="aurora-postgresql",
            MasterUsername="mlflow",
            MasterUserPassword="of-yesterday",
            DBSubnetGroupName="subnets",
            VpcSecurityGroupIds=["sg-1"],
            StorageEncrypted=True,
            ServerlessV2ScalingConfiguration={"MinCapacity": 0.5, "MaxCapacity": 8},
        )
        member = {"DBClusterIdentifier": CHURN, "Engine": "aurora-postgresql", "DBInstanceClass": "db.serverless"}
        rds.create_db_instance(DBInstanceIdentifier="churn-1", **member)
        secret = json.dumps({"username": "mlflow", "password": NOW_PASSWORD})
        session.client("secretsmanager").create_secret(Name="churn/db", SecretString=secret)
        key = session.client("kms", region_name=THERE).create_key()["KeyMetadata"]["Arn"]
        document = place.STACK_DOCUMENT | {
            "database": {"cluster": CHURN, "secret": "churn/db"},
            "backup": {
                "keep": {"count": 1, "days": 0, "weeks": 0, "months": 0},
                "offsite": {"region": THERE, "kmsKey": key, "account": ACCOUNT},
                "restoreSecurityGroups": ["sg-drill"],
            },
        }
        yield Account(session, Stack.model_validate(document), History(MemoryTable()), Logins())


def test_it_is_taken_copied_under_a_key_of_that_region_and_shared(account):
    name = account.take("r-1")
    assert account.there() == {name}
    backup = account.history.newest_good(place.NAME, BackupKind.DATABASE)
    assert (backup.id, backup.placement.instance_class, backup.placement.scaling) == (name, "db.serverless", (0.5, 8.0))
    account.run = "r-2"
    copied, shared = account.do("rds.copy_snapshot")
    copy = copied.facts["copy_id"]
    assert account.there(THERE) == {copy}
    (told,) = account.rds(THERE).describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=copy)["DBClusterSnapshots"]
    assert told["KmsKeyId"] == account.stack.backup.offsite.kms_key
    assert shared.facts == {"shared_with": ACCOUNT}
    record = account.history.creation(place.NAME, MadeKind.CLUSTER_SNAPSHOT, copy)
    assert record.region == THERE


def test_s16_what_no_rule_wants_is_pruned_and_what_somebody_took_stays(account):
    first, second = account.take("r-1"), account.take("r-2")
    automated = account.there(kind="automated")
    account.rds().create_db_cluster_snapshot(DBClusterSnapshotIdentifier="by-hand", DBClusterIdentifier=CHURN)
    account.run = "r-3"
    (done,) = account.do("rds.prune_snapshots")
    assert isinstance(done, Done)
    assert account.there() == {second, "by-hand"}
    assert account.there(kind="automated") == automated != set()
    assert account.history.creation(place.NAME, MadeKind.CLUSTER_SNAPSHOT, first).gone_at


def test_it_is_restored_like_the_one_in_use_and_deleted_again_with_its_instance(account):
    account.take("r-1")
    account.run = "r-2"
    cluster, member = account.do("rds.restore_snapshot", throw_away=True)
    name, instance = cluster.facts["cluster"], member.facts["instance"]
    (told,) = account.rds().describe_db_clusters(DBClusterIdentifier=name)["DBClusters"]
    assert [group["VpcSecurityGroupId"] for group in told["VpcSecurityGroups"]] == ["sg-drill"]
    assert told["ServerlessV2ScalingConfiguration"]["MaxCapacity"] == 8
    (writer,) = account.rds().describe_db_instances(DBInstanceIdentifier=instance)["DBInstances"]
    assert (writer["DBInstanceClass"], writer["PubliclyAccessible"]) == ("db.serverless", False)
    account.do("rds.delete_restored")
    left = {one["DBClusterIdentifier"] for one in account.rds().describe_db_clusters()["DBClusters"]}
    assert left == {CHURN}
    kinds = (MadeKind.CLUSTER, MadeKind.INSTANCE)
    assert not [one for kind in kinds for one in account.history.creations(place.NAME, kind)]


def test_s16_a_restored_cluster_that_refuses_the_login_is_given_the_password_of_today(account):
    account.take("r-1")
    account.run = "r-2"
    cluster, member = account.do("rds.restore_snapshot")
    names = {"cluster": cluster.facts["cluster"], "instance": member.facts["instance"]}
    account.databases.let_in = False
    asked = []

    def set_now(params, **_):
        asked.append(params)
        account.databases.let_in = True

    account.session.events.register("provide-client-params.rds.ModifyDBCluster", set_now)
    (change,) = account.plan("rds.set_password", **names)
    assert NOW_PASSWORD not in change.model_dump_json()
    assert isinstance(account.finish(change), Done)
    (sent,) = asked
    assert (sent["DBClusterIdentifier"], sent["MasterUserPassword"]) == (names["cluster"], NOW_PASSWORD)
    with pytest.raises(StepRefused, match="S16"):
        account.plan("rds.set_password", cluster=CHURN)


def test_a_cluster_that_is_gone_is_restored_as_it_was_recorded(account):
    account.take("r-1")
    rds = account.rds()
    rds.delete_db_instance(DBInstanceIdentifier="churn-1", SkipFinalSnapshot=True)
    rds.delete_db_cluster(DBClusterIdentifier=CHURN, SkipFinalSnapshot=True)
    account.run = "r-2"
    cluster, member = account.do("rds.restore_snapshot")
    (told,) = rds.describe_db_clusters(DBClusterIdentifier=cluster.facts["cluster"])["DBClusters"]
    assert told["DBSubnetGroup"] == "subnets"
    (writer,) = rds.describe_db_instances(DBInstanceIdentifier=member.facts["instance"])["DBInstances"]
    assert writer["DBInstanceClass"] == "db.serverless"
