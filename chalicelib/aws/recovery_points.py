"""AWS Backup: which recovery points it keeps of something. Read only: what others make, others delete."""

from datetime import datetime
from typing import Any, Protocol

from chalicelib.aws.translate import calling

_MOST = 1000
"""More are not counted: what matters is whether there are some, and how old the newest is."""


class _Client(Protocol):
    def list_recovery_points_by_resource(self, **asked: object) -> dict[str, Any]: ...


class RecoveryPoints:
    def __init__(self, client: _Client) -> None:
        self._client = client

    def of(self, arn: str) -> tuple[datetime, ...]:
        """When the usable ones were made."""
        with calling("backup:ListRecoveryPointsByResource"):
            found = self._client.list_recovery_points_by_resource(ResourceArn=arn, MaxResults=_MOST)
        points = found.get("RecoveryPoints", [])
        return tuple(one["CreationDate"] for one in points if one.get("Status") in {"COMPLETED", "AVAILABLE"})
