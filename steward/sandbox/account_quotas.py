"""The account's quotas: Service Quotas, the metric that counts Fargate's vCPUs, and what RDS says of its own."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from steward.sandbox.answers import REGION, Answers, Declined, Params
from steward.sandbox.metrics import Metrics, metric_key, of_value

_VCPU_PER_TASK = 0.5
_OTHERS_VCPU = 2.0
VCPU_LIMIT, TASKS_LIMIT, SNAPSHOT_LIMIT, INSTANCE_LIMIT = 16.0, 5000.0, 100, 40
_USAGE = {"Service": "Fargate", "Type": "Resource", "Resource": "vCPU", "Class": "Standard/OnDemand"}
_VCPU_KEY = metric_key("AWS/Usage", "ResourceCount", _USAGE)


class AccountQuotas:
    def __init__(self, metrics: Metrics, tasks: Callable[[], int]) -> None:
        self._metrics, self._tasks = metrics, tasks
        self.others_vcpu = _OTHERS_VCPU
        """Of everything else that runs on Fargate in this account."""
        self.snapshots, self.instances = 12, 3
        self.taken: Callable[[str], int] = lambda _region: 0
        """Manual snapshots of the world's own database in a region; `snapshots` are everybody else's."""

    def measure(self, now: datetime) -> None:
        self._metrics.put(_VCPU_KEY, now.replace(second=0, microsecond=0), of_value(self.vcpu))

    @property
    def vcpu(self) -> float:
        return min(VCPU_LIMIT, self.others_vcpu + _VCPU_PER_TASK * self._tasks())

    def service_quotas(self) -> Answers:
        return {"ListServiceQuotas": self._list}

    def rds(self) -> Answers:
        return {"DescribeAccountAttributes": self._attributes}

    def _list(self, params: Params, _now: datetime) -> dict[str, Any]:
        usage = {
            "MetricNamespace": "AWS/Usage",
            "MetricName": "ResourceCount",
            "MetricDimensions": _USAGE,
            "MetricStatisticRecommendation": "Maximum",
        }
        vcpu = _quota("fargate", "L-3032A538", "Fargate On-Demand vCPU resource count", VCPU_LIMIT)
        known = {
            "fargate": [{**vcpu, "UsageMetric": usage}],
            "ecs": [_quota("ecs", "L-SANDBOX1", "Tasks per service", TASKS_LIMIT)],
        }
        service = str(params["ServiceCode"])
        if service not in known:
            raise Declined("NoSuchResourceException", f"The sandbox knows no quotas of {service}.")
        return {"Quotas": known[service]}

    def _attributes(self, params: Params, _now: datetime) -> dict[str, Any]:
        taken = min(SNAPSHOT_LIMIT, self.snapshots + self.taken(params.get(REGION, "")))
        told = {"DBInstances": (self.instances, INSTANCE_LIMIT), "ManualSnapshots": (taken, SNAPSHOT_LIMIT)}
        return {
            "AccountQuotas": [
                {"AccountQuotaName": name, "Used": used, "Max": most} for name, (used, most) in told.items()
            ]
        }


def _quota(service: str, code: str, name: str, value: float) -> dict[str, Any]:
    return {
        "ServiceCode": service,
        "ServiceName": service,
        "QuotaCode": code,
        "QuotaName": name,
        "Value": value,
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
    }
