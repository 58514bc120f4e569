"""How the stack's database is set up, by RDS or, where it is gone, by what was recorded with its last good backup."""

from dataclasses import dataclass

from chalicelib.aws.rds_restores import Placed
from chalicelib.errors import AwsError
from chalicelib.models.history import BackupKind, Placement
from chalicelib.models.step_index import Permission
from chalicelib.steps import made
from chalicelib.steps.step import StepContext

READ_WRITER = Permission(
    action="rds:DescribeDBInstances",
    resource="arn:{partition}:rds:{region}:{account}:db:*",
    why="of which class a cluster's writer is, whose name only the cluster knows",
    only_with="database_cluster",
)


@dataclass(frozen=True)
class Model:
    """What a restored database is to be like."""

    placement: Placement
    is_gone: bool
    """RDS does not know it any more: this is how it was."""

    @property
    def host(self) -> str | None:
        return self.placement.host

    @property
    def id(self) -> str:
        return self.placement.database


def model_of(ctx: StepContext) -> Model | None:
    """None: it is gone, and nothing is recorded of how it was."""
    database, cluster = made.database_of(ctx)
    found = ctx.aws.rds_restores.find(database, cluster=cluster)
    was = recorded(ctx)
    if found is not None:
        now = _placement(ctx, found)
        if cluster and was and now.instance_class is None:  # it has lost all its instances
            now = now.model_copy(update={"instance_class": was.instance_class})
        return Model(now, is_gone=False)
    return Model(was, is_gone=True) if was else None


def placement_for_backup(ctx: StepContext) -> Placement | None:
    """To be kept with a backup. That it cannot be read is no reason to call a good snapshot bad."""
    database, cluster = made.database_of(ctx)
    try:
        found = ctx.aws.rds_restores.find(database, cluster=cluster)
        return _placement(ctx, found) if found else recorded(ctx)
    except AwsError:
        return recorded(ctx)


def recorded(ctx: StepContext) -> Placement | None:
    """The newest of this database; also of backups that were pruned since."""
    database, cluster = made.database_of(ctx)
    for backup in ctx.history.backups(ctx.stack.stack, BackupKind.DATABASE, gone=True):
        was = backup.placement
        if was and (was.database, was.cluster) == (database, cluster):
            return was
    return None


def _placement(ctx: StepContext, found: Placed) -> Placement:
    writer = ctx.aws.rds_restores.find(found.writer, cluster=False) if found.writer else None
    return Placement(
        database=found.id,
        cluster=found.cluster,
        host=found.host,
        port=found.port,
        subnet_group=found.subnet_group,
        security_groups=found.security_groups,
        parameter_group=found.parameter_group,
        instance_class=writer.instance_class if writer else found.instance_class,
        member_parameter_group=writer.parameter_group if writer else None,
        members=len(found.members),
        scaling=found.scaling,
        storage_type=found.storage_type,
        iops=found.iops,
        throughput=found.throughput,
        multi_az=found.multi_az,
        public=found.public,
    )
