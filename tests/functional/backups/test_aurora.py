"""The same actions on an Aurora cluster: other calls, other records, and no size to compare."""

from types import SimpleNamespace

import pytest

from chalicelib.aws.rds import DbCluster
from chalicelib.aws.rds_restores import Placed
from chalicelib.aws.rds_snapshots import Snapshot
from chalicelib.models.history import BackupKind, MadeKind
from chalicelib.models.stack import DatabasePart
from chalicelib.models.words import utc
from chalicelib.steps.step import Done

AT = utc("2026-11-02T08:00:00+00:00")
NAME = "steward-r-1-step"


class Cluster:
    """A twin of the two gateways: one cluster, and what is made of it."""

    def __init__(self):
        self.snapshots, self.placed, self.calls = {}, {}, []
        self.placed["churn"] = placed("churn", cluster=True)

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
        tags = {tag["Key"]: tag["Value"] for tag in asked["Tags"]}
        self.placed[asked["DBClusterIdentifier"]] = placed(asked["DBClusterIdentifier"], cluster=True, tags=tags)

    def restore_instance(self, asked):
        raise AssertionError(f"a cluster is not restored as an instance: {asked}")

    def add_instance(self, asked):
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
    assert set(aurora.cluster.placed) == {"churn"}
