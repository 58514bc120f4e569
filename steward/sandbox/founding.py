"""How a world begins: the service steady since a while, metrics of the last half hour, alarms OK."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from steward.sandbox import place
from steward.sandbox.alarms import OK
from steward.sandbox.deployment import Deployment, Rollout
from steward.sandbox.ecs_service import new_task
from steward.sandbox.task import Status
from steward.sandbox.task_definitions import definition_of, install_and_serve

if TYPE_CHECKING:
    from steward.sandbox.world import World

_DEPLOYED_BEFORE = timedelta(hours=2)
_TASKS_BEFORE_S = 120
"""The tasks are younger than the health grace, so ECS leaves an ill one to others for a while."""
_METRICS_MINUTES = 30
_QUIET = {place.UNHEALTHY_ALARM: 0.0, place.LATENCY_ALARM: 0.146, place.CONNECTIONS_ALARM: 12.0}
"""Values in quiet times; errors have no datapoints then."""


def found(world: "World") -> None:
    now = world.clock.now()
    deployed_at = now - _DEPLOYED_BEFORE
    definition = world.definitions.register(definition_of(install_and_serve()), deployed_at)
    deployment = Deployment(
        f"ecs-svc/{world.ids.digits(19)}", definition["taskDefinitionArn"], deployed_at, deployed_at
    )
    deployment.enter(
        Rollout.COMPLETED, f"ECS deployment {deployment.id} completed.", deployed_at + timedelta(minutes=4)
    )
    world.service.deployments.append(deployment)
    world.service.history.append(deployment)
    for zone in range(world.service.desired):
        _running_task(world, deployment, zone, now)
    world.service.say(now - timedelta(minutes=1), f"(service {place.SERVICE}) has reached a steady state.")
    world.load.remember(now, _METRICS_MINUTES)
    for params in ALARMS:
        alarm = world.alarms.put(params, now - timedelta(days=1), OK)
        quiet = _QUIET.get(alarm.name)
        minutes = range(alarm.periods + 60, 60, -1) if quiet is not None else ()
        points = [(now - timedelta(minutes=ago), quiet) for ago in minutes if quiet is not None]
        world.alarms.was_ok(alarm, now - timedelta(hours=1) + timedelta(seconds=10), points)


def _running_task(world: "World", deployment: Deployment, zone: int, now: datetime) -> None:
    created_at = now - timedelta(seconds=_TASKS_BEFORE_S)
    task = new_task(world.ids, deployment.definition, f"service:{place.SERVICE}", deployment.id, created_at)
    task.deployment, task.zone = deployment.id, zone % len(place.ZONES)
    task.address = f"10.0.{task.zone + 1}.{task.address.rsplit('.', 1)[-1]}"
    task.status, task.version = Status.RUNNING, 3
    task.started_at = created_at + timedelta(seconds=20)
    task.ever_healthy = task.proved = task.said_ready = True
    world.service.equip(task)
    world.service.tasks[task.id] = task
    world.logs.starting(task, task.started_at)
    world.logs.ready(task, task.started_at + timedelta(seconds=task.behaviour.ready_after_s))
    world.targets.register(task, now)
    world.targets.mark_healthy(task)


def _alarm(name: str, description: str, metric: str, **rest: object) -> dict[str, Any]:
    return {
        "AlarmName": name,
        "AlarmDescription": description,
        "ActionsEnabled": True,
        "AlarmActions": [],
        "OKActions": [],
        "InsufficientDataActions": [],
        "Namespace": "AWS/ApplicationELB",
        "MetricName": metric,
        "Dimensions": [{"Name": name, "Value": value} for name, value in place.ALB_DIMENSIONS.items()],
        "Period": 60,
        "ComparisonOperator": "GreaterThanThreshold",
        **rest,
    }


ALARMS = (
    _alarm(
        place.UNHEALTHY_ALARM,
        "A target of the tracking server fails its health checks",
        "UnHealthyHostCount",
        Statistic="Maximum",
        EvaluationPeriods=1,
        DatapointsToAlarm=1,
        Threshold=0.0,
        TreatMissingData="missing",
    ),
    _alarm(
        place.ERRORS_ALARM,
        "The tracking server answers many requests with 5xx",
        "HTTPCode_Target_5XX_Count",
        Statistic="Sum",
        EvaluationPeriods=2,
        DatapointsToAlarm=2,
        Threshold=10.0,
        TreatMissingData="notBreaching",
    ),
    _alarm(
        place.REFUSALS_ALARM,
        "The tracking server refuses nearly all requests with 4xx",
        "HTTPCode_Target_4XX_Count",
        Statistic="Sum",
        EvaluationPeriods=2,
        DatapointsToAlarm=2,
        Threshold=60.0,
        TreatMissingData="notBreaching",
    ),
    _alarm(
        place.LATENCY_ALARM,
        "A tenth of the requests takes longer than two seconds",
        "TargetResponseTime",
        ExtendedStatistic="p90",
        EvaluationPeriods=3,
        DatapointsToAlarm=2,
        Threshold=2.0,
        TreatMissingData="notBreaching",
    ),
    _alarm(
        place.CONNECTIONS_ALARM,
        "The database has hardly a connection left to give",
        "DatabaseConnections",
        Namespace="AWS/RDS",
        Dimensions=[{"Name": name, "Value": value} for name, value in place.DATABASE_DIMENSIONS.items()],
        Statistic="Maximum",
        EvaluationPeriods=1,
        DatapointsToAlarm=1,
        Threshold=70.0,
        TreatMissingData="missing",
    ),
)
