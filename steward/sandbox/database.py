"""The PostgreSQL instance behind MLflow: whether it answers, and what RDS says of it."""

from datetime import datetime, timedelta
from typing import Any

from steward.sandbox import place
from steward.sandbox.events import EventLog


class Database:
    def __init__(self, events: EventLog, since: datetime) -> None:
        self._events = events
        self._since = since
        self.status = "available"
        """As `DBInstanceStatus` says it."""
        self.zone = place.ZONES[0]
        self.told: list[dict[str, Any]] = []
        """As DescribeEvents lists them, oldest first."""
        self._over_at: datetime | None = None

    @property
    def answers(self) -> bool:
        return self.status in {"available", "backing-up", "modifying", "storage-optimization"}

    def fail_over(self, now: datetime, for_s: int) -> None:
        """A Multi-AZ failover. `failing-over` is Aurora's word; an instance shows `rebooting`."""
        self.status, self._over_at = "rebooting", now + timedelta(seconds=for_s)
        self._tell(now, "RDS-EVENT-0013", ["failover"], "Multi-AZ instance failover started.")

    def tick(self, now: datetime) -> None:
        if self._over_at is None or now < self._over_at:
            return
        self.status, self._over_at = "available", None
        self.zone = next(zone for zone in place.ZONES if zone != self.zone)
        self._tell(now, "RDS-EVENT-0006", ["availability"], "DB instance restarted.")
        self._tell(now, "RDS-EVENT-0049", ["failover"], "Multi-AZ instance failover completed.")

    def _tell(self, now: datetime, event_id: str, categories: list[str], message: str) -> None:
        self._events.database_event(now, event_id, categories, message)
        told = {
            "SourceIdentifier": place.DATABASE,
            "SourceType": "db-instance",
            "Message": message,
            "EventCategories": categories,
            "Date": now,
            "SourceArn": place.DATABASE_ARN,
        }
        self.told.append(told)

    def view(self) -> dict[str, Any]:
        """As DescribeDBInstances says it."""
        return {
            "DBInstanceIdentifier": place.DATABASE,
            "DBInstanceArn": place.DATABASE_ARN,
            "DBInstanceClass": "db.t3.micro",
            "Engine": "postgres",
            "EngineVersion": "15.8",
            "DBInstanceStatus": self.status,
            "MasterUsername": "mlflow",
            "DBName": place.DATABASE_NAME,
            "Endpoint": {"Address": place.DATABASE_HOST, "Port": 5432, "HostedZoneId": "Z1TTGA775OQIYO"},
            "AllocatedStorage": 20,
            "StorageType": "gp3",
            "InstanceCreateTime": self._since,
            "PreferredBackupWindow": "02:00-02:30",
            "PreferredMaintenanceWindow": "sun:03:00-sun:03:30",
            "BackupRetentionPeriod": 7,
            "AvailabilityZone": self.zone,
            "SecondaryAvailabilityZone": next(zone for zone in place.ZONES if zone != self.zone),
            "MultiAZ": True,
            "PendingModifiedValues": {},
            "PubliclyAccessible": False,
            "StorageEncrypted": True,
            "DeletionProtection": True,
            "DBParameterGroups": [{"DBParameterGroupName": "default.postgres15", "ParameterApplyStatus": "in-sync"}],
            "VpcSecurityGroups": [{"VpcSecurityGroupId": place.SECURITY_GROUP, "Status": "active"}],
            "ReadReplicaDBInstanceIdentifiers": [],
            "TagList": [],
        }
