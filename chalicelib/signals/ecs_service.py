"""ECS service actions and deployment state changes: the service is in `resources`, what happened in `eventName`.

`eventType` says how bad it is; where it is missing, the documented names are known by heart.
"""

from typing import Any

from chalicelib.errors import SignalRejected
from chalicelib.models.signal import Signal, SignalKind, SignalState
from chalicelib.signals.fields import REASON_LIMIT, Body, integer, text, texts
from chalicelib.signals.keys import Arn, arn_keys, parse_arn, service_key
from chalicelib.signals.origin import Event, make

_STEADY = frozenset({"SERVICE_STEADY_STATE", "TASKSET_STEADY_STATE", "CAPACITY_PROVIDER_STEADY_STATE"})
# What somebody did or what is under way. No eventType makes news of that an alarm.
_NOTES = frozenset({"SERVICE_DESIRED_COUNT_UPDATED", "SERVICE_DEPLOYMENT_IN_PROGRESS"})
_TROUBLE = frozenset(
    {
        "SERVICE_TASK_START_IMPAIRED",
        "SERVICE_TASK_PLACEMENT_FAILURE",
        "SERVICE_TASK_CONFIGURATION_FAILURE",
        "SERVICE_DISCOVERY_INSTANCE_UNHEALTHY",
        "VPC_LATTICE_TARGET_UNHEALTHY",
        "SERVICE_DAEMON_PLACEMENT_CONSTRAINT_VIOLATED",
        "ECS_OPERATION_THROTTLED",
        "SERVICE_DISCOVERY_OPERATION_THROTTLED",
        "VPC_LATTICE_OPERATION_THROTTLED",
        "SERVICE_HEALTH_UNKNOWN",
        "SERVICE_DEPLOYMENT_FAILED",
    }
)
_DEPLOYMENTS = {
    "SERVICE_DEPLOYMENT_FAILED": SignalState.FIRING,
    "SERVICE_DEPLOYMENT_COMPLETED": SignalState.RESOLVED,
    "SERVICE_DEPLOYMENT_IN_PROGRESS": SignalState.INFO,
}


def read_service_action(event: Event) -> Signal:
    name = _event_name(event)
    return _signal(event, SignalKind.ECS_SERVICE, name, _action_state(name, text(event.detail.get("eventType"))))


def read_deployment(event: Event) -> Signal:
    name = _event_name(event)
    bad = text(event.detail.get("eventType")) == "ERROR"
    state = _DEPLOYMENTS.get(name, SignalState.FIRING if bad else SignalState.INFO)
    return _signal(event, SignalKind.ECS_DEPLOYMENT, name, state)


def _event_name(event: Event) -> str:
    if name := text(event.detail.get("eventName")):
        return name
    raise SignalRejected("an ECS service event that does not say what happened (no eventName)")


def _action_state(name: str, severity: str | None) -> SignalState:
    if name in _STEADY:
        return SignalState.RESOLVED
    if name == "SERVICE_DEPLOYMENT_COMPLETED" or name in _NOTES:
        return _DEPLOYMENTS.get(name, SignalState.INFO)
    if severity in {"WARN", "WARNING", "ERROR"} or (severity is None and name in _TROUBLE):
        return SignalState.FIRING
    return SignalState.INFO


def _signal(event: Event, kind: SignalKind, name: str, state: SignalState) -> Signal:
    detail = event.detail
    cluster, service = _service(detail, event.resources)
    return make(
        event.origin,
        kind,
        state,
        name=name,
        resource="/".join(part for part in (cluster, service) if part),
        reason=text(detail.get("reason"), REASON_LIMIT) or name.replace("_", " ").lower(),
        keys=(*service_key(cluster, service), *(key for arn in event.resources[:5] for key in arn_keys(arn))),
        facts=_facts(detail),
    )


def _service(detail: Body, resources: tuple[str, ...]) -> tuple[str | None, str | None]:
    """`service/CLUSTER/NAME`; in the short ARN format of old accounts only `service/NAME`."""
    cluster = parse_arn(detail.get("clusterArn"))
    for one in (*resources, detail.get("serviceArn")):
        arn = parse_arn(one)
        if arn and arn.service == "ecs" and arn.resource.startswith("service/"):
            return _of_arn(arn, cluster)
    return (cluster.name if cluster else None), None


def _of_arn(arn: Arn, cluster: Arn | None) -> tuple[str | None, str | None]:
    parts = arn.resource.split("/")[1:]
    if len(parts) > 1:
        return parts[0], parts[1]
    return (cluster.name if cluster else None), parts[0]


def _facts(detail: Body) -> dict[str, Any]:
    said = (text(detail.get("reason"), REASON_LIMIT) or "").lower()
    return {
        "event_type": text(detail.get("eventType")),
        "event_reason": text(detail.get("reason"), REASON_LIMIT),
        "deployment_id": text(detail.get("deploymentId")),
        "rolling_back": True if "roll" in said and "back" in said else None,
        "cluster_arn": text(detail.get("clusterArn"), REASON_LIMIT),
        "capacity_providers": texts(detail.get("capacityProviderArns"), REASON_LIMIT) or None,
        "desired_count": integer(detail.get("desiredCount")),
    }
