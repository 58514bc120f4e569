"""cloudwatch.metric_snapshot: load, errors, latency and the database's strain over the last minutes."""

from datetime import timedelta

from pydantic import Field

from chalicelib.aws.cloudwatch import MetricQuery, Series
from chalicelib.models.shape import Shape
from chalicelib.models.step_index import Permission
from chalicelib.models.words import Duration
from chalicelib.steps.permissions import READ_TARGETS
from chalicelib.steps.step import Output, Params, Probe, StepContext

RECENT = timedelta(minutes=4)
"""Three whole minutes and the one that is not there yet."""


class SnapshotParams(Params):
    within: Duration = 900
    period: int = Field(default=60, ge=60, le=3600, multiple_of=60)
    """Seconds a point stands for."""


class Metric(Shape):
    last: float
    average: float
    maximum: float
    points: int


class SnapshotOutput(Output):
    """A metric is null where nothing was measured, or the stack has no such part."""

    cpu: Metric | None = None
    memory: Metric | None = None
    requests: Metric | None = None
    errors_5xx: Metric | None = None
    latency_p95_s: Metric | None = None
    healthy_hosts: Metric | None = None
    unhealthy_hosts: Metric | None = None
    database_cpu: Metric | None = None
    database_connections: Metric | None = None
    database_free_storage: Metric | None = None
    error_share: float | None = None
    """5xx answers out of all requests, 0 to 1, over the whole time."""
    recent_requests: float = 0
    recent_error_share: float | None = None
    """The same over the last minutes only, when what was before a change no longer counts."""
    incomplete: tuple[str, ...] = ()
    """Metrics CloudWatch could not give in full."""


class MetricSnapshot(Probe[SnapshotParams, SnapshotOutput]):
    """The stack's standard metrics over the last minutes: last value, average, maximum.

    ```yaml
    - id: load
      do: cloudwatch.metric_snapshot
      with: {within: 15m}
    ```
    """

    name = "cloudwatch.metric_snapshot"
    Params = SnapshotParams
    Output = SnapshotOutput
    permissions = (
        Permission(action="cloudwatch:GetMetricData", resource="*", why="load, errors, latency, database strain"),
        *READ_TARGETS,
    )

    def read(self, ctx: StepContext, params: SnapshotParams) -> SnapshotOutput:
        queries = (*_service(ctx, params), *_load_balancer(ctx, params), *_database(ctx, params))
        since = ctx.now - timedelta(seconds=params.within)
        series = ctx.aws.cloudwatch.metric_data(queries, since, ctx.now)
        totals = {one.id: sum(value for _, value in one.points) for one in series}
        requests = totals.get("requests", 0)
        recent = {one.id: sum(v for at, v in one.points if at >= ctx.now - RECENT) for one in series}
        lately = recent.get("requests", 0)
        return SnapshotOutput(
            **{one.id: _metric(one) for one in series},  # ids are the field names
            error_share=round(totals.get("errors_5xx", 0) / requests, 4) if requests else None,
            recent_requests=lately,
            # CloudWatch keeps no zeros: no 5xx beside requests is a share of 0, no requests is not.
            recent_error_share=round(recent.get("errors_5xx", 0) / lately, 4) if lately else None,
            incomplete=tuple(one.id for one in series if not one.complete),
        )


def _metric(series: Series) -> Metric | None:
    values = [value for _, value in series.points]
    if not values:
        return None
    average = sum(values) / len(values)
    return Metric(last=values[-1], average=round(average, 4), maximum=max(values), points=len(values))


def _service(ctx: StepContext, params: SnapshotParams) -> tuple[MetricQuery, ...]:
    where = (("ClusterName", ctx.stack.ecs.cluster), ("ServiceName", ctx.stack.ecs.service))
    return (
        MetricQuery("cpu", "AWS/ECS", "CPUUtilization", "Average", where, params.period),
        MetricQuery("memory", "AWS/ECS", "MemoryUtilization", "Average", where, params.period),
    )


def _load_balancer(ctx: StepContext, params: SnapshotParams) -> tuple[MetricQuery, ...]:
    if ctx.stack.load_balancer is None:
        return ()
    group = ctx.aws.elb.target_group(ctx.stack.load_balancer.target_group)
    if not group.load_balancers:
        return ()
    target_group = group.arn.rsplit(":", 1)[-1]
    load_balancer = group.load_balancers[0].split(":loadbalancer/", 1)[-1]
    where = (("TargetGroup", target_group), ("LoadBalancer", load_balancer))
    asked = (
        ("requests", "RequestCount", "Sum"),
        ("errors_5xx", "HTTPCode_Target_5XX_Count", "Sum"),
        ("latency_p95_s", "TargetResponseTime", "p95"),
        ("healthy_hosts", "HealthyHostCount", "Minimum"),
        ("unhealthy_hosts", "UnHealthyHostCount", "Maximum"),
    )
    return tuple(MetricQuery(id_, "AWS/ApplicationELB", m, stat, where, params.period) for id_, m, stat in asked)


def _database(ctx: StepContext, params: SnapshotParams) -> tuple[MetricQuery, ...]:
    database = ctx.stack.database
    if database is None or not (database.instance or database.cluster):
        return ()
    kind = (
        ("DBInstanceIdentifier", database.instance) if database.instance else ("DBClusterIdentifier", database.cluster)
    )
    where = ((kind[0], str(kind[1])),)
    asked = (
        ("database_cpu", "CPUUtilization"),
        ("database_connections", "DatabaseConnections"),
        ("database_free_storage", "FreeStorageSpace"),
    )
    return tuple(MetricQuery(id_, "AWS/RDS", metric, "Average", where, params.period) for id_, metric in asked)
