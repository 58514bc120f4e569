"""Application Auto Scaling: the bounds somebody set for a service's desired count (S13). Reads only."""

from dataclasses import dataclass
from typing import Any, Protocol

from chalicelib.aws.translate import calling


class _Client(Protocol):
    """No typed client of this service is among the pinned stubs; this is the part that is used."""

    def describe_scalable_targets(self, **asked: object) -> dict[str, Any]: ...


@dataclass(frozen=True)
class ScalableTarget:
    minimum: int
    maximum: int
    suspended: bool
    """Somebody suspended scaling in or out: then the bounds are not being kept by anybody."""


class Autoscaling:
    def __init__(self, client: _Client) -> None:
        self._client = client

    def service_bounds(self, cluster: str, service: str) -> ScalableTarget | None:
        with calling("application-autoscaling:DescribeScalableTargets"):
            answer = self._client.describe_scalable_targets(
                ServiceNamespace="ecs",
                ResourceIds=[f"service/{cluster}/{service}"],
                ScalableDimension="ecs:service:DesiredCount",
            )
        for found in answer["ScalableTargets"]:
            state = found.get("SuspendedState", {})
            return ScalableTarget(
                minimum=found["MinCapacity"],
                maximum=found["MaxCapacity"],
                suspended=any(state.get(f"{kind}Suspended") for kind in ("DynamicScalingIn", "DynamicScalingOut")),
            )
        return None
