"""The ECS service: keeps its desired count, replaces what stops, and rolls deployments out.

What moto's ECS never does. `scheduler.py` decides what to start and stop; this carries it out and
says it in service events, EventBridge events and log lines.
"""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from steward.sandbox import place, scheduler
from steward.sandbox.deployment import Deployment, Rollout
from steward.sandbox.events import EventLog
from steward.sandbox.ids import Ids
from steward.sandbox.targets import Targets
from steward.sandbox.task import Behaviour, Status, Task
from steward.sandbox.task_view import task_view
from steward.sandbox.tasklogs import TaskLogs

Temper = Callable[[Task], Behaviour | None]
"""A fault's say in how a new task will behave; None: no opinion."""

_REMEMBERED_S = 3600
"""ECS forgets stopped tasks after about an hour."""
_IMPAIRED_AFTER = 3
_SCHEDULER = "ServiceSchedulerInitiated"


@dataclass
class Settings:
    grace_s: int = 900
    minimum_percent: int = 100
    maximum_percent: int = 200
    breaker: bool = True
    breaker_rolls_back: bool = False


@dataclass
class EcsService:
    ids: Ids
    events: EventLog
    targets: Targets
    logs: TaskLogs
    desired: int = 2
    settings: Settings = field(default_factory=Settings)
    tasks: dict[str, Task] = field(default_factory=dict)
    deployments: list[Deployment] = field(default_factory=list)
    """PRIMARY first."""
    history: list[Deployment] = field(default_factory=list)
    tempers: list[Temper] = field(default_factory=list)
    equip: Callable[[Task], None] = lambda _task: None
    """Gives a new task what its task definition and its secrets say."""
    messages: deque[dict[str, object]] = field(default_factory=lambda: deque(maxlen=100))
    """What the console shows under Events, newest first."""
    _failures: int = 0
    _starts_at: datetime | None = None
    _unsettled: bool = False

    @property
    def primary(self) -> Deployment:
        return self.deployments[0]

    def live(self, deployment: Deployment | None = None) -> list[Task]:
        """Tasks of the service that are meant to run, of one deployment or of all."""
        return [
            task
            for task in self.tasks.values()
            if task.is_live and task.deployment and (deployment is None or task.deployment == deployment.id)
        ]

    def tick(self, now: datetime) -> None:
        for task in list(self.tasks.values()):
            self._step(task, now)
        for task in scheduler.sick(self, now):
            self._replace_sick(task, now)
        for task in scheduler.surplus(self, now):
            self.stop(task, now, _SCHEDULER, f"Scaling activity initiated by (deployment {self.primary.id})")
        if self._starts_at is None or now >= self._starts_at:
            for _ in range(scheduler.missing(self)):
                self.start(now)
        self._settle(now)

    # Tasks

    def start(self, now: datetime) -> Task:
        task = new_task(self.ids, self.primary.definition, f"service:{place.SERVICE}", self.primary.id, now)
        task.deployment = self.primary.id
        self._admit(task, now)
        self._unsettled = True
        self.say(now, f"(service {place.SERVICE}) has started 1 tasks: (task {task.id}).")
        return task

    def run(self, task: Task, now: datetime) -> None:
        """A task that somebody runs by hand beside the service."""
        self._admit(task, now)

    def _admit(self, task: Task, now: datetime) -> None:
        self.equip(task)
        opinions = (temper(task) for temper in self.tempers)
        task.behaviour = next((each for each in opinions if each is not None), task.behaviour)
        task.hung = task.behaviour.hangs
        self.tasks[task.id] = task
        self._tell(task, now)

    def stop(self, task: Task, now: datetime, code: str, reason: str) -> None:
        if not task.is_live:
            return
        task.stop(now, code, reason)
        self._leaves(task, now)
        self._tell(task, now)
        if code == _SCHEDULER:
            self.say(now, f"(service {place.SERVICE}) has stopped 1 running tasks: (task {task.id}).")

    def crash(self, task: Task, now: datetime, code: int, container_reason: str | None = None) -> None:
        task.exit(now, code, container_reason)
        self._ended_by_itself(task, now)
        self._tell(task, now)

    def _step(self, task: Task, now: datetime) -> None:
        was_live = task.is_live
        if task.step(now):
            if was_live and not task.is_live:
                self._ended_by_itself(task, now)
            elif task.status is Status.RUNNING:
                self._runs(task, now)
            self._tell(task, now)
        elif not task.said_ready and task.answers(now):
            task.said_ready = True
            self.logs.ready(task, now)
        if task.stopped_at and now - task.stopped_at > timedelta(seconds=_REMEMBERED_S):
            del self.tasks[task.id]
        elif task.ever_healthy and not task.proved:
            task.proved = True
            self._failures, self._starts_at = 0, None

    def _runs(self, task: Task, now: datetime) -> None:
        self.logs.starting(task, now)
        if task.deployment:
            self.targets.register(task, now)
            group = f"(target-group {place.TARGET_GROUP_ARN})"
            self.say(now, f"(service {place.SERVICE}) registered 1 targets in {group}")

    def _ended_by_itself(self, task: Task, now: datetime) -> None:
        self.logs.write(task, now, task.behaviour.last_words)
        self._leaves(task, now)
        if task.deployment and not task.ever_healthy:
            self._failed_to_start(task, now)

    def _leaves(self, task: Task, now: datetime) -> None:
        if task.deployment:
            self._unsettled = True
        if self.targets.deregister(task, now):
            group = f"(target-group {place.TARGET_GROUP_ARN})"
            self.say(now, f"(service {place.SERVICE}) deregistered 1 targets in {group}")
            self.say(now, f"(service {place.SERVICE}) has begun draining connections on 1 tasks.")

    def _replace_sick(self, task: Task, now: datetime) -> None:
        group = f"(target-group {place.TARGET_GROUP_ARN})"
        why = "Request timed out" if task.hung else "Health checks failed"
        said = f"(service {place.SERVICE}) (port {place.PORT}) is unhealthy in {group} due to (reason {why})."
        self.say(now, said)
        if not task.ever_healthy:
            self._failed_to_start(task, now)
        self.stop(task, now, _SCHEDULER, f"Task failed ELB health checks in {group}")

    # Failures and deployments

    def _failed_to_start(self, task: Task, now: datetime) -> None:
        deployment = _by_id(self, task.deployment)
        if deployment is not None:
            deployment.failed_tasks += 1
            deployment.updated_at = now
        self._failures += 1
        if self._failures >= _IMPAIRED_AFTER:
            self._starts_at = now + timedelta(seconds=min(60 * (self._failures - 2), 300))
            if self._failures % _IMPAIRED_AFTER == 0:
                self.events.service_action(now, "SERVICE_TASK_START_IMPAIRED", "WARN")
                trouble = "is unable to consistently start tasks successfully"
                more = "For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."
                self.say(now, f"(service {place.SERVICE}) {trouble}. {more}")
        if deployment is self.primary and deployment.rollout is Rollout.IN_PROGRESS and self.settings.breaker:
            threshold = max(3, min(200, math.ceil(self.desired * 0.5)))
            if deployment.failed_tasks >= threshold:
                self._break(deployment, now)

    def _break(self, deployment: Deployment, now: datetime) -> None:
        reason = "ECS deployment circuit breaker: tasks failed to start."
        deployment.enter(Rollout.FAILED, reason, now)
        self.events.deployment_changed(now, "SERVICE_DEPLOYMENT_FAILED", deployment.id, reason)
        failed = f"(deployment {deployment.id}) deployment failed: tasks failed to start."
        self.say(now, f"(service {place.SERVICE}) {failed}")
        previous = next((each for each in self.deployments[1:] if each.ever_completed), None)
        if self.settings.breaker_rolls_back and previous is not None:
            self._roll_back(deployment, previous, now)

    def _roll_back(self, failed: Deployment, previous: Deployment, now: datetime) -> None:
        failed.status, failed.rolled_back, previous.status = "ACTIVE", True, "PRIMARY"
        self.deployments = [previous, *(each for each in self.deployments if each is not previous)]
        self._failures, self._starts_at = 0, None
        reason = f"ECS deployment circuit breaker: rolling back to deploymentId {previous.id}."
        previous.enter(Rollout.IN_PROGRESS, reason, now)
        self.events.deployment_changed(now, "SERVICE_DEPLOYMENT_IN_PROGRESS", previous.id, reason)
        self.say(now, f"(service {place.SERVICE}) rolling back to deployment {previous.id}.")

    def deploy(self, definition: str, now: datetime) -> Deployment:
        deployment = Deployment(f"ecs-svc/{self.ids.digits(19)}", definition, now, now)
        for each in self.deployments:
            each.status = "ACTIVE"
        self.deployments.insert(0, deployment)
        self.history.insert(0, deployment)
        self._failures, self._starts_at, self._unsettled = 0, None, True
        deployment.enter(Rollout.IN_PROGRESS, f"ECS deployment {deployment.id} in progress.", now)
        self.events.deployment_changed(now, "SERVICE_DEPLOYMENT_IN_PROGRESS", deployment.id, deployment.reason)
        return deployment

    def _settle(self, now: datetime) -> None:
        kept = {task.deployment for task in self.tasks.values() if task.status is not Status.STOPPED}
        self.deployments = [each for each in self.deployments if each is self.primary or each.id in kept]
        if not scheduler.is_steady(self):
            return
        if self.primary.rollout is Rollout.IN_PROGRESS:
            reason = f"ECS deployment {self.primary.id} completed."
            self.primary.enter(Rollout.COMPLETED, reason, now)
            self.events.deployment_changed(now, "SERVICE_DEPLOYMENT_COMPLETED", self.primary.id, reason)
            self.say(now, f"(service {place.SERVICE}) (deployment {self.primary.id}) deployment completed.")
        if self._unsettled:
            self._unsettled = False
            self.events.service_action(now, "SERVICE_STEADY_STATE", "INFO")
            self.say(now, f"(service {place.SERVICE}) has reached a steady state.")

    # Telling

    def say(self, now: datetime, message: str) -> None:
        self.messages.appendleft({"id": self.ids.uuid(), "createdAt": now, "message": message})

    def _tell(self, task: Task, now: datetime) -> None:
        self.events.task_changed(now, task_view(task) | {"updatedAt": now})


def _by_id(service: EcsService, deployment_id: str | None) -> Deployment | None:
    return next((each for each in service.deployments if each.id == deployment_id), None)


def new_task(ids: Ids, definition: str, group: str, started_by: str, now: datetime) -> Task:
    task_id = ids.hex(32)
    zone = ids.between(0, 1)
    return Task(
        id=task_id,
        arn=place.arn("ecs", f"task/{place.CLUSTER}/{task_id}"),
        definition=definition,
        group=group,
        started_by=started_by,
        created_at=now,
        address=f"10.0.{zone + 1}.{ids.between(10, 250)}",
        zone=zone,
        interface=f"eni-{ids.hex(17)}",
        attachment=ids.uuid(),
    )
