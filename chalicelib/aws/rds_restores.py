"""RDS instances and clusters that are restored from a snapshot and deleted again; tags and settings of both."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chalicelib.aws.rds_snapshots import tags_of
from chalicelib.aws.translate import calling
from chalicelib.errors import AwsNotFound

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient

    from chalicelib.aws.secrets import Login

_CAPACITY = {"MinCapacity", "MaxCapacity"}


@dataclass(frozen=True)
class Placed:
    """How an instance or cluster is set up, as far as a restored one should be like it."""

    id: str
    cluster: bool
    status: str
    engine: str
    engine_version: str
    host: str | None
    port: int | None
    subnet_group: str | None
    security_groups: tuple[str, ...]
    parameter_group: str | None
    instance_class: str | None
    storage_type: str | None
    allocated_gib: int
    multi_az: bool
    public: bool
    protected: bool
    """Deletion protection."""
    of_cluster: str | None = None
    members: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    writer: str | None = None
    scaling: tuple[float, float] | None = None
    """Least and most capacity of Aurora Serverless v2."""
    iops: int | None = None
    throughput: int | None = None
    master_user: str | None = None
    master_secret: str | None = None
    """In which RDS keeps its master password, where it does."""
    percent: int | None = None
    """How far an operation on a cluster is; of an instance RDS does not tell."""


class RdsRestores:
    def __init__(self, client: "RDSClient") -> None:
        self._client = client

    def find(self, name: str, *, cluster: bool) -> Placed | None:
        try:
            if cluster:
                with calling("rds:DescribeDBClusters"):
                    clusters: Any = self._client.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"]
                return next((_cluster(raw) for raw in clusters), None)
            with calling("rds:DescribeDBInstances"):
                instances: Any = self._client.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
            return next((_instance(raw) for raw in instances), None)
        except AwsNotFound:
            return None

    def tagged(self, tag: str, value: str, *, cluster: bool) -> tuple[Placed, ...]:
        """All that carry the tag. RDS has no filter for tags: it is looked for in what it lists."""
        if cluster:
            with calling("rds:DescribeDBClusters"):
                pages: Any = self._client.get_paginator("describe_db_clusters").paginate()
                found = [_cluster(raw) for page in pages for raw in page["DBClusters"]]
        else:
            with calling("rds:DescribeDBInstances"):
                pages = self._client.get_paginator("describe_db_instances").paginate()
                found = [_instance(raw) for page in pages for raw in page["DBInstances"]]
        return tuple(one for one in found if one.tags.get(tag) == value)

    def restore_instance(self, asked: Mapping[str, Any]) -> None:
        """`asked` as a Change says it, name by name."""
        with calling("rds:RestoreDBInstanceFromDBSnapshot"):
            self._client.restore_db_instance_from_db_snapshot(**asked)

    def restore_cluster(self, asked: Mapping[str, Any]) -> None:
        with calling("rds:RestoreDBClusterFromSnapshot"):
            self._client.restore_db_cluster_from_snapshot(**asked)

    def add_instance(self, asked: Mapping[str, Any]) -> None:
        """A restored Aurora cluster has no instance of its own and answers nobody until it gets one."""
        with calling("rds:CreateDBInstance"):
            self._client.create_db_instance(**asked)

    def modify_instance(self, name: str, **settings: Any) -> None:
        with calling("rds:ModifyDBInstance"):
            self._client.modify_db_instance(DBInstanceIdentifier=name, ApplyImmediately=True, **settings)

    def set_password(self, name: str, login: "Login", *, cluster: bool) -> None:
        """Of the master user. The password goes from Secrets Manager to RDS, and nowhere else (S29)."""
        if cluster:
            with calling("rds:ModifyDBCluster"):
                self._client.modify_db_cluster(
                    DBClusterIdentifier=name, MasterUserPassword=login.password, ApplyImmediately=True
                )
            return
        with calling("rds:ModifyDBInstance"):
            self._client.modify_db_instance(
                DBInstanceIdentifier=name, MasterUserPassword=login.password, ApplyImmediately=True
            )

    def delete_instance(self, name: str) -> None:
        """Without a final snapshot: only what was restored from one is ever deleted here (S16)."""
        with calling("rds:DeleteDBInstance"):
            self._client.delete_db_instance(
                DBInstanceIdentifier=name, SkipFinalSnapshot=True, DeleteAutomatedBackups=True
            )

    def delete_member(self, name: str) -> None:
        """Of a cluster, whose instances have no snapshots of their own."""
        with calling("rds:DeleteDBInstance"):
            self._client.delete_db_instance(DBInstanceIdentifier=name)

    def delete_cluster(self, name: str) -> None:
        with calling("rds:DeleteDBCluster"):
            self._client.delete_db_cluster(DBClusterIdentifier=name, SkipFinalSnapshot=True)


def _groups(raw: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(each["VpcSecurityGroupId"] for each in raw.get("VpcSecurityGroups", []))


def _instance(raw: Mapping[str, Any]) -> Placed:
    parameters = raw.get("DBParameterGroups", [])
    endpoint = raw.get("Endpoint", {})
    return Placed(
        id=raw["DBInstanceIdentifier"],
        cluster=False,
        status=raw.get("DBInstanceStatus", "unknown"),
        engine=raw.get("Engine", ""),
        engine_version=raw.get("EngineVersion", ""),
        host=endpoint.get("Address"),
        port=endpoint.get("Port"),
        subnet_group=raw.get("DBSubnetGroup", {}).get("DBSubnetGroupName"),
        security_groups=_groups(raw),
        parameter_group=parameters[0]["DBParameterGroupName"] if parameters else None,
        instance_class=raw.get("DBInstanceClass"),
        storage_type=raw.get("StorageType"),
        allocated_gib=raw.get("AllocatedStorage", 0),
        multi_az=raw.get("MultiAZ", False),
        public=raw.get("PubliclyAccessible", False),
        protected=raw.get("DeletionProtection", False),
        of_cluster=raw.get("DBClusterIdentifier"),
        tags=tags_of(raw),
        iops=raw.get("Iops"),
        throughput=raw.get("StorageThroughput"),
        master_user=raw.get("MasterUsername"),
        master_secret=raw.get("MasterUserSecret", {}).get("SecretArn"),
    )


def _cluster(raw: Mapping[str, Any]) -> Placed:
    members = raw.get("DBClusterMembers", [])
    scaling = raw.get("ServerlessV2ScalingConfiguration", {})
    return Placed(
        id=raw["DBClusterIdentifier"],
        cluster=True,
        status=raw.get("Status", "unknown"),
        engine=raw.get("Engine", ""),
        engine_version=raw.get("EngineVersion", ""),
        host=raw.get("Endpoint"),
        port=raw.get("Port"),
        subnet_group=raw.get("DBSubnetGroup"),
        security_groups=_groups(raw),
        parameter_group=raw.get("DBClusterParameterGroup"),
        instance_class=raw.get("DBClusterInstanceClass"),
        storage_type=raw.get("StorageType"),
        allocated_gib=raw.get("AllocatedStorage", 0),
        multi_az=raw.get("MultiAZ", False),
        public=raw.get("PubliclyAccessible", False),
        protected=raw.get("DeletionProtection", False),
        members=tuple(each["DBInstanceIdentifier"] for each in members),
        percent=int(raw["PercentProgress"]) if str(raw.get("PercentProgress", "")).isdecimal() else None,
        tags=tags_of(raw),
        writer=next((each["DBInstanceIdentifier"] for each in members if each.get("IsClusterWriter")), None),
        scaling=(scaling["MinCapacity"], scaling["MaxCapacity"]) if len(scaling.keys() & _CAPACITY) > 1 else None,
        iops=raw.get("Iops"),
        master_user=raw.get("MasterUsername"),
        master_secret=raw.get("MasterUserSecret", {}).get("SecretArn"),
    )
