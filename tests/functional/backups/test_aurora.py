"""The same actions on an Aurora cluster: other calls, other records, and no size to compare."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from chalicelib.aws.rds import DbCluster
from chalicelib.aws.rds_restores import Placed
from chalicelib.aws.rds_snapshots import Snapshot
from chalicelib.models.history import BackupKind, MadeKind
from chalicelib.models.made_names import mark_of
from chalicelib.models.stack import DatabasePart
from chalicelib.models.words import utc
from chalicelib.steps.step import Done
from steward.sandbox import place

MARK = f"{mark_of(place.NAME)}-{place.NAME}"

AT = utc("2026-11-02T08:00:00+00:00")
NAME = f"{MARK}-r-1-step"


class Cluster:
    """A twin of the two gateways: one cluster, and what is made of it."""

    def __init__(self):
        self.snapshots, self.placed, self.calls, self.asked = {}, {}, [], []
        self.placed["churn"] = replace(placed("churn", cluster=True), writer="churn-1", members=("churn-1", "churn-2"))
        writer = placed("churn-1", cluster=False, of_cluster="churn")
        self.placed["churn-1"] = replace(writer, instance_class="db.r6g.large", parameter_group="tuned")

    def find_snapshot(self, name, *, cluster):
        assert cluster
        return self.snapshots.get(name)

    def create(self, name, source, tags, *, cluster):
        self.calls.append(("create", name, source))
        arn = f"arn:aws:rds:eu-west-2:123456789012:cluster-snapshot:{name}"
        self.snapshots[name] = Snapshot(
            name,
            arn,
            source,
            cluster,
            "manual",
            "available",
            100,
            AT,
            "aurora-postgresql",
            "15.4",
            0,
            True,
            "key",
            tags,
        )
        return self.snapshots[name]

    def find(self, name, *, cluster):
        found = self.placed.get(name)
        return found if found and found.cluster == cluster else None

    def restore_cluster(self, asked):
        self.calls.append(("restore", asked["DBClusterIdentifier"]))
        self.asked.append(asked)
        tags = {tag["Key"]: tag["Value"] for tag in asked["Tags"]}
        self.placed[asked["DBClusterIdentifier"]] = placed(asked["DBClusterIdentifier"], cluster=True, tags=tags)

    def restore_instance(self, asked):
        raise AssertionError(f"a cluster is not restored as an instance: {asked}")

    def add_instance(self, asked):
        self.asked.append(asked)
        self.calls.append(("member", asked["DBInstanceIdentifier"], asked["DBClusterIdentifier"]))
        tags = {tag["Key"]: tag["Value"] for tag in asked["Tags"]}
        name, of = asked["DBInstanceIdentifier"], asked["DBClusterIdentifier"]
        self.placed[name] = placed(name, cluster=False, tags=tags, of_cluster=of)

    def delete_member(self, name):
        self.calls.append(("delete member", name))
        del self.placed[name]

    def delete_cluster(self, name):
        self.calls.append(("delete cluster", name))
        del self.placed[name]


def placed(name, *, cluster, tags=None, of_cluster=None):
    return Placed(
        name, cluster, "available", "aurora-postgresql", "15.4", f"{name}.example.com", 5432, "subnets", ("sg-1",),
        None, None, None, 0, False, False, False, of_cluster, (), tags or {},
    )  # fmt: skip


@pytest.fixture
def aurora(flight):
    flight.cluster = cluster = Cluster()
    flight.stack = flight.world.stack().model_copy(update={"database": DatabasePart(cluster="churn")})
    snapshots = SimpleNamespace(find=cluster.find_snapshot, create=cluster.create, room=lambda **_: None)
    rds = SimpleNamespace(
        cluster=lambda name: DbCluster(name, "available", "aurora-postgresql", "15.4", True, ("a",), "a")
    )
    aws = SimpleNamespace(rds_snapshots=snapshots, rds=rds, rds_restores=cluster)
    usual = flight.ctx
    flight.ctx = lambda **over: usual(**{**over, "aws": aws})
    return flight


def finish_all(aurora, name, **params):
    return [aurora.finish(change) for change in aurora.plan(name, **params)]


def test_a_cluster_s_snapshot_is_taken_and_is_a_backup(aurora):
    (done,) = finish_all(aurora, "rds.create_snapshot")
    assert isinstance(done, Done)
    assert aurora.cluster.calls == [("create", NAME, "churn")]
    assert aurora.history.newest_good("fraud-scoring-mlflow", BackupKind.DATABASE).id == NAME
    assert aurora.history.creation("fraud-scoring-mlflow", MadeKind.CLUSTER_SNAPSHOT, NAME)


def test_s16_a_restored_cluster_gets_an_instance_and_both_are_deleted_instance_first(aurora):
    finish_all(aurora, "rds.create_snapshot")
    snapshot = aurora.cluster.snapshots[NAME]
    aurora.cluster.snapshots = {NAME: snapshot}
    cluster, member = finish_all(aurora, "rds.restore_snapshot", throw_away=True)
    assert cluster.facts["cluster"] == NAME
    assert member.facts == {"instance": f"{NAME}-1"}
    assert aurora.cluster.calls[1:] == [("restore", NAME), ("member", f"{NAME}-1", NAME)]
    finish_all(aurora, "rds.delete_restored")
    assert aurora.cluster.calls[3:] == [("delete member", f"{NAME}-1"), ("delete cluster", NAME)]
    assert set(aurora.cluster.placed) == {"churn", "churn-1"}


def test_a_restored_cluster_is_of_its_writer_s_class_and_parameters_and_the_plan_says_what_it_lacks(aurora):
    finish_all(aurora, "rds.create_snapshot")
    cluster, member = aurora.plan("rds.restore_snapshot")
    assert cluster.parameters["VpcSecurityGroupIds"] == ["sg-1"]
    asked = member.parameters
    assert (asked["DBInstanceClass"], asked["DBParameterGroupName"]) == ("db.r6g.large", "tuned")
    assert "a db.r6g.large; churn has 2 instances, so add readers to it" in member.sentence
    _, smaller = aurora.plan("rds.restore_snapshot", instance_class="db.t4g.medium")
    assert "a db.t4g.medium, where churn is db.r6g.large" in smaller.sentence


def test_a_serverless_cluster_comes_back_with_its_capacity(aurora):
    twin = aurora.cluster.placed
    twin["churn"] = replace(twin["churn"], scaling=(0.5, 16.0), storage_type="aurora-iopt1")
    twin["churn-1"] = replace(twin["churn-1"], instance_class="db.serverless")
    finish_all(aurora, "rds.create_snapshot")
    cluster, member = aurora.plan("rds.restore_snapshot")
    assert cluster.parameters["ServerlessV2ScalingConfiguration"] == {"MinCapacity": 0.5, "MaxCapacity": 16.0}
    assert cluster.parameters["StorageType"] == "aurora-iopt1"
    assert member.parameters["DBInstanceClass"] == "db.serverless"
    assert "of 0.5 to 16 capacity units" in cluster.sentence


def test_a_cluster_that_has_lost_its_instances_or_is_gone_itself_is_restored_as_it_was_recorded(aurora):
    finish_all(aurora, "rds.create_snapshot")
    twin = aurora.cluster.placed
    twin["churn"] = replace(twin["churn"], writer=None, members=())
    assert aurora.plan("rds.restore_snapshot")[1].parameters["DBInstanceClass"] == "db.r6g.large"
    del twin["churn"]
    cluster, member = aurora.plan("rds.restore_snapshot")
    assert cluster.parameters["DBSubnetGroupName"] == "subnets"
    assert member.parameters["DBParameterGroupName"] == "tuned"
    assert "churn is gone" in cluster.sentence


def test_a_multi_az_cluster_that_is_not_aurora_s_brings_its_instances_along(aurora):
    finish_all(aurora, "rds.create_snapshot")
    twin = aurora.cluster
    twin.snapshots[NAME] = replace(twin.snapshots[NAME], engine="postgres")
    twin.placed["churn"] = replace(
        twin.placed["churn"], instance_class="db.m6gd.large", writer=None, storage_type="io1", iops=3000
    )
    (cluster,) = aurora.plan("rds.restore_snapshot")
    assert (cluster.parameters["DBClusterInstanceClass"], cluster.parameters["Iops"]) == ("db.m6gd.large", 3000)
