"""The RDS gateways for Aurora clusters and restored instances, against botocore's own idea of the API."""

from datetime import UTC, datetime

import pytest
from botocore.stub import ANY, Stubber

from chalicelib.aws.gateways import Aws
from chalicelib.aws.kms_keys import KmsKeys
from chalicelib.aws.rds_restores import RdsRestores
from chalicelib.aws.rds_snapshots import RdsSnapshots
from chalicelib.errors import AwsDenied, PlanModeViolation
from tests.aws_sessions import aws_session

AT = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
CLUSTER_SNAPSHOT = {
    "DBClusterSnapshotIdentifier": "steward-r-1-s",
    "DBClusterSnapshotArn": "arn:aws:rds:eu-west-2:123456789012:cluster-snapshot:steward-r-1-s",
    "DBClusterIdentifier": "churn-cluster",
    "SnapshotType": "manual",
    "Status": "available",
    "PercentProgress": 100,
    "SnapshotCreateTime": AT,
    "Engine": "aurora-postgresql",
    "EngineVersion": "15.4",
    "StorageEncrypted": True,
    "KmsKeyId": "arn:aws:kms:eu-west-2:123456789012:key/k",
    "TagList": [{"Key": "steward:stack", "Value": "churn-mlflow"}],
}


def session():
    return aws_session(region_name="eu-west-2", aws_access_key_id="k", aws_secret_access_key="s")


@pytest.fixture
def stub():
    client = session().client("rds")
    with Stubber(client) as stubber:
        yield stubber


def test_a_cluster_s_snapshot_is_created_with_its_tags_and_read_back(stub):
    tags = [{"Key": "steward:stack", "Value": "churn-mlflow"}]
    asked = {"DBClusterSnapshotIdentifier": "steward-r-1-s", "DBClusterIdentifier": "churn-cluster", "Tags": tags}
    stub.add_response("create_db_cluster_snapshot", {"DBClusterSnapshot": CLUSTER_SNAPSHOT}, asked)
    made = RdsSnapshots(stub.client).create(
        "steward-r-1-s", "churn-cluster", {"steward:stack": "churn-mlflow"}, cluster=True
    )
    assert (made.cluster, made.source, made.taken_at, made.encrypted) == (True, "churn-cluster", AT, True)
    assert made.tags == {"steward:stack": "churn-mlflow"}


def test_a_cluster_s_snapshots_are_listed_page_by_page(stub):
    first = {"DBClusterIdentifier": "churn-cluster", "MaxRecords": 100, "SnapshotType": "manual"}
    older = {**CLUSTER_SNAPSHOT, "DBClusterSnapshotIdentifier": "older", "SnapshotCreateTime": AT.replace(day=1)}
    stub.add_response("describe_db_cluster_snapshots", {"DBClusterSnapshots": [older], "Marker": "m"}, first)
    second = {"DBClusterSnapshots": [CLUSTER_SNAPSHOT]}
    stub.add_response("describe_db_cluster_snapshots", second, {**first, "Marker": "m"})
    found = RdsSnapshots(stub.client).of_database("churn-cluster", cluster=True, kind="manual")
    assert [one.id for one in found] == ["steward-r-1-s", "older"]


def test_a_cluster_s_snapshot_is_shared_with_one_account_and_deleted(stub):
    name = {"DBClusterSnapshotIdentifier": "s"}
    stub.add_response(
        "modify_db_cluster_snapshot_attribute",
        {},
        {**name, "AttributeName": "restore", "ValuesToAdd": ["210987654321"]},
    )
    listed = [{"AttributeName": "restore", "AttributeValues": ["210987654321"]}]
    result = {"DBClusterSnapshotAttributesResult": {"DBClusterSnapshotAttributes": listed}}
    stub.add_response("describe_db_cluster_snapshot_attributes", result, name)
    stub.add_response("delete_db_cluster_snapshot", {}, name)
    stub.add_client_error("delete_db_cluster_snapshot", "DBClusterSnapshotNotFoundFault")
    gateway = RdsSnapshots(stub.client)
    gateway.share("s", "210987654321", cluster=True)
    assert gateway.shared_with("s", cluster=True) == {"210987654321"}
    assert gateway.delete("s", cluster=True) is True
    assert gateway.delete("s", cluster=True) is False


