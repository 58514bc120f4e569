"""db.connect: logs in to the tracking store's database as MLflow does, and says how far it got."""

from chalicelib.aws.secrets import DatabaseSecret
from chalicelib.errors import AwsError
from chalicelib.models.shape import Shape
from chalicelib.models.stack import DatabasePart
from chalicelib.models.step_index import Permission
from chalicelib.net.database_login import DatabaseFacts, DatabaseRequest
from chalicelib.net.login_problem import Problem
from chalicelib.redact import strip_hidden
from chalicelib.steps.blindness import denied, unseen
from chalicelib.steps.permissions import DESCRIBE_DATABASE
from chalicelib.steps.step import NoParams, Output, Probe, StepContext

_WITHIN_S = 3.0
_OWN_SLOT = 1
"""This login's own; the server may or may not count it."""
_USUAL_PORT = {"postgres": 5432, "mysql": 3306, "mariadb": 3306}


class HeldBy(Shape):
    user: str
    application: str
    address: str
    state: str
    count: int


class ConnectOutput(Output):
    """None always means: not known, because it did not get that far or may not read it."""

    applicable: bool
    """False: the stack names no database, or no secret to log in with."""
    skipped: str | None = None
    problem: Problem | None = None
    detail: str = ""
    reachable: bool | None = None
    authenticated: bool | None = None
    database_exists: bool | None = None
    tls: str | None = None
    server_version: str | None = None
    connections: int | None = None
    connection_limit: int | None = None
    """Without the connections that only a superuser gets."""
    at_limit: bool | None = None
    """All of them are taken, though this probe found one for a moment."""
    waiting_for_locks: int | None = None
    read_only: bool | None = None
    """Of the server or of what its sessions start with, not of this probe's own session."""
    makes_triggers: bool | None = None
    """False: MySQL writes a binary log and lets this login make no trigger, which MLflow's migrations do."""
    alembic_version: tuple[str, ...] | None = None
    """Empty: there is no schema yet."""
    holders: tuple[HeldBy, ...] = ()
    """Who holds most connections, as far as this login may see it."""


class Connect(Probe[NoParams, ConnectOutput]):
    """One login to the database with the stack's secret, over TLS, read-only, within 3 seconds.

    ```yaml
    - id: login
      do: db.connect
    ```
    """

    name = "db.connect"
    Params = NoParams
    Output = ConnectOutput
    permissions = (
        *DESCRIBE_DATABASE,
        Permission(
            action="secretsmanager:GetSecretValue",
            resource="arn:{partition}:secretsmanager:{region}:{account}:secret:{database_secret}-??????",
            why="log in as MLflow does",
        ),
    )

    def read(self, ctx: StepContext, params: NoParams) -> ConnectOutput:  # noqa: ARG002 - it has none
        database = ctx.stack.database
        if database is None or database.secret is None:
            return ConnectOutput(applicable=False, detail="the stack names no database with a secret")
        if ctx.databases.out_of_reach:
            return ConnectOutput(applicable=True, skipped=ctx.databases.out_of_reach)
        try:
            secret = ctx.aws.secrets.database(database.secret)
            host, port = where_it_is(ctx, database, secret)
        except AwsError as error:
            return ConnectOutput(applicable=True, skipped=denied(error))
        if host is None:
            why = "neither RDS nor the secret says where the database is"
            return ConnectOutput(applicable=True, skipped=unseen(why))
        return _output(ctx.databases.look(login_request(database, secret, host, port)))


def login_request(database: DatabasePart, secret: DatabaseSecret, host: str, port: int | None) -> DatabaseRequest:
    return DatabaseRequest(
        engine=database.engine,
        host=host,
        port=port or _USUAL_PORT[database.engine],
        name=database.name,
        username=secret.login.username,
        password=secret.login.password,
        timeout_s=_WITHIN_S,
    )


def where_it_is(ctx: StepContext, database: DatabasePart, secret: DatabaseSecret) -> tuple[str | None, int | None]:
    """RDS knows its endpoint; a secret may still name one that a restore has left behind."""
    if database.cluster:
        cluster = ctx.aws.rds.cluster(database.cluster)
        return cluster.host or secret.host, cluster.port or secret.port
    if database.instance:
        instance = ctx.aws.rds.instance(database.instance)
        return instance.host or secret.host, instance.port or secret.port
    return secret.host, secret.port


def _output(facts: DatabaseFacts) -> ConnectOutput:
    if facts.problem is not None and facts.problem.is_ours:
        return ConnectOutput(applicable=True, skipped=unseen(facts.detail), problem=facts.problem)
    return ConnectOutput(
        applicable=True,
        problem=facts.problem,
        detail=facts.detail,
        reachable=facts.reachable,
        authenticated=facts.authenticated,
        database_exists=facts.database_exists,
        tls=facts.tls,
        server_version=facts.server_version,
        connections=facts.connections,
        connection_limit=facts.connection_limit,
        at_limit=_at_limit(facts),
        waiting_for_locks=facts.waiting_for_locks,
        read_only=facts.read_only,
        makes_triggers=facts.makes_triggers,
        alembic_version=facts.alembic_version,
        holders=tuple(
            HeldBy(
                user=_inert(holder.user),
                application=_inert(holder.application),
                address=_inert(holder.address),
                state=_inert(holder.state),
                count=holder.count,
            )
            for holder in facts.holders
        ),
    )


def _at_limit(facts: DatabaseFacts) -> bool | None:
    if facts.connections is None or not facts.connection_limit:
        return None
    return facts.connections >= facts.connection_limit - _OWN_SLOT


def _inert(text: str) -> str:
    """An application names itself as it likes (S30)."""
    return strip_hidden(text)[:64]
