"""CloudWatch Logs: how large a log group is and for how long it keeps what it is given. Reads only."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.aws.translate import calling

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient


@dataclass(frozen=True)
class LogGroup:
    name: str
    retention_days: int | None
    """None: for ever."""
    stored_bytes: int


class LogGroups:
    def __init__(self, client: "CloudWatchLogsClient") -> None:
        self._client = client

    def find(self, prefix: str) -> tuple[LogGroup, ...]:
        with calling("logs:DescribeLogGroups"):
            pages = self._client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
            found = [raw for page in pages for raw in page["logGroups"]]
        return tuple(
            LogGroup(raw["logGroupName"], raw.get("retentionInDays"), raw.get("storedBytes", 0)) for raw in found
        )
