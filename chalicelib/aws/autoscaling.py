"""Application Auto Scaling: the bounds somebody set for a service's desired count, and whether they are kept (S13)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from chalicelib.aws.translate import calling


class _Client(Protocol):
    """No typed client of this service is among the pinned stubs; this is the part that is used."""

    def describe_scalable_targets(self, **asked: object) -> dict[str, Any]: ...
    def register_scalable_target(self, **sent: object) -> dict[str, Any]: ...


_KINDS = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")


@dataclass(frozen=True)
class ScalableTarget:
    minimum: int
    maximum: int
    suspended: bool
    """Somebody suspended scaling in or out: then the bounds are not being kept by anybody."""
    suspensions: Mapping[str, bool] = field(default_factory=dict)
    """Each of the three kinds by its name, as it is to be put back."""

    @property
    def all_suspended(self) -> bool:
        return all(self.suspensions.get(kind) for kind in _KINDS)


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
                suspensions={kind: bool(state.get(kind)) for kind in _KINDS},
            )
        return None

    def suspend(self, sent: Mapping[str, Any]) -> None:
        """With only `SuspendedState` besides its name, a target keeps its bounds."""
        with calling("application-autoscaling:RegisterScalableTarget"):
            self._client.register_scalable_target(**sent)


def suspending(cluster: str, service: str, suspensions: Mapping[str, bool]) -> dict[str, Any]:
    """What RegisterScalableTarget is sent."""
    return {
        "ServiceNamespace": "ecs",
        "ResourceId": f"service/{cluster}/{service}",
        "ScalableDimension": "ecs:service:DesiredCount",
        "SuspendedState": dict(suspensions),
    }


ALL_SUSPENDED: Mapping[str, bool] = dict.fromkeys(_KINDS, True)
