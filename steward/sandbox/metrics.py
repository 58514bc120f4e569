"""Metrics: one datapoint a virtual minute, kept per metric, and read as GetMetricData reads them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

MetricKey = tuple[str, str, frozenset[tuple[str, str]]]
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Point:
    """What CloudWatch keeps of one minute. A percentile cannot be merged, so the worst one stands."""

    total: float
    count: float
    low: float
    high: float
    p90: float

    def plus(self, other: "Point") -> "Point":
        return Point(
            self.total + other.total,
            self.count + other.count,
            min(self.low, other.low),
            max(self.high, other.high),
            max(self.p90, other.p90),
        )

    def value(self, stat: str) -> float:
        if stat.startswith("p"):
            return self.p90 if float(stat[1:]) <= 90 else self.high  # noqa: PLR2004 - only p90 is kept
        values = {
            "Sum": self.total,
            "SampleCount": self.count,
            "Minimum": self.low,
            "Maximum": self.high,
            "Average": self.total / self.count if self.count else 0.0,
        }
        return values[stat]


def of_value(value: float) -> Point:
    return Point(value, 1, value, value, value)


def of_samples(samples: list[float]) -> Point:
    return Point(sum(samples) / len(samples), 1, min(samples), max(samples), max(samples))


def metric_key(namespace: str, name: str, dimensions: Mapping[str, str]) -> MetricKey:
    return namespace, name, frozenset(dimensions.items())


class Metrics:
    def __init__(self) -> None:
        self._series: dict[MetricKey, dict[datetime, Point]] = {}
        self.silent = False
        """A telemetry gap: nothing new is kept."""

    def put(self, key: MetricKey, minute: datetime, point: Point) -> None:
        if not self.silent:
            self._series.setdefault(key, {})[minute] = point

    def every_key(self) -> list[MetricKey]:
        return list(self._series)

    def read(
        self, key: MetricKey, start: datetime, end: datetime, period_s: int, stat: str
    ) -> list[tuple[datetime, float]]:
        """Oldest first; a period without data is left out."""
        periods: dict[datetime, Point] = {}
        for minute, point in self._series.get(key, {}).items():
            begins = datetime.fromtimestamp(minute.timestamp() // period_s * period_s, minute.tzinfo)
            if start <= begins < end:
                periods[begins] = periods[begins].plus(point) if begins in periods else point
        return [(at, periods[at].value(stat)) for at in sorted(periods)]

    def recent(self, key: MetricKey, starts: Iterable[datetime], period_s: int, stat: str) -> list[float | None]:
        """One value for each asked period; None where there is none."""
        series = self._series.get(key, {})
        found: list[float | None] = []
        for start in starts:
            minutes = (start + MINUTE * n for n in range(max(1, period_s // 60)))
            points = [series[minute] for minute in minutes if minute in series]
            merged: Point | None = None
            for point in points:
                merged = merged.plus(point) if merged else point
            found.append(merged.value(stat) if merged else None)
        return found
