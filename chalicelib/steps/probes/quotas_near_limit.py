"""quotas.near_limit: what the account may have no more of soon, as far as AWS says how much there is."""

from collections.abc import Iterator
from datetime import timedelta

from pydantic import Field

from chalicelib.aws.cloudwatch import MetricQuery
from chalicelib.aws.quotas import UsageMetric
from chalicelib.errors import AwsError
from chalicelib.models.shape import Shape
from chalicelib.models.step_index import Permission
from chalicelib.steps.blindness import denied
from chalicelib.steps.permissions import DESCRIBE_SERVICE, READ_METRICS
from chalicelib.steps.step import Output, Params, Probe, StepContext

_LOOKED_BACK = timedelta(hours=3)
"""AWS/Usage gets a point every five minutes, sometimes late."""
_TASKS_PER_SERVICE = "Tasks per service"
_RDS_WORDS = {
    "DBInstances": "DB instances",
    "ManualSnapshots": "manual DB snapshots",
    "DBClusters": "DB clusters",
    "ManualClusterSnapshots": "manual DB cluster snapshots",
    "AllocatedStorage": "GiB of database storage",
}
"""Those that a stack of MLflow, its backups and its drills use up."""


class QuotaParams(Params):
    percent: int = Field(default=80, ge=1, le=100)
    """From here on a quota counts as near its limit."""


class QuotaState(Shape):
    service: str
    name: str
    used: float
    limit: float
    percent: int


class QuotaOutput(Output):
    skipped: str | None = None
    unread: tuple[str, ...] = ()
    """What could not be looked at, and why; the rest is in `quotas`."""
    near: tuple[QuotaState, ...] = ()
    """Fullest first."""
    quotas: tuple[QuotaState, ...] = ()
    """Every one whose use is known."""


class NearLimit(Probe[QuotaParams, QuotaOutput]):
    """Fargate vCPUs, tasks of the service, database instances and snapshots: used, limit, and which are near it.

    ```yaml
    - id: quotas
      do: quotas.near_limit
      with: {percent: 80}
    ```
    """

    name = "quotas.near_limit"
    Params = QuotaParams
    Output = QuotaOutput
    permissions = (
        Permission(action="servicequotas:ListServiceQuotas", resource="*", why="how much the account may have"),
        Permission(
            action="rds:DescribeAccountAttributes", resource="*", why="database instances and snapshots, used and limit"
        ),
        READ_METRICS,
        DESCRIBE_SERVICE,
    )

    def read(self, ctx: StepContext, params: QuotaParams) -> QuotaOutput:
        found: list[QuotaState] = []
        unread: list[str] = []
        for each in _SOURCES:
            try:
                found += each(ctx)
            except AwsError as error:
                unread.append(denied(error))
        fullest = sorted(found, key=lambda quota: (-quota.percent, quota.service, quota.name))
        near = tuple(quota for quota in fullest if quota.percent >= params.percent)
        skipped = unread[0] if len(unread) == len(_SOURCES) else None
        return QuotaOutput(skipped=skipped, unread=tuple(unread), near=near, quotas=tuple(fullest))


def _of_rds(ctx: StepContext) -> Iterator[QuotaState]:
    for quota in ctx.aws.rds.account_quotas():
        if quota.name in _RDS_WORDS and quota.most > 0:
            yield _state("rds", _RDS_WORDS[quota.name], quota.used, quota.most)


def _of_fargate(ctx: StepContext) -> Iterator[QuotaState]:
    """Counted by CloudWatch, where Service Quotas says that it is."""
    counted = {
        f"q{number}": (quota, quota.usage)
        for number, quota in enumerate(ctx.aws.quotas.of_service("fargate"))
        if quota.usage and quota.limit > 0
    }
    if not counted:
        return
    queries = [_query(name, usage) for name, (_, usage) in counted.items()]
    for series in ctx.aws.cloudwatch.metric_data(queries, ctx.now - _LOOKED_BACK, ctx.now):
        if series.points:  # none: nothing of the kind was ever used, or the metric is late (S5)
            quota = counted[series.id][0]
            yield _state(quota.service, quota.name, series.points[-1][1], quota.limit)


def _query(name: str, usage: UsageMetric) -> MetricQuery:
    return MetricQuery(name, usage.namespace, usage.metric, usage.stat, usage.dimensions, period_s=300)


def _of_service(ctx: StepContext) -> Iterator[QuotaState]:
    limit = next((q.limit for q in ctx.aws.quotas.of_service("ecs") if q.name == _TASKS_PER_SERVICE), 0)
    if limit > 0:
        desired = ctx.aws.ecs.service(ctx.stack.ecs.cluster, ctx.stack.ecs.service).desired
        yield _state("ecs", _TASKS_PER_SERVICE, desired, limit)


def _state(service: str, name: str, used: float, limit: float) -> QuotaState:
    return QuotaState(service=service, name=name, used=used, limit=limit, percent=int(100 * used / limit))


_SOURCES = (_of_rds, _of_fargate, _of_service)
