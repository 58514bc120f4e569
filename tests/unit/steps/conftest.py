"""A small hand-written twin of the gateways: a service with tasks, targets and deployments to set at will.

Nothing moves by itself here; a test says what happens next. Moving parts are the sandbox's work.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest

from chalicelib.aws.autoscaling import ScalableTarget
from chalicelib.aws.cloudwatch import Alarm
from chalicelib.aws.ecs_revisions import Revision, revision_of
from chalicelib.aws.ecs_shapes import (
    CompletedDeployment,
    Container,
    ContainerDefinition,
    Deployment,
    Task,
    TaskDefinition,
    task_definition_of,
)
from chalicelib.aws.rds import DbEvent
from chalicelib.aws.secrets import SecretFacts
from chalicelib.models.change import ChangeProgress
from chalicelib.models.stack import Stack
from chalicelib.models.words import utc
from chalicelib.net.http import HttpAnswer, HttpRequest
from chalicelib.steps.step import StepContext
from tests.unit.steps.gateways import ARN, Cloudwatch, Ecs, Elb, Rds, Secrets

NOW = utc("2026-11-20T12:00:00+00:00")
STACK = {
    "stack": "churn-mlflow",
    "region": "eu-west-2",
    "account": "123456789012",
    "url": "http://churn-alb.example.com",
    "ecs": {"cluster": "churn-cluster", "service": "churn"},
    "loadBalancer": {"targetGroup": "churn-tg"},
    "database": {"instance": "churn-db"},
}
SERVE = "pip install mlflow==3.17.2 && mlflow server --backend-store-uri $URI --artifacts-destination s3://b/p"


@dataclass
class World:
    """What the gateways below answer from, and what was asked of them."""

    desired: int = 0
    tasks: list[Task] = field(default_factory=list)
    stopped: list[Task] = field(default_factory=list)
    beside: list[Task] = field(default_factory=list)
    """Tasks of the same family that the service does not count."""
    targets: dict[str, str] = field(default_factory=dict)
    deployments: list[Deployment] = field(default_factory=list)
    completed: list[CompletedDeployment] = field(default_factory=list)
    definitions: dict[str, TaskDefinition] = field(default_factory=dict)
    minimum_healthy_percent: int = 100
    maximum_percent: int = 200
    bounds: ScalableTarget | None = None
    alarms: list[Alarm] = field(default_factory=list)
    series: dict[str, list[float]] = field(default_factory=dict)
    asked_metrics: list = field(default_factory=list)
    db_status: str = "available"
    db_events: list[DbEvent] = field(default_factory=list)
    secret_facts: dict[str, SecretFacts] = field(default_factory=dict)
    revisions: dict[str, Revision] = field(default_factory=dict)
    others: dict = field(default_factory=dict)
    """Gateways that only one test file needs, by their name on `Aws`."""
    gone_secrets: set = field(default_factory=set)
    gone_images: set = field(default_factory=set)
    denied: dict = field(default_factory=dict)
    """Operation to the error that its call raises."""
    answers: object = None
    """(request) -> HttpAnswer, or raises HttpFailure."""
    requests: list[HttpRequest] = field(default_factory=list)
    changes: list[tuple] = field(default_factory=list)
    stack: dict = field(default_factory=lambda: dict(STACK))
    now: datetime = NOW

    # Setting the scene

    def task(self, name: str, target: str | None = "healthy", *, age_s: int = 3600, revision: int = 7) -> Task:
        address = f"10.0.0.{len(self.tasks) + len(self.stopped) + 10}"
        born = self.now - timedelta(seconds=age_s)
        task = Task(
            arn=f"{ARN}:task/churn-cluster/{name}",
            status="RUNNING",
            wanted="RUNNING",
            task_definition=f"{ARN}:task-definition/churn:{revision}",
            created_at=born,
            started_at=born + timedelta(seconds=30),
            stopped_at=None,
            stop_code=None,
            stopped_reason=None,
            health="UNKNOWN",
            address=address,
            containers=(Container("mlflow", "RUNNING", None, None),),
        )
        self.tasks.append(task)
        if target:
            self.targets[address] = target
        return task

    def run_by_hand(self, name: str, **over) -> Task:
        """Beside the service, as somebody does with RunTask."""
        task = self.task(
            name, over.pop("target", None), age_s=over.pop("age_s", 7200), revision=over.pop("revision", 7)
        )
        self.tasks.remove(task)
        self.beside.append(replace(task, **({"group": "family:churn"} | over)))
        return self.beside[-1]

    def ends(self, name: str, code: str, reason: str, *, after_s: int = 60, exit_code: int | None = None) -> Task:
        """The task stops now; ECS names `code` and `reason`."""
        task = next(task for task in self.tasks if task.id == name)
        self.tasks.remove(task)
        self.targets.pop(task.address or "", None)
        ended = replace(
            task,
            status="STOPPED",
            wanted="STOPPED",
            stopped_at=(task.started_at or self.now) + timedelta(seconds=after_s),
            stop_code=code,
            stopped_reason=reason,
            containers=(Container("mlflow", "STOPPED", exit_code, None),),
        )
        self.stopped.append(ended)
        return ended

    def set_target(self, name: str, state: str) -> None:
        self.targets[next(task.address for task in self.tasks if task.id == name)] = state

    def deployment(self, number: int, rollout: str | None = "COMPLETED", *, status="PRIMARY", revision=7, failed=0):
        deployment = Deployment(
            id=f"ecs-svc/{number}",
            status=status,
            task_definition=f"{ARN}:task-definition/churn:{revision}",
            desired=self.desired,
            running=len(self.tasks),
            pending=0,
            failed_tasks=failed,
            rollout=rollout,
            rollout_reason=None,
            created_at=self.now,
        )
        self.deployments.append(deployment)
        return deployment

    def define(self, revision: int = 7, **over) -> TaskDefinition:
        container = {
            "name": "mlflow",
            "image": "public.ecr.aws/docker/library/python:3.11-slim",
            "command": ("/bin/sh", "-c", over.pop("command", SERVE)),
            "entry_point": (),
            "environment": {"AWS_DEFAULT_REGION": "eu-west-2"},
            "secrets": {"URI": "arn:aws:secretsmanager:eu-west-2:123456789012:secret:churn/db-AbCdEf:uri::"},
            "mounts": {},
        }
        active = over.pop("active", True)
        definition = TaskDefinition(
            arn=f"{ARN}:task-definition/churn:{revision}",
            family="churn",
            revision=revision,
            cpu="512",
            memory="1024",
            containers=(ContainerDefinition(**(container | over)),),
            shared_volumes=frozenset(),
            registered_at=self.now,
            active=active,
        )
        self.definitions[definition.arn] = definition
        return definition

    def keep(self, content: dict) -> Revision:
        """Registers it under the next number, as ECS does."""
        number = len(self.revisions) + 7
        raw = {**content, "taskDefinitionArn": f"{ARN}:task-definition/churn:{number}", "revision": number}
        self.revisions[raw["taskDefinitionArn"]] = revision_of(raw)
        self.definitions[raw["taskDefinitionArn"]] = task_definition_of(raw)
        return self.revisions[raw["taskDefinitionArn"]]

    def passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    # Looking at it

    def ctx(self, **over) -> StepContext:
        aws = SimpleNamespace(
            ecs=Ecs(self),
            elb=Elb(self),
            autoscaling=SimpleNamespace(service_bounds=lambda *_: self.bounds),
            cloudwatch=Cloudwatch(self),
            rds=Rds(self),
            secrets=Secrets(self),
            ssm=SimpleNamespace(exists=lambda name: name not in self.gone_secrets),
            ecr=SimpleNamespace(has_image=lambda image: False if image in self.gone_images else None),
            **self.others,
        )
        given = {"stack": Stack.model_validate(self.stack), "run_id": "run-42", "step_id": "restart", "now": self.now}
        return StepContext(**(given | {"aws": aws, "http": self} | over))

    def ask(self, request: HttpRequest) -> HttpAnswer:
        self.requests.append(request)
        return self.answers(request)

    def refuse(self, operation: str) -> None:
        if operation in self.denied:
            raise self.denied[operation]

    # Acting on it, as the executor does

    def progress(self, look=None, *, started_at: datetime | None = None) -> ChangeProgress:
        before = dict(look.before) if look else {}
        return ChangeProgress(state="started", started_at=started_at or self.now, before=before)


@pytest.fixture
def world() -> World:
    """Two serving tasks of revision 7, one completed deployment, nothing wrong."""
    world = World(desired=2)
    world.define(7)
    world.task("old", age_s=7200)
    world.task("new", age_s=3600)
    world.deployment(1)
    return world
