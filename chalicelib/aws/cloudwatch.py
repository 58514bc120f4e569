"""CloudWatch: alarm states, metric values, and nothing that changes an alarm."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.aws.translate import calling

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.literals import AlarmTypeType
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef

_NAMES_PER_CALL = 100


@dataclass(frozen=True)
class Alarm:
    name: str
    state: str
    """OK, ALARM, INSUFFICIENT_DATA."""
    reason: str
    reason_data: dict[str, Any]
    changed_at: datetime | None
    treat_missing: str
    """missing, ignore, breaching, notBreaching."""
    actions_enabled: bool


@dataclass(frozen=True)
class MetricQuery:
    id: str
    namespace: str
    metric: str
    stat: str
    dimensions: tuple[tuple[str, str], ...]
    period_s: int = 60


@dataclass(frozen=True)
class Series:
    id: str
    points: tuple[tuple[datetime, float], ...]
    """Oldest first."""
    complete: bool


class Cloudwatch:
    def __init__(self, client: "CloudWatchClient") -> None:
        self._client = client

    def alarms(self, names: Sequence[str]) -> tuple[Alarm, ...]:
        """Alarms that do not exist are simply not in the answer."""
        kinds: list[AlarmTypeType] = ["MetricAlarm", "CompositeAlarm"]
        found: list[Alarm] = []
        for start in range(0, len(names), _NAMES_PER_CALL):
            with calling("cloudwatch:DescribeAlarms"):
                pages = self._client.get_paginator("describe_alarms").paginate(
                    AlarmNames=list(names[start : start + _NAMES_PER_CALL]), AlarmTypes=kinds
                )
                for page in pages:
                    found += [_alarm(raw) for raw in page.get("MetricAlarms", [])]
                    found += [_alarm(raw) for raw in page.get("CompositeAlarms", [])]
        return tuple(found)

    def metric_data(self, queries: Sequence[MetricQuery], since: datetime, until: datetime) -> tuple[Series, ...]:
        asked: list[MetricDataQueryTypeDef] = [
            {
                "Id": query.id,
                "MetricStat": {
                    "Metric": {
                        "Namespace": query.namespace,
                        "MetricName": query.metric,
                        "Dimensions": [{"Name": name, "Value": value} for name, value in query.dimensions],
                    },
                    "Period": query.period_s,
                    "Stat": query.stat,
                },
            }
            for query in queries
        ]
        points: dict[str, list[tuple[datetime, float]]] = {query.id: [] for query in queries}
        partial: set[str] = set()
        with calling("cloudwatch:GetMetricData"):
            pages = self._client.get_paginator("get_metric_data").paginate(
                MetricDataQueries=asked, StartTime=since, EndTime=until, ScanBy="TimestampAscending"
            )
            for page in pages:
                for result in page["MetricDataResults"]:
                    series = zip(result.get("Timestamps", []), result.get("Values", []), strict=True)
                    points[result.get("Id", "")] += [(at.astimezone(UTC), value) for at, value in series]
                    if result.get("StatusCode") in {"InternalError", "Forbidden"}:
                        partial.add(result.get("Id", ""))
        return tuple(Series(q.id, tuple(sorted(points[q.id])), q.id not in partial) for q in queries)


def _alarm(raw: Mapping[str, Any]) -> Alarm:
    changed = raw.get("StateUpdatedTimestamp")
    return Alarm(
        name=raw["AlarmName"],
        state=raw.get("StateValue", "INSUFFICIENT_DATA"),
        reason=raw.get("StateReason", ""),
        reason_data=_reason_data(raw.get("StateReasonData")),
        changed_at=changed.astimezone(UTC) if changed else None,
        treat_missing=raw.get("TreatMissingData", "missing"),
        actions_enabled=raw.get("ActionsEnabled", True),
    )


def _reason_data(text: str | None) -> dict[str, Any]:
    try:
        data = json.loads(text or "{}")
    except ValueError:  # set by hand with `set-alarm-state`, where it may be anything
        return {}
    return data if isinstance(data, dict) else {}
