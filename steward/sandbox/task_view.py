"""A task as ECS describes it, in API answers and in events."""

from typing import Any

from steward.sandbox import place
from steward.sandbox.task import Status, Task


def task_view(task: Task) -> dict[str, Any]:
    view = {
        "attachments": [_attachment(task)],
        "attributes": [{"name": "ecs.cpu-architecture", "value": "x86_64"}],
        "availabilityZone": place.ZONES[task.zone],
        "clusterArn": place.CLUSTER_ARN,
        "connectivity": "CONNECTED",
        "containers": [_container(task)],
        "cpu": str(task.cpu),
        "createdAt": task.created_at,
        "desiredStatus": task.desired,
        "enableExecuteCommand": False,
        "ephemeralStorage": {"sizeInGiB": 20},
        "group": task.group,
        "healthStatus": "UNKNOWN",  # the image has no container health check, as in the guides
        "lastStatus": task.status.value,
        "launchType": "FARGATE",
        "memory": str(task.memory_mib),
        "overrides": task.overrides or {"containerOverrides": [{"name": place.CONTAINER}]},
        "platformVersion": "1.4.0",
        "startedBy": task.started_by,
        "tags": list(task.tags),
        "taskArn": task.arn,
        "taskDefinitionArn": task.definition,
        "version": task.version,
    }
    return view | _times_and_ends(task)


def _times_and_ends(task: Task) -> dict[str, Any]:
    later = {
        "startedAt": task.started_at,
        "stoppingAt": task.stopping_at,
        "executionStoppedAt": task.execution_stopped_at,
        "stoppedAt": task.stopped_at,
        "stopCode": task.stop_code,
        "stoppedReason": task.stopped_reason,
    }
    return {key: value for key, value in later.items() if value is not None}


def _attachment(task: Task) -> dict[str, Any]:
    dashed = task.address.replace(".", "-")
    details = {
        "subnetId": place.SUBNETS[task.zone],
        "networkInterfaceId": task.interface,
        "privateDnsName": f"ip-{dashed}.{place.REGION}.compute.internal",
        "privateIPv4Address": task.address,
    }
    gone = task.status in {Status.DEPROVISIONING, Status.STOPPED}
    early = task.status is Status.PROVISIONING
    return {
        "id": task.attachment,
        "type": "ElasticNetworkInterface",
        "status": "DELETED" if gone else "ATTACHING" if early else "ATTACHED",
        "details": [{"name": name, "value": value} for name, value in details.items()],
    }


def _container(task: Task) -> dict[str, Any]:
    ended = task.execution_stopped_at is not None or task.status is Status.STOPPED
    status = Status.STOPPED if ended else Status.RUNNING if task.started_at else Status.PENDING
    view: dict[str, Any] = {
        "containerArn": place.arn("ecs", f"container/{place.CLUSTER}/{task.id}/{task.attachment}"),
        "taskArn": task.arn,
        "name": place.CONTAINER,
        "image": task.image,
        "lastStatus": status.value,
        "networkInterfaces": [{"attachmentId": task.attachment, "privateIpv4Address": task.address}],
        "healthStatus": "UNKNOWN",
        "cpu": "0",
    }
    if task.started_at:
        view |= {"imageDigest": place.IMAGE_DIGEST, "runtimeId": f"{task.id}-2531612879"}
    if task.exit_code is not None:
        view["exitCode"] = task.exit_code
    if task.container_reason:
        view["reason"] = task.container_reason
    return view
