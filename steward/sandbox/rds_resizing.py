"""RDS changes the class or the storage of the world's database: what it takes, and what RDS refuses."""

from datetime import datetime, timedelta
from typing import Any

from steward.sandbox import place
from steward.sandbox.answers import Declined, Params
from steward.sandbox.database import Database

CLASS_TAKES_S = 300
AWAY_S = 45
"""While the standby, which has the new class, takes over."""
STORAGE_TAKES_S = 120
OPTIMIZING_S = 1800
BETWEEN = timedelta(hours=6)
CLASSES = ("db.t3.micro", "db.t3.small", "db.t3.medium", "db.m6g.large")
_MAY_GROW = {"available", "storage-full"}


class Resizing:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._ends_at: datetime | None = None
        self._optimized_at: datetime | None = None
        self.last_growth: datetime | None = None

    def tick(self, now: datetime) -> None:
        if self._ends_at is not None and now >= self._ends_at:
            self._ends_at = None
            self._end(now)
        if self._optimized_at is not None and now >= self._optimized_at:
            self._optimized_at = None
            if self._database.status == "storage-optimization":
                self._database.status = "available"

    def _end(self, now: datetime) -> None:
        pending = self._database.pending
        self._database.pending = {}
        if "DBInstanceClass" in pending:
            self._database.instance_class = str(pending["DBInstanceClass"])
            self._database.status = "available"
            self._database.fail_over(now, AWAY_S)
            return
        self._database.allocate(now, int(pending["AllocatedStorage"]))
        self._database.status, self._optimized_at = "storage-optimization", now + timedelta(seconds=OPTIMIZING_S)
        self.last_growth = now

    def modify(self, params: Params, now: datetime) -> dict[str, Any] | None:
        """Other settings, and other instances, are moto's."""
        if params["DBInstanceIdentifier"] != place.DATABASE or not params.keys() & {
            "DBInstanceClass",
            "AllocatedStorage",
        }:
            return None
        if self._database.pending or self._database.status not in {*_MAY_GROW, "storage-optimization"}:
            raise Declined("InvalidDBInstanceState", f"Database instance {place.DATABASE} is not in available state.")
        if "DBInstanceClass" in params:
            self._begin(now, "DBInstanceClass", self._class(params["DBInstanceClass"]), CLASS_TAKES_S)
        else:
            self._begin(now, "AllocatedStorage", self._storage(params["AllocatedStorage"], now), STORAGE_TAKES_S)
        return {"DBInstance": self._database.view()}

    def _begin(self, now: datetime, field: str, value: str | int, takes_s: int) -> None:
        self._database.pending = {field: value}
        self._database.status, self._ends_at = "modifying", now + timedelta(seconds=takes_s)

    def _class(self, wanted: str) -> str:
        if wanted not in CLASSES:
            raise Declined("InvalidParameterCombination", f"RDS does not support creating a DB instance with {wanted}.")
        return wanted

    def _storage(self, wanted: int, now: datetime) -> int:
        has = self._database.allocated_gib
        if wanted * 10 < has * 11:
            raise Declined("InvalidParameterCombination", "Invalid storage size: it must grow by at least 10%.")
        if self.last_growth is not None and now < self.last_growth + BETWEEN:
            why = "You can't currently modify the storage of this DB instance because the previous storage change is"
            raise Declined("InvalidParameterCombination", f"{why} being optimized.")
        return wanted
