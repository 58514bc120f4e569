"""RDS: how a database instance or Aurora cluster stands. Reads only."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.aws.translate import calling
from chalicelib.errors import AwsNotFound

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient


@dataclass(frozen=True)
class DbInstance:
    id: str
    status: str
    engine: str
    engine_version: str
    instance_class: str
    multi_az: bool
    zone: str | None
    allocated_gib: int
    pending: tuple[str, ...]
    """Names of modified values that are not in force yet; never the values (one is a password)."""
    cluster: str | None
    host: str | None = None
    port: int | None = None
    storage_type: str | None = None
    max_allocated_gib: int | None = None
    """Ceiling of storage autoscaling; None: it is off."""
    backup_window: str | None = None
    """`HH:MM-HH:MM`, UTC, like the next."""
    backup_days: int = 0
    maintenance_window: str | None = None
    publicly_accessible: bool = False
    encrypted: bool = False


@dataclass(frozen=True)
class DbCluster:
    id: str
    status: str
    engine: str
    engine_version: str
    multi_az: bool
    members: tuple[str, ...]
    writer: str | None
    host: str | None = None
    port: int | None = None
    backup_window: str | None = None
    backup_days: int = 0
    maintenance_window: str | None = None


@dataclass(frozen=True)
class DbEvent:
    at: datetime
    categories: tuple[str, ...]
    message: str


@dataclass(frozen=True)
class AccountQuota:
    name: str
    """As RDS calls it: `DBInstances`, `ManualSnapshots`."""
    used: int
    most: int


class Rds:
    def __init__(self, client: "RDSClient") -> None:
        self._client = client

    def instance(self, name: str) -> DbInstance:
        with calling("rds:DescribeDBInstances"):
            answer = self._client.describe_db_instances(DBInstanceIdentifier=name)
        for found in answer["DBInstances"]:
            return _instance(found)
        raise AwsNotFound("rds:DescribeDBInstances", "Empty", f"no database instance {name}")

    def cluster(self, name: str) -> DbCluster:
        with calling("rds:DescribeDBClusters"):
            answer = self._client.describe_db_clusters(DBClusterIdentifier=name)
        for found in answer["DBClusters"]:
            return _cluster(found)
        raise AwsNotFound("rds:DescribeDBClusters", "Empty", f"no database cluster {name}")

    def events(self, name: str, *, cluster: bool, since: datetime, until: datetime) -> tuple[DbEvent, ...]:
        """Oldest first. RDS keeps 14 days; one call, so at most 100."""
        with calling("rds:DescribeEvents"):
            answer = self._client.describe_events(
                SourceIdentifier=name,
                SourceType="db-cluster" if cluster else "db-instance",
                StartTime=since,
                EndTime=until,
                MaxRecords=100,
            )
        found = [
            DbEvent(raw["Date"].astimezone(UTC), tuple(raw.get("EventCategories", [])), raw.get("Message", ""))
            for raw in answer.get("Events", [])
            if "Date" in raw
        ]
        return tuple(sorted(found, key=lambda event: event.at))

    def account_quotas(self) -> tuple[AccountQuota, ...]:
        """What RDS lets this account have in the region, and how much of it there is."""
        with calling("rds:DescribeAccountAttributes"):
            answer = self._client.describe_account_attributes()
        return tuple(
            AccountQuota(raw["AccountQuotaName"], int(raw["Used"]), int(raw["Max"]))
            for raw in answer.get("AccountQuotas", [])
        )


def _instance(raw: Mapping[str, Any]) -> DbInstance:
    return DbInstance(
        id=raw["DBInstanceIdentifier"],
        status=raw.get("DBInstanceStatus", "unknown"),
        engine=raw.get("Engine", ""),
        engine_version=raw.get("EngineVersion", ""),
        instance_class=raw.get("DBInstanceClass", ""),
        multi_az=raw.get("MultiAZ", False),
        zone=raw.get("AvailabilityZone"),
        allocated_gib=raw.get("AllocatedStorage", 0),
        pending=tuple(sorted(raw.get("PendingModifiedValues", {}))),
        cluster=raw.get("DBClusterIdentifier"),
        host=raw.get("Endpoint", {}).get("Address"),
        port=raw.get("Endpoint", {}).get("Port"),
        storage_type=raw.get("StorageType"),
        max_allocated_gib=raw.get("MaxAllocatedStorage"),
        backup_window=raw.get("PreferredBackupWindow"),
        backup_days=raw.get("BackupRetentionPeriod", 0),
        maintenance_window=raw.get("PreferredMaintenanceWindow"),
        publicly_accessible=raw.get("PubliclyAccessible", False),
        encrypted=raw.get("StorageEncrypted", False),
    )


def _cluster(raw: Mapping[str, Any]) -> DbCluster:
    members = raw.get("DBClusterMembers", [])
    return DbCluster(
        id=raw["DBClusterIdentifier"],
        status=raw.get("Status", "unknown"),
        engine=raw.get("Engine", ""),
        engine_version=raw.get("EngineVersion", ""),
        multi_az=raw.get("MultiAZ", False),
        members=tuple(m["DBInstanceIdentifier"] for m in members),
        writer=next((m["DBInstanceIdentifier"] for m in members if m.get("IsClusterWriter")), None),
        host=raw.get("Endpoint"),
        port=raw.get("Port"),
        backup_window=raw.get("PreferredBackupWindow"),
        backup_days=raw.get("BackupRetentionPeriod", 0),
        maintenance_window=raw.get("PreferredMaintenanceWindow"),
    )
