"""The PostgreSQL instance behind MLflow: whether it answers, to whom, and what RDS says of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from steward.sandbox import database_words as words
from steward.sandbox import place
from steward.sandbox.database_words import Refusal
from steward.sandbox.events import EventLog
from steward.sandbox.task import Task

MAX_CONNECTIONS = 81
"""What RDS gives a db.t3.micro."""
LOGIN_LIMIT = MAX_CONNECTIONS - 3
"""The rest is reserved."""
_OWN = 2
"""rdsadmin's."""
PER_TASK = 5
"""What the pool of a serving task holds."""
SCHEMA = "dc11669786a5"
"""The Alembic revision of MLflow 3.17.2."""
_GIB = 1024**3
_STARTS_S = 240
_ANSWERS = {"available", "backing-up", "modifying", "storage-optimization", "storage-full"}


@dataclass(frozen=True)
class Holder:
    """Who holds connections besides the serving tasks, as pg_stat_activity shows it."""

    application: str
    address: str
    connections: int
    is_there: Callable[[], bool] = lambda: True


class Database:
    def __init__(self, events: EventLog, since: datetime) -> None:
        self._events = events
        self._since = since
        self.status = "available"
        """As `DBInstanceStatus` says it."""
        self.is_there = True
        self.zone = place.ZONES[0]
        self.told: list[dict[str, Any]] = []
        """As DescribeEvents lists them, oldest first."""
        self.password = place.DATABASE_PASSWORD
        self.schema = SCHEMA
        self.lacks_tables = False
        """A newer MLflow took tables away, so this one tries to migrate before it refuses."""
        self.allocated_gib = 20
        self.instance_class = "db.t3.micro"
        self.pending: dict[str, str | int] = {}
        """As `PendingModifiedValues`."""
        self.kms_key = place.DATABASE_KEY
        self.free_bytes = int(13.5 * _GIB)
        self.holders: list[Holder] = []
        self.slots_come_and_go = True
        """With all slots taken, a login that needs only one for a moment finds one."""
        self.elsewhere: Callable[[str, str], Refusal | None] = lambda _host, _password: words.GONE
        """What another host answers, where a task is told to ask one: an instance that was restored."""
        self.tasks: Callable[[], list[str]] = list
        """The addresses of the tasks that have their pool open."""
        self._over_at: datetime | None = None
        self._fails_over = False

    # Who is let in

    @property
    def answers(self) -> bool:
        return self.status in _ANSWERS

    @property
    def is_full(self) -> bool:
        return self.free_bytes < _GIB // 100

    @property
    def connections(self) -> int:
        if not self.answers:
            return 0
        wanted = _OWN + PER_TASK * len(self.tasks()) + sum(each.connections for each in self.holders if each.is_there())
        return min(wanted, LOGIN_LIMIT)

    def refusal(self, password: str) -> Refusal | None:
        """What somebody gets who comes with this password. None: all is well."""
        if not self.answers:
            return words.GONE
        if password != self.password:
            return words.PASSWORD
        if self.connections >= LOGIN_LIMIT:
            return words.CONNECTIONS
        return words.DISK_FULL if self.is_full else None

    def refuses(self, task: Task) -> Refusal | None:
        host = task.environment.get("DB_HOST", place.DATABASE_HOST)
        if host != place.DATABASE_HOST:
            return self.elsewhere(host, task.database_password)
        return self.refusal(task.database_password)

    # What happens to it

    def fail_over(self, now: datetime, for_s: int) -> None:
        """A Multi-AZ failover. `failing-over` is Aurora's word; an instance shows `rebooting`."""
        self.status, self._over_at, self._fails_over = "rebooting", now + timedelta(seconds=for_s), True
        self._tell(now, "RDS-EVENT-0013", ["failover"], "Multi-AZ instance failover started.")

    def stop(self, now: datetime) -> None:
        self.status, self._over_at = "stopped", None
        self._tell(now, "RDS-EVENT-0087", ["notification"], "DB instance stopped")

    def start(self, now: datetime) -> None:
        self.status, self._over_at, self._fails_over = "starting", now + timedelta(seconds=_STARTS_S), False

    def delete(self, now: datetime) -> None:
        """As somebody does who has switched deletion protection off before."""
        self.status, self._over_at, self.is_there = "deleting", None, False
        self._tell(now, "RDS-EVENT-0003", ["deletion"], "DB instance deleted")

    def set_password(self, now: datetime, password: str) -> None:
        self.password = password
        self._tell(now, "RDS-EVENT-0016", ["configuration change"], "Reset master credentials")

    def fill(self, now: datetime) -> None:
        self.free_bytes, self.status = 0, "storage-full"
        size = f"Provisioned Storage: {self.allocated_gib * 0.965:.2f} GB, Free Storage: 0.00 MB"
        low = (
            f"The free storage capacity for DB Instance: {place.DATABASE} is low at 0% of the provisioned storage"
            f" [{size}]. You may want to increase the provisioned storage to address this issue."
        )
        self._tell(now, "RDS-EVENT-0089", ["low storage"], low)
        full = "Allocated storage has been exhausted. Allocate additional storage to resolve."
        self._tell(now, "RDS-EVENT-0007", ["low storage"], full)

    def allocate(self, now: datetime, gib: int) -> None:
        """More storage, in force at once."""
        self.free_bytes += (gib - self.allocated_gib) * _GIB
        self.allocated_gib = gib
        self.status = "storage-optimization" if self.status in _ANSWERS else self.status
        self._tell(
            now, "RDS-EVENT-0017", ["configuration change"], "Finished applying modification to allocated storage"
        )

    def tick(self, now: datetime) -> None:
        if self._over_at is None or now < self._over_at:
            return
        self.status, self._over_at = "available", None
        if not self._fails_over:
            self._tell(now, "RDS-EVENT-0088", ["notification"], "DB instance started")
            return
        self._fails_over = False
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
            "DBInstanceClass": self.instance_class,
            "Engine": "postgres",
            "EngineVersion": "15.8",
            "DBInstanceStatus": self.status,
            "MasterUsername": place.DATABASE_USER,
            "DBName": place.DATABASE_NAME,
            "Endpoint": {"Address": place.DATABASE_HOST, "Port": place.DATABASE_PORT, "HostedZoneId": "Z1TTGA775OQIYO"},
            "AllocatedStorage": self.allocated_gib,
            "StorageType": "gp3",
            "InstanceCreateTime": self._since,
            "PreferredBackupWindow": "02:00-02:30",
            "PreferredMaintenanceWindow": "sun:03:00-sun:03:30",
            "BackupRetentionPeriod": 7,
            "AvailabilityZone": self.zone,
            "SecondaryAvailabilityZone": next(zone for zone in place.ZONES if zone != self.zone),
            "MultiAZ": True,
            "PendingModifiedValues": self.pending,
            "PubliclyAccessible": False,
            "StorageEncrypted": True,
            "DeletionProtection": True,
            "DBParameterGroups": [{"DBParameterGroupName": "default.postgres15", "ParameterApplyStatus": "in-sync"}],
            "DBSubnetGroup": {"DBSubnetGroupName": place.SUBNET_GROUP, "VpcId": place.VPC},
            "KmsKeyId": self.kms_key,
            "VpcSecurityGroups": [{"VpcSecurityGroupId": place.SECURITY_GROUP, "Status": "active"}],
            "ReadReplicaDBInstanceIdentifiers": [],
            "TagList": [],
        }
