"""What Steward reads of ECS's answers: services, deployments, tasks, task definitions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True)
class Deployment:
    id: str
    status: str
    """PRIMARY is what the service is moving to, ACTIVE what it still runs beside it."""
    task_definition: str
    desired: int
    running: int
    pending: int
    failed_tasks: int
    rollout: str | None
    """IN_PROGRESS, COMPLETED, FAILED; None where another controller than ECS deploys."""
    rollout_reason: str | None
    created_at: datetime | None


@dataclass(frozen=True)
class Service:
    arn: str
    name: str
    status: str
    desired: int
    running: int
    pending: int
    task_definition: str
    deployments: tuple[Deployment, ...]
    target_groups: tuple[str, ...]
    minimum_healthy_percent: int
    maximum_percent: int
    """Below 100, a deployment may stop a serving task before its replacement is healthy."""
    events: tuple[str, ...]
    """The newest few, newest first."""

    @property
    def primary(self) -> Deployment | None:
        return next((d for d in self.deployments if d.status == "PRIMARY"), None)


@dataclass(frozen=True)
class Container:
    name: str
    status: str | None
    exit_code: int | None
    reason: str | None


@dataclass(frozen=True)
class Task:
    arn: str
    status: str
    wanted: str
    """`desiredStatus`: STOPPED as soon as somebody has asked it to stop."""
    task_definition: str
    created_at: datetime | None
    started_at: datetime | None
    stopped_at: datetime | None
    stop_code: str | None
    stopped_reason: str | None
    health: str
    address: str | None
    """Private IPv4 address: how a target of the load balancer is known to be this task."""
    containers: tuple[Container, ...]
    group: str = ""
    """`service:NAME` for a task that a service keeps, `family:NAME` for one that somebody started."""
    started_by: str = ""
    """The deployment's id for a task of a service."""
    has_own_command: bool = False
    """Started with another command than its definition's: a one-off job, not a server."""

    @property
    def id(self) -> str:
        return self.arn.rsplit("/", 1)[-1]

    @property
    def short(self) -> str:
        """For sentences; parameters have the whole."""
        return self.id[:8]

    @property
    def is_running(self) -> bool:
        return self.status == "RUNNING" and self.wanted == "RUNNING"


@dataclass(frozen=True)
class ContainerDefinition:
    name: str
    image: str
    command: tuple[str, ...]
    entry_point: tuple[str, ...]
    environment: dict[str, str]
    """Values are secret unless their name is on a list (S29): never shown, never stored."""
    secrets: dict[str, str]
    """Variable to the ARN or name of what it is read from."""
    mounts: dict[str, str]
    """Volume name by path in the container."""


@dataclass(frozen=True)
class TaskDefinition:
    arn: str
    family: str
    revision: int
    cpu: str | None
    memory: str | None
    containers: tuple[ContainerDefinition, ...]
    shared_volumes: frozenset[str]
    """Volumes that outlive a task: EFS and FSx."""
    registered_at: datetime | None
    active: bool


@dataclass(frozen=True)
class CompletedDeployment:
    """A finished deployment that succeeded, from the service's deployment history."""

    task_definition: str
    finished_at: datetime | None


def utc_or_none(value: object) -> datetime | None:
    return value.astimezone(UTC) if isinstance(value, datetime) else None


def service_of(raw: Mapping[str, Any]) -> Service:
    return Service(
        arn=raw["serviceArn"],
        name=raw["serviceName"],
        status=raw.get("status", "ACTIVE"),
        desired=raw.get("desiredCount", 0),
        running=raw.get("runningCount", 0),
        pending=raw.get("pendingCount", 0),
        task_definition=raw.get("taskDefinition", ""),
        deployments=tuple(_deployment(d) for d in raw.get("deployments", [])),
        target_groups=tuple(lb["targetGroupArn"] for lb in raw.get("loadBalancers", []) if lb.get("targetGroupArn")),
        minimum_healthy_percent=raw.get("deploymentConfiguration", {}).get("minimumHealthyPercent", 100),
        maximum_percent=raw.get("deploymentConfiguration", {}).get("maximumPercent", 200),
        events=tuple(event.get("message", "") for event in raw.get("events", [])[:5]),
    )


def _deployment(raw: Mapping[str, Any]) -> Deployment:
    return Deployment(
        id=raw.get("id", ""),
        status=raw.get("status", ""),
        task_definition=raw.get("taskDefinition", ""),
        desired=raw.get("desiredCount", 0),
        running=raw.get("runningCount", 0),
        pending=raw.get("pendingCount", 0),
        failed_tasks=raw.get("failedTasks", 0),
        rollout=raw.get("rolloutState"),
        rollout_reason=raw.get("rolloutStateReason"),
        created_at=utc_or_none(raw.get("createdAt")),
    )


def task_of(raw: Mapping[str, Any]) -> Task:
    return Task(
        arn=raw["taskArn"],
        status=raw.get("lastStatus", "UNKNOWN"),
        wanted=raw.get("desiredStatus", "UNKNOWN"),
        task_definition=raw.get("taskDefinitionArn", ""),
        created_at=utc_or_none(raw.get("createdAt")),
        started_at=utc_or_none(raw.get("startedAt")),
        stopped_at=utc_or_none(raw.get("stoppedAt") or raw.get("stoppingAt")),
        stop_code=raw.get("stopCode"),
        stopped_reason=raw.get("stoppedReason"),
        health=raw.get("healthStatus", "UNKNOWN"),
        address=_address(raw),
        containers=tuple(
            Container(c.get("name", ""), c.get("lastStatus"), c.get("exitCode"), c.get("reason"))
            for c in raw.get("containers", [])
        ),
        group=raw.get("group", ""),
        started_by=raw.get("startedBy", ""),
        has_own_command=any(c.get("command") for c in raw.get("overrides", {}).get("containerOverrides", [])),
    )


def _address(task: Mapping[str, Any]) -> str | None:
    for container in task.get("containers", []):
        for interface in container.get("networkInterfaces", []):
            if interface.get("privateIpv4Address"):
                return str(interface["privateIpv4Address"])
    for attachment in task.get("attachments", []):
        for detail in attachment.get("details", []):
            if detail.get("name") == "privateIPv4Address":
                return str(detail["value"])
    return None


def task_definition_of(raw: Mapping[str, Any]) -> TaskDefinition:
    shared = frozenset(
        volume["name"]
        for volume in raw.get("volumes", [])
        if "efsVolumeConfiguration" in volume or "fsxWindowsFileServerVolumeConfiguration" in volume
    )
    return TaskDefinition(
        arn=raw["taskDefinitionArn"],
        family=raw["family"],
        revision=raw["revision"],
        cpu=raw.get("cpu"),
        memory=raw.get("memory"),
        containers=tuple(_container_definition(c) for c in raw.get("containerDefinitions", [])),
        shared_volumes=shared,
        registered_at=utc_or_none(raw.get("registeredAt")),
        active=raw.get("status", "ACTIVE") == "ACTIVE",
    )


def _container_definition(raw: Mapping[str, Any]) -> ContainerDefinition:
    return ContainerDefinition(
        name=raw.get("name", ""),
        image=raw.get("image", ""),
        command=tuple(raw.get("command", [])),
        entry_point=tuple(raw.get("entryPoint", [])),
        environment={e["name"]: e.get("value", "") for e in raw.get("environment", [])},
        secrets={s["name"]: s["valueFrom"] for s in raw.get("secrets", [])},
        mounts={m["containerPath"]: m["sourceVolume"] for m in raw.get("mountPoints", []) if "sourceVolume" in m},
    )
