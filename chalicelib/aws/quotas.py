"""Service Quotas: how much of something an account may have in a region, and which metric counts what it has."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from chalicelib.aws.translate import calling

_COUNTED_THINGS = "ResourceCount"
"""The other usage metric is `CallCount`: rates of API calls, which say nothing about what there is."""


class _Client(Protocol):
    def list_service_quotas(self, **asked: object) -> dict[str, Any]: ...


@dataclass(frozen=True)
class UsageMetric:
    namespace: str
    metric: str
    stat: str
    dimensions: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ServiceQuota:
    service: str
    code: str
    name: str
    limit: float
    usage: UsageMetric | None
    """Where CloudWatch counts it; None: AWS does not say."""


class Quotas:
    def __init__(self, client: _Client) -> None:
        self._client = client

    def of_service(self, service: str, *, max_pages: int = 5) -> tuple[ServiceQuota, ...]:
        """With the values that hold for this account, raised ones included."""
        asked: dict[str, object] = {"ServiceCode": service, "MaxResults": 100}
        found: list[ServiceQuota] = []
        for _ in range(max_pages):
            with calling("servicequotas:ListServiceQuotas"):
                page = self._client.list_service_quotas(**asked)
            found += [_quota(raw) for raw in page.get("Quotas", []) if "Value" in raw]
            if not page.get("NextToken"):
                break
            asked["NextToken"] = page["NextToken"]
        return tuple(found)


def _quota(raw: Mapping[str, Any]) -> ServiceQuota:
    return ServiceQuota(
        service=raw.get("ServiceCode", ""),
        code=raw.get("QuotaCode", ""),
        name=raw.get("QuotaName", ""),
        limit=float(raw["Value"]),
        usage=_usage(raw.get("UsageMetric") or {}),
    )


def _usage(raw: Mapping[str, Any]) -> UsageMetric | None:
    if raw.get("MetricName") != _COUNTED_THINGS:
        return None
    return UsageMetric(
        namespace=raw.get("MetricNamespace", "AWS/Usage"),
        metric=_COUNTED_THINGS,
        stat=raw.get("MetricStatisticRecommendation") or "Maximum",
        dimensions=tuple(sorted((raw.get("MetricDimensions") or {}).items())),
    )
