"""Twins of the gateways: they answer from a World, and note in it what they were told to do."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from chalicelib.aws.cloudwatch import Alarm, Series
from chalicelib.aws.ecs_revisions import Revision
from chalicelib.aws.ecs_shapes import Service, Task, TaskDefinition
from chalicelib.aws.elb import Target, TargetGroup
from chalicelib.aws.rds import DbCluster, DbEvent, DbInstance
from chalicelib.aws.secrets import DatabaseSecret, Login, SecretFacts
from chalicelib.errors import AwsNotFound

if TYPE_CHECKING:
    from tests.unit.steps.conftest import World

ARN = "arn:aws:ecs:eu-west-2:123456789012"


class Ecs:
    def __init__(self, world: "World") -> None:
        self._world = world

    def service(self, cluster: str, service: str) -> Service:
        world = self._world
        world.refuse("ecs:DescribeServices")
        running = [task for task in world.tasks if task.is_running]
        pending = [task for task in world.tasks if task.wanted == "RUNNING" and task.status != "RUNNING"]
        deployments = tuple(world.deployments)
        return Service(
            arn=f"{ARN}:service/{cluster}/{service}",
            name=service,
            status="ACTIVE",
            desired=world.desired,
            running=len(running),
            pending=len(pending),
            task_definition=deployments[0].task_definition if deployments else "",
            deployments=deployments,
            target_groups=(),
            minimum_healthy_percent=world.minimum_healthy_percent,
            maximum_percent=world.maximum_percent,
            events=(),
        )

    def tasks(self, cluster: str, service: str) -> tuple[Task, ...]:
        return tuple(task for task in self._world.tasks if task.wanted == "RUNNING")

    def stopped_tasks(self, cluster: str, service: str) -> tuple[Task, ...]:
        return tuple(self._world.stopped)

    def tasks_of_family(self, cluster: str, family: str) -> tuple[Task, ...]:
        all_of_them = (*self._world.tasks, *self._world.beside)
        return tuple(t for t in all_of_them if t.wanted == "RUNNING" and f"/{family}:" in t.task_definition)

    def tasks_by_arn(self, cluster: str, arns) -> tuple[Task, ...]:
        known = (*self._world.tasks, *self._world.stopped, *self._world.beside)
        return tuple(task for task in known if task.arn in arns)

    def task_definition(self, name: str) -> TaskDefinition:
        return self._world.definitions[name]

    def revision(self, name: str) -> Revision:
        if name in self._world.revisions:
            return self._world.revisions[name]
        return max(self._world.revisions.values(), key=lambda r: int(r.arn.rsplit(":", 1)[-1]))

    def register_revision(self, former: Revision, wanted: Revision, declared: frozenset[str]) -> Revision:
        self._world.changes.append(("register", tuple(sorted(declared))))
        return self._world.keep(dict(wanted.content))

    def completed_deployments(self, cluster: str, service: str):
        return tuple(self._world.completed)

    def stop_task(self, cluster: str, task: str, reason: str) -> None:
        world = self._world
        world.changes.append(("stop_task", task.rsplit("/", 1)[-1], reason))
        world.tasks = [replace(t, wanted="STOPPED") if t.arn == task else t for t in world.tasks]
        world.beside = [replace(t, wanted="STOPPED") if t.arn == task else t for t in world.beside]

    def set_desired_count(self, cluster: str, service: str, desired: int) -> Service:
        self._world.changes.append(("desired", desired))
        self._world.desired = desired
        return self.service(cluster, service)

    def force_new_deployment(self, cluster: str, service: str) -> Service:
        self._world.changes.append(("force",))
        return self._deploy(cluster, service, 7)

    def set_task_definition(self, cluster: str, service: str, task_definition: str) -> Service:
        self._world.changes.append(("task_definition", task_definition.rsplit("/", 1)[-1]))
        return self._deploy(cluster, service, int(task_definition.rsplit(":", 1)[-1]))

    def _deploy(self, cluster: str, service: str, revision: int) -> Service:
        world = self._world
        older = [replace(d, status="ACTIVE") for d in world.deployments]
        world.deployments = []
        world.deployment(len(older) + 100, "IN_PROGRESS", revision=revision)
        world.deployments += older
        return self.service(cluster, service)


class Elb:
    def __init__(self, world: "World") -> None:
        self._world = world

    def target_group(self, name: str) -> TargetGroup:
        arn = f"arn:aws:elasticloadbalancing:eu-west-2:123456789012:targetgroup/{name}/0123456789abcdef"
        balancer = "arn:aws:elasticloadbalancing:eu-west-2:123456789012:loadbalancer/app/churn-alb/fedcba9876543210"
        return TargetGroup(arn, name, "ip", "/health", (balancer,))

    def target_health(self, arn: str) -> tuple[Target, ...]:
        self._world.refuse("elasticloadbalancing:DescribeTargetHealth")
        return tuple(Target(address, 5000, state, None) for address, state in self._world.targets.items())

    def dns_names(self, arns) -> tuple[str, ...]:
        return ("churn-alb.example.com",) if arns else ()


class Cloudwatch:
    def __init__(self, world: "World") -> None:
        self._world = world

    def alarms(self, names) -> tuple[Alarm, ...]:
        self._world.refuse("cloudwatch:DescribeAlarms")
        return tuple(alarm for alarm in self._world.alarms if alarm.name in names)

    def metric_data(self, queries, since, until) -> tuple[Series, ...]:
        self._world.asked_metrics = list(queries)
        return tuple(
            Series(
                query.id,
                tuple((since + timedelta(minutes=n), v) for n, v in enumerate(self._world.series.get(query.id, []))),
                True,
            )
            for query in queries
        )


class Rds:
    def __init__(self, world: "World") -> None:
        self._world = world

    def instance(self, name: str) -> DbInstance:
        self._world.refuse("rds:DescribeDBInstances")
        status = self._world.db_status
        return DbInstance(
            name, status, "postgres", "15.4", "db.t3.micro", False, "eu-west-2a", 20, ("StorageType",), None,
            host="churn-db.example.com", port=5432, backup_window="02:00-02:30", backup_days=7,
        )  # fmt: skip

    def cluster(self, name: str) -> DbCluster:
        return DbCluster(name, self._world.db_status, "aurora-postgresql", "15.4", True, ("a", "b"), "a")

    def events(self, name: str, *, cluster: bool, since: datetime, until: datetime) -> tuple[DbEvent, ...]:
        self._world.refuse("rds:DescribeEvents")
        return tuple(event for event in self._world.db_events if since <= event.at <= until)


class Secrets:
    def __init__(self, world: "World") -> None:
        self._world = world

    def login(self, name: str) -> Login:
        if name in self._world.gone_secrets:
            raise AwsNotFound("secretsmanager:GetSecretValue", "ResourceNotFoundException", name)
        return Login("admin", "canary-pass-9931")

    def database(self, name: str) -> DatabaseSecret:
        self._world.refuse("secretsmanager:GetSecretValue")
        return DatabaseSecret(self.login(name), "left-behind.example.com", 5432)

    def facts(self, name: str) -> SecretFacts | None:
        self._world.refuse("secretsmanager:DescribeSecret")
        return self._world.secret_facts.get(name)

    def exists(self, name: str) -> bool:
        self._world.refuse("secretsmanager:DescribeSecret")
        return name not in self._world.gone_secrets
