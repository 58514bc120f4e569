"""ECS container instances: an agent that lost its connection fires, unless the instance is on its way out."""

from chalicelib.models.signal import Signal, SignalKind, SignalState
from chalicelib.signals.fields import REASON_LIMIT, flag, text
from chalicelib.signals.keys import arn_keys, parse_arn, service_key
from chalicelib.signals.origin import Event, make

_LEAVING = frozenset({"DRAINING", "DEREGISTERING", "INACTIVE"})


def read_container_instance(event: Event) -> Signal:
    detail = event.detail
    cluster = parse_arn(detail.get("clusterArn"))
    connected, status = flag(detail.get("agentConnected")), text(detail.get("status"))
    lost = connected is False and status not in _LEAVING
    instance = text(detail.get("ec2InstanceId"))
    return make(
        event.origin,
        SignalKind.ECS_CONTAINER_INSTANCE,
        SignalState.FIRING if lost else SignalState.INFO,
        name="agent_disconnected" if connected is False else status,
        resource=cluster.name if cluster else None,
        reason=f"the ECS agent on {instance or 'a container instance'} lost its connection" if lost else None,
        keys=(*service_key(cluster.name if cluster else None, None), *arn_keys(detail.get("containerInstanceArn"))),
        facts={
            "agent_connected": connected,
            "status": status,
            "instance_id": instance,
            "container_instance_arn": text(detail.get("containerInstanceArn"), REASON_LIMIT),
            "cluster_arn": text(detail.get("clusterArn"), REASON_LIMIT),
        },
    )
