"""What `--expose-prometheus` serves: requests by method and status, and how long they took."""

from collections import defaultdict
from dataclasses import dataclass, field

_BUCKETS_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_METHODS = {"GET": 0.7, "POST": 0.3}
"""Shares among the users' requests."""
_USUAL_S = 0.146
_NAME = "mlflow_http_request"


@dataclass
class Exporter:
    _counts: defaultdict[tuple[int, float], float] = field(default_factory=lambda: defaultdict(float))
    """By status and duration, since the server started."""

    def count(self, requests: float, status: int, took_s: float) -> None:
        self._counts[status, took_s] += requests

    def remember(self, requests: float) -> None:
        """Quiet times before the world began."""
        self.count(requests, 200, _USUAL_S)

    def page(self) -> str:
        return "\n".join([*self._totals(), *self._durations()]) + "\n"

    def _totals(self) -> list[str]:
        by_status: defaultdict[int, float] = defaultdict(float)
        for (status, _), count in self._counts.items():
            by_status[status] += count
        return [
            f"# HELP {_NAME}_total Total number of HTTP requests",
            f"# TYPE {_NAME}_total counter",
            *(
                f'{_NAME}_total{{method="{method}",status="{status}"}} {round(count * share):.1f}'
                for method, share in _METHODS.items()
                for status, count in sorted(by_status.items())
            ),
        ]

    def _durations(self) -> list[str]:
        name, every = f"{_NAME}_duration_seconds", sum(self._counts.values())
        under = {limit: sum(n for (_, took), n in self._counts.items() if took <= limit) for limit in _BUCKETS_S}
        spent = sum(count * took for (_, took), count in self._counts.items())
        return [
            f"# HELP {name} Flask HTTP request duration in seconds",
            f"# TYPE {name} histogram",
            *(f'{name}_bucket{{le="{limit}"}} {round(count):.1f}' for limit, count in under.items()),
            f'{name}_bucket{{le="+Inf"}} {round(every):.1f}',
            f"{name}_count {round(every):.1f}",
            f"{name}_sum {spent:.3f}",
        ]
