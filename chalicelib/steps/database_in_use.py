"""Where the database is that MLflow really uses.

After a swap the stack's file still names the one before, until somebody changes it, and where that is kept it answers
too. So the tasks' own definition is asked, or the secret where the definition leaves the address to it.
"""

import re

from chalicelib.aws.secrets import DatabaseSecret
from chalicelib.errors import AwsError, AwsNotFound
from chalicelib.steps.one_off import store_address
from chalicelib.steps.step import StepContext
from chalicelib.steps.store_uri import host_and_database

_RDS = re.compile(r"[a-z0-9][a-z0-9.-]*\.rds\.amazonaws\.com(?:\.cn)?")
"""A name of the owner's own may lead to the named database: only another address of RDS says that it is another."""


def find_in_use(ctx: StepContext, secret: DatabaseSecret) -> tuple[str | None, int | None]:
    """Host and port. AwsNotFound of RDS: the named one is gone, and MLflow is told of no other."""
    told = _told(ctx, secret)
    try:
        host, port = _named(ctx)
    except AwsNotFound:
        if told is None or told.partition(".")[0] in _names(ctx):
            raise
        return told, secret.port
    return told or host or secret.host, port or secret.port


def _names(ctx: StepContext) -> set[str | None]:
    database = ctx.stack.database
    return {database.cluster, database.instance} if database else set()


def _named(ctx: StepContext) -> tuple[str | None, int | None]:
    database = ctx.stack.database
    if database and database.cluster:
        cluster = ctx.aws.rds.cluster(database.cluster)
        return cluster.host, cluster.port
    if database and database.instance:
        instance = ctx.aws.rds.instance(database.instance)
        return instance.host, instance.port
    return None, None


def _told(ctx: StepContext, secret: DatabaseSecret) -> str | None:
    """None: no address of RDS, or nobody here may read it; then what the stack's file names is believed."""
    where = ctx.stack.ecs
    try:
        service = ctx.aws.ecs.service(where.cluster, where.service)
        definition = ctx.aws.ecs.task_definition(service.task_definition)
    except AwsError:
        return None
    container = next((each for each in definition.containers if each.name == where.container), None)
    written = host_and_database(store_address(container))[0] if container else None
    host = (written or secret.host or "").lower()
    return host if _RDS.fullmatch(host) else None