def test_aws_backup_s_are_known_by_their_name_whatever_their_type_says(stub):
    named = {**CLUSTER_SNAPSHOT, "DBClusterSnapshotIdentifier": "awsbackup:job-1"}
    stub.add_response(
        "describe_db_cluster_snapshots", {"DBClusterSnapshots": [named]}, {"DBClusterSnapshotIdentifier": ANY}
    )
    assert RdsSnapshots(stub.client).find("awsbackup:job-1", cluster=True).kind == "awsbackup"


def test_a_cluster_is_restored_gets_an_instance_and_is_deleted(stub):
    cluster = {"DBClusterIdentifier": "c", "SnapshotIdentifier": "s", "Engine": "aurora-postgresql"}
    member = {
        "DBInstanceIdentifier": "c-1",
        "DBClusterIdentifier": "c",
        "Engine": "e",
        "DBInstanceClass": "db.t4g.medium",
    }
    stub.add_response("restore_db_cluster_from_snapshot", {}, cluster)
    stub.add_response("create_db_instance", {}, member)
    stub.add_response("delete_db_instance", {}, {"DBInstanceIdentifier": "c-1"})
    stub.add_response("delete_db_cluster", {}, {"DBClusterIdentifier": "c", "SkipFinalSnapshot": True})
    gateway = RdsRestores(stub.client)
    gateway.restore_cluster(cluster)
    gateway.add_instance(member)
    gateway.delete_member("c-1")
    gateway.delete_cluster("c")
    stub.assert_no_pending_responses()


def test_how_a_cluster_is_placed_and_what_is_not_there(stub):
    told = {
        "DBClusterIdentifier": "c", "Status": "available", "Endpoint": "c.example.com", "Port": 5432,
        "DBClusterMembers": [{"DBInstanceIdentifier": "c-1", "IsClusterWriter": True}],
        "TagList": [{"Key": "k", "Value": "v"}],
    }  # fmt: skip
    stub.add_response("describe_db_clusters", {"DBClusters": [told]}, {"DBClusterIdentifier": "c"})
    stub.add_client_error("describe_db_clusters", "DBClusterNotFoundFault")
    stub.add_response("describe_db_clusters", {"DBClusters": [told, {**told, "TagList": []}]}, {})
    gateway = RdsRestores(stub.client)
    found = gateway.find("c", cluster=True)
    assert (found.host, found.members, found.public) == ("c.example.com", ("c-1",), False)
    assert gateway.find("c", cluster=True) is None
    assert [one.id for one in gateway.tagged("k", "v", cluster=True)] == ["c"]


def test_a_denial_names_the_right(stub):
    stub.add_client_error("restore_db_instance_from_db_snapshot", "AccessDenied")
    with pytest.raises(AwsDenied, match="rds:RestoreDBInstanceFromDBSnapshot"):
        RdsRestores(stub.client).restore_instance({"DBInstanceIdentifier": "i", "DBSnapshotIdentifier": "s"})


def test_plan_mode_refuses_every_change_in_every_region():
    aws = Aws(session(), "eu-west-2", read_only=True)
    with pytest.raises(PlanModeViolation):
        aws.rds_snapshots.delete("s", cluster=False)
    with pytest.raises(PlanModeViolation):
        aws.in_region("eu-west-1").rds_snapshots.create("s", "i", {}, cluster=False)
    with pytest.raises(PlanModeViolation):
        aws.rds_restores.delete_instance("i")
    assert aws.in_region("eu-west-2") is aws
    assert aws.in_region("eu-west-1") is aws.in_region("eu-west-1")


def test_whose_key_it_is():
    client = session().client("kms")
    with Stubber(client) as stubber:
        for manager, state in (("AWS", "Enabled"), ("CUSTOMER", "Disabled")):
            told = {"KeyMetadata": {"KeyId": "k", "KeyManager": manager, "KeyState": state}}
            stubber.add_response("describe_key", told, {"KeyId": "k"})
        assert KmsKeys(client).is_amazons("k")
        assert KmsKeys(client).why_unusable("k") == "key k is Disabled"
