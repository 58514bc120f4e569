"""rds.describe_instance: how the tracking store's database stands, as RDS and CloudWatch say it."""

from datetime import timedelta

from chalicelib.aws.cloudwatch import MetricQuery
from chalicelib.aws.rds import DbCluster, DbInstance
from chalicelib.errors import AwsError, AwsNotFound
from chalicelib.steps import made
from chalicelib.steps.blindness import denied
from chalicelib.steps.permissions import DESCRIBE_DATABASE, READ_METRICS
from chalicelib.steps.placement import recorded
from chalicelib.steps.step import Output, Params, Probe, StepContext

GONE = "gone"
_CHANGING_HANDS = {"failing-over", "rebooting"}
"""A Multi-AZ failover by hand shows as a reboot, on Aurora as `failing-over`."""
_LATELY = timedelta(minutes=15)
_GIB = 1024**3


class DatabaseParams(Params):
    metrics: bool = False
    """Also ask CloudWatch for CPU, free storage and connections. Off, since this probe is asked before
    every Change, where only the status counts."""


class DatabaseOutput(Output):
    applicable: bool
    """False: the stack names no database on RDS."""
    skipped: str | None = None
    """Why the metrics, asked for, could not be read; the rest stands."""
    id: str | None = None
    is_cluster: bool = False
    status: str | None = None
    """`gone`: RDS knows no such database."""
    is_recorded: bool = False
    """Of one that is gone: a backup has recorded how it was set up, so it was there, under this very name."""
    failing_over: bool = False
    engine: str | None = None
    engine_version: str | None = None
    instance_class: str | None = None
    multi_az: bool | None = None
    zone: str | None = None
    allocated_gib: int | None = None
    max_allocated_gib: int | None = None
    """Ceiling of storage autoscaling; None: it is off."""
    storage_type: str | None = None
    encrypted: bool | None = None
    publicly_accessible: bool | None = None
    pending: tuple[str, ...] = ()
    """Names of modified values that are not in force yet."""
    backup_window: str | None = None
    """UTC, as `HH:MM-HH:MM`."""
    backup_days: int | None = None
    """0: there are no automatic backups."""
    maintenance_window: str | None = None
    cpu_percent: float | None = None
    free_gib: float | None = None
    free_share: float | None = None
    connections: float | None = None
    """The newest value of each; None: not asked for, or CloudWatch has none of the last 15 minutes."""


class DescribeInstance(Probe[DatabaseParams, DatabaseOutput]):
    """Status, sizes, windows and pending changes of the stack's RDS instance or Aurora cluster, and its strain.

    ```yaml
    - id: database
      do: rds.describe_instance
      with: {metrics: true}
    ```
    """

    name = "rds.describe_instance"
    Params = DatabaseParams
    Output = DatabaseOutput
    permissions = (*DESCRIBE_DATABASE, READ_METRICS)

    def read(self, ctx: StepContext, params: DatabaseParams) -> DatabaseOutput:
        database = ctx.stack.database
        if database is None or not (database.cluster or database.instance):
            return DatabaseOutput(applicable=False)
        try:
            if database.cluster:
                found = _of_cluster(ctx.aws.rds.cluster(database.cluster))
            else:
                found = _of_instance(ctx.aws.rds.instance(database.instance or ""))
        except AwsNotFound:  # RDS answered: there is no such database. A disaster looks so, and a name mistyped
            name, is_cluster = made.database_of(ctx)
            was = recorded(ctx) is not None
            return DatabaseOutput(applicable=True, id=name, is_cluster=is_cluster, status=GONE, is_recorded=was)
        return found.model_copy(update=_strain(ctx, found)) if params.metrics else found


def _of_cluster(cluster: DbCluster) -> DatabaseOutput:
    return DatabaseOutput(
        applicable=True,
        id=cluster.id,
        is_cluster=True,
        status=cluster.status,
        failing_over=cluster.status in _CHANGING_HANDS,
        engine=cluster.engine,
        engine_version=cluster.engine_version,
        multi_az=cluster.multi_az,
        backup_window=cluster.backup_window,
        backup_days=cluster.backup_days,
        maintenance_window=cluster.maintenance_window,
    )


def _of_instance(instance: DbInstance) -> DatabaseOutput:
    return DatabaseOutput(
        applicable=True,
        id=instance.id,
        status=instance.status,
        failing_over=instance.status in _CHANGING_HANDS,
        engine=instance.engine,
        engine_version=instance.engine_version,
        instance_class=instance.instance_class,
        multi_az=instance.multi_az,
        zone=instance.zone,
        allocated_gib=instance.allocated_gib,
        max_allocated_gib=instance.max_allocated_gib,
        storage_type=instance.storage_type,
        encrypted=instance.encrypted,
        publicly_accessible=instance.publicly_accessible,
        pending=instance.pending,
        backup_window=instance.backup_window,
        backup_days=instance.backup_days,
        maintenance_window=instance.maintenance_window,
    )


def _strain(ctx: StepContext, found: DatabaseOutput) -> dict[str, float | str | None]:
    where = (("DBClusterIdentifier" if found.is_cluster else "DBInstanceIdentifier", found.id or ""),)
    asked = {"cpu": "CPUUtilization", "free": "FreeStorageSpace", "connections": "DatabaseConnections"}
    queries = [MetricQuery(id_, "AWS/RDS", metric, "Average", where) for id_, metric in asked.items()]
    try:
        series = ctx.aws.cloudwatch.metric_data(queries, ctx.now - _LATELY, ctx.now)
    except AwsError as error:
        return {"skipped": denied(error)}
    last = {one.id: one.points[-1][1] for one in series if one.points}
    free = last["free"] / _GIB if "free" in last else None
    whole = found.allocated_gib
    return {
        "cpu_percent": round(last["cpu"], 2) if "cpu" in last else None,
        "free_gib": round(free, 3) if free is not None else None,
        "free_share": round(free / whole, 4) if free is not None and whole else None,
        "connections": last.get("connections"),
    }
