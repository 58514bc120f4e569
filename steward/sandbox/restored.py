"""An instance restored from a snapshot: it takes its time to come up, answers with what the snapshot held,
and takes its time to go."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from steward.sandbox import database_words as words
from steward.sandbox import place
from steward.sandbox.database_words import Refusal
from steward.sandbox.snapshots import Contents

CREATING_S, BACKING_UP_S, DELETING_S, RESETTING_S = 420, 120, 240, 45
_RESETTING = "resetting-master-credentials"


@dataclass
class Restored:
    id: str
    began_at: datetime
    contents: Contents
    settings: dict[str, Any]
    tags: list[dict[str, str]]
    fails: bool = False
    status: str = "creating"
    protected: bool = False
    deleted_at: datetime | None = None
    log: list[str] = field(default_factory=list)
    master_user: str = place.DATABASE_USER
    new_password: str | None = field(default=None, repr=False)
    reset_at: datetime | None = None

    @property
    def host(self) -> str:
        return f"{self.id}.c9akciq32rmk.{place.REGION}.rds.amazonaws.com"

    @property
    def arn(self) -> str:
        return place.arn("rds", f"db:{self.id}")

    @property
    def answers(self) -> bool:
        return self.status in {"available", "backing-up", "modifying", _RESETTING}

    def refusal(self, password: str) -> Refusal | None:
        if not self.answers:
            return words.GONE
        return None if password == self.contents.password else words.PASSWORD

    def reset_password(self, now: datetime, password: str) -> None:
        """In force only once it is available again."""
        self.status, self.new_password, self.reset_at = _RESETTING, password, now

    def delete(self, now: datetime) -> None:
        self.status, self.deleted_at = "deleting", now

    def tick(self, now: datetime) -> bool:
        """Whether it is gone."""
        if self.deleted_at is not None:
            return now >= self.deleted_at + timedelta(seconds=DELETING_S)
        if self.status == _RESETTING and self.reset_at and now >= self.reset_at + timedelta(seconds=RESETTING_S):
            self.status, self.contents = "available", replace(self.contents, password=self.new_password or "")
        age = (now - self.began_at).total_seconds()
        if self.status == "creating" and age >= CREATING_S:
            self.status = "incompatible-restore" if self.fails else "backing-up"
        elif self.status == "backing-up" and age >= CREATING_S + BACKING_UP_S:
            self.status = "available"
        return False

    def view(self) -> dict[str, Any]:
        """As DescribeDBInstances says it: without an address until it is there."""
        groups = self.settings.get("VpcSecurityGroupIds", ["sg-default"])
        there: dict[str, Any] = (
            {"Endpoint": {"Address": self.host, "Port": place.DATABASE_PORT}} if self.answers else {}
        )
        there |= {key: self.settings[key] for key in ("MasterUserSecret",) if key in self.settings}
        return {
            "DBInstanceIdentifier": self.id,
            "DBInstanceArn": self.arn,
            "DBInstanceClass": self.settings.get("DBInstanceClass", "db.t3.micro"),
            "Engine": "postgres",
            "EngineVersion": "15.8",
            "DBInstanceStatus": self.status,
            "MasterUsername": self.master_user,
            "DBName": place.DATABASE_NAME,
            "AllocatedStorage": 20,
            "StorageType": self.settings.get("StorageType", "gp3"),
            "InstanceCreateTime": self.began_at,
            "MultiAZ": self.settings.get("MultiAZ", False),
            "BackupRetentionPeriod": 7,
            "PendingModifiedValues": {},
            "PubliclyAccessible": self.settings.get("PubliclyAccessible", True),
            "StorageEncrypted": True,
            "DeletionProtection": self.protected,
            "DBSubnetGroup": {"DBSubnetGroupName": self.settings.get("DBSubnetGroupName", "default")},
            "VpcSecurityGroups": [{"VpcSecurityGroupId": group, "Status": "active"} for group in groups],
            "TagList": [dict(tag) for tag in self.tags],
            **there,
        }
