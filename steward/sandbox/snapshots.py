"""A snapshot of the world's database, from `creating` to `available`, and what was in the database then."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from steward.sandbox import place

KEY = place.DATABASE_KEY
DEFAULT_KEY = f"arn:aws:kms:{place.REGION}:{place.ACCOUNT}:key/5e3a0f0c-0000-4000-8000-00000000000d"
"""Amazon's own for RDS (`alias/aws/rds`)."""
OFFSITE_KEY = place.OFFSITE_KEY
TAKES_S, COPY_TAKES_S = 180, 420
_WHOLE = 100


@dataclass(frozen=True)
class Contents:
    """What a database holds: its schema, its login, how many rows, and the newest run."""

    schema: str
    password: str = field(repr=False)
    rows: dict[str, int]
    newest_run: str
    newest_run_at: datetime


@dataclass
class WorldSnapshot:
    id: str
    region: str
    source: str
    kind: str
    began_at: datetime
    contents: Contents
    allocated_gib: int
    key: str | None
    tags: list[dict[str, str]]
    takes_s: int = TAKES_S
    status: str = "creating"
    percent: int = 0
    taken_at: datetime | None = None
    """Of a copy: when the original was taken."""
    copied_from: str = ""
    ends_at_percent: int | None = None
    """Fails or stalls when it gets there."""
    stalls: bool = False
    shared_with: list[str] = field(default_factory=list)

    @property
    def arn(self) -> str:
        return f"arn:aws:rds:{self.region}:{place.ACCOUNT}:snapshot:{self.id}"

    def tick(self, now: datetime) -> bool:
        """Whether it has just come to its end, good or bad."""
        if self.status != "creating":
            return False
        done = min(100, int(100 * (now - self.began_at).total_seconds() / self.takes_s))
        if self.ends_at_percent is not None and done >= self.ends_at_percent:
            self.percent = self.ends_at_percent
            self.status = "creating" if self.stalls else "failed"
            return not self.stalls
        self.percent = done
        if done == _WHOLE:
            self.status = "available"
            self.taken_at = self.taken_at or self.began_at + timedelta(seconds=self.takes_s)
            return True
        return False

    def view(self) -> dict[str, Any]:
        """As DescribeDBSnapshots says it."""
        taken = {"SnapshotCreateTime": self.taken_at, "OriginalSnapshotCreateTime": self.taken_at}
        return {
            "DBSnapshotIdentifier": self.id,
            "DBSnapshotArn": self.arn,
            "DBInstanceIdentifier": self.source,
            "SnapshotType": self.kind,
            "Status": self.status,
            "PercentProgress": self.percent,
            "Engine": "postgres",
            "EngineVersion": "15.8",
            "AllocatedStorage": self.allocated_gib,
            "Port": place.DATABASE_PORT,
            "MasterUsername": place.DATABASE_USER,
            "StorageType": "gp3",
            "Encrypted": self.key is not None,
            "TagList": [dict(tag) for tag in self.tags],
            "SourceDBSnapshotIdentifier": self.copied_from,
            **({"KmsKeyId": self.key} if self.key else {}),
            **(taken if self.taken_at else {}),
        }
