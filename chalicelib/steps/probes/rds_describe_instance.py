"""rds.describe_instance: how the tracking store's database stands, as RDS says it."""

from chalicelib.models.step_index import Permission
from chalicelib.steps.step import NoParams, Output, Probe, StepContext

_RDS = "arn:{partition}:rds:{region}:{account}"
_CHANGING_HANDS = {"failing-over", "rebooting"}
"""A Multi-AZ failover by hand shows as a reboot, on Aurora as `failing-over`."""


class DatabaseOutput(Output):
    applicable: bool
    """False: the stack names no database on RDS."""
    id: str | None = None
    is_cluster: bool = False
    status: str | None = None
    failing_over: bool = False
    engine: str | None = None
    engine_version: str | None = None
    instance_class: str | None = None
    multi_az: bool | None = None
    zone: str | None = None
    allocated_gib: int | None = None
    pending: tuple[str, ...] = ()
    """Names of modified values that are not in force yet."""


class DescribeInstance(Probe[NoParams, DatabaseOutput]):
    """Status, engine and pending changes of the stack's RDS instance or Aurora cluster.

    ```yaml
    - id: database
      do: rds.describe_instance
    ```
    """

    name = "rds.describe_instance"
    Params = NoParams
    Output = DatabaseOutput
    permissions = (
        Permission(
            action="rds:DescribeDBInstances", resource=f"{_RDS}:db:{{database}}", why="the instance's status and sizes"
        ),
        Permission(
            action="rds:DescribeDBClusters",
            resource=f"{_RDS}:cluster:{{database_cluster}}",
            why="the same of an Aurora cluster",
        ),
    )

    def read(self, ctx: StepContext, params: NoParams) -> DatabaseOutput:  # noqa: ARG002 - it has none
        database = ctx.stack.database
        if database and database.cluster:
            return _of_cluster(ctx, database.cluster)
        if database and database.instance:
            return _of_instance(ctx, database.instance)
        return DatabaseOutput(applicable=False)


def _of_cluster(ctx: StepContext, name: str) -> DatabaseOutput:
    cluster = ctx.aws.rds.cluster(name)
    return DatabaseOutput(
        applicable=True,
        id=cluster.id,
        is_cluster=True,
        status=cluster.status,
        failing_over=cluster.status in _CHANGING_HANDS,
        engine=cluster.engine,
        engine_version=cluster.engine_version,
        multi_az=cluster.multi_az,
    )


def _of_instance(ctx: StepContext, name: str) -> DatabaseOutput:
    instance = ctx.aws.rds.instance(name)
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
        pending=instance.pending,
    )
