"""What the ECS service scheduler decides: whom to start, stop and replace. Pure: it only looks."""

import math
from datetime import datetime
from typing import TYPE_CHECKING

from steward.sandbox.deployment import Rollout
from steward.sandbox.task import Task

if TYPE_CHECKING:
    from steward.sandbox.ecs_service import EcsService


def missing(service: "EcsService") -> int:
    """How many tasks of the primary deployment to start now, within maximumPercent."""
    if service.primary.rollout is Rollout.FAILED:
        return 0
    room = service.desired * service.settings.maximum_percent // 100 - len(service.live())
    return max(0, min(service.desired - len(service.live(service.primary)), room))


def sick(service: "EcsService", now: datetime) -> list[Task]:
    """Unhealthy and older than the grace. Within it ECS leaves a task alone, however ill it is."""
    grace = service.settings.grace_s
    return [t for t in service.live() if service.targets.is_unhealthy(t) and t.age_s(now) >= grace]


def surplus(service: "EcsService", now: datetime) -> list[Task]:
    """Tasks above the desired count, and those of older deployments that can be spared."""
    return _scaled_in(service, now) + _retired(service)


def _scaled_in(service: "EcsService", now: datetime) -> list[Task]:
    mine = service.live(service.primary)
    excess = len(mine) - service.desired
    if excess <= 0:
        return []
    free = [task for task in mine if not task.is_protected(now)]
    return sorted(free, key=lambda task: (service.targets.is_healthy(task), task.created_at))[:excess]


def _retired(service: "EcsService") -> list[Task]:
    """ECS keeps minimumHealthyPercent of healthy tasks; unhealthy ones it need not keep."""
    if service.primary.rollout is Rollout.FAILED:
        return []
    primary = service.live(service.primary)
    old = [task for task in service.live() if task.deployment != service.primary.id]
    healthy = [task for task in old if service.targets.is_healthy(task)]
    ill = [task for task in old if not service.targets.is_healthy(task)]
    ready = sum(service.targets.is_healthy(task) for task in primary)
    needed = math.ceil(service.desired * service.settings.minimum_percent / 100)
    spare = max(0, min(len(healthy), ready + len(healthy) - needed))
    return ill + sorted(healthy, key=lambda task: task.created_at)[:spare]


def is_steady(service: "EcsService") -> bool:
    live = service.live()
    return (
        len(live) == service.desired
        and len(service.deployments) == 1  # what an older one ran is gone
        and all(task.deployment == service.primary.id and task.is_running for task in live)
        and all(service.targets.is_healthy(task) for task in live)
        and service.primary.rollout is not Rollout.FAILED
    )
