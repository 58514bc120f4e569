"""CloudWatch Logs: the lines of a log group since a time, within a budget of lines, bytes and seconds."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.aws.translate import calling

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

_PER_CALL = 500


@dataclass(frozen=True)
class LogLine:
    at: datetime
    stream: str
    text: str


@dataclass(frozen=True)
class LogPage:
    lines: tuple[LogLine, ...]
    """Oldest first."""
    cut_by: str | None
    """Which budget ended the search before the end: lines, bytes or time."""


class Logs:
    def __init__(self, client: "CloudWatchLogsClient", monotonic: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._monotonic = monotonic

    def search(
        self,
        group: str,
        since: datetime,
        until: datetime,
        *,
        term: str | None = None,
        stream: str | None = None,
        max_lines: int = 1000,
        max_bytes: int = 256 * 1024,
        max_seconds: float = 10,
    ) -> LogPage:
        """`term` is one text that lines contain, taken literally."""
        asked: dict[str, Any] = {
            "logGroupName": group,
            "startTime": int(since.timestamp() * 1000),
            "endTime": int(until.timestamp() * 1000),
            "limit": min(_PER_CALL, max_lines),
        }
        if stream:
            asked["logStreamNames"] = [stream]
        if term:
            escaped = term.replace("\\", "\\\\").replace('"', '\\"')
            asked["filterPattern"] = f'"{escaped}"'
        ends, size, found = self._monotonic() + max_seconds, 0, list[LogLine]()
        while True:
            with calling("logs:FilterLogEvents"):
                answer = self._client.filter_log_events(**asked)
            for raw in answer.get("events", []):
                line = _line(raw)
                size += len(line.text)
                if size > max_bytes or len(found) >= max_lines:
                    return _page(found, "bytes" if size > max_bytes else "lines")
                found.append(line)
            if not answer.get("nextToken"):
                return _page(found, None)
            asked["nextToken"] = answer["nextToken"]
            if self._monotonic() >= ends:
                return _page(found, "time")


def _page(found: list[LogLine], cut_by: str | None) -> LogPage:
    return LogPage(tuple(sorted(found, key=lambda line: line.at)), cut_by)


def _line(raw: Mapping[str, Any]) -> LogLine:
    at = datetime.fromtimestamp(raw.get("timestamp", 0) / 1000, tz=UTC)
    return LogLine(at, raw.get("logStreamName", ""), raw.get("message", ""))
