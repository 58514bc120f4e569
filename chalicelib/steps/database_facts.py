"""Reading what a database holds, with the stack's own login: the one in use, or one that was restored."""

from dataclasses import replace

from chalicelib.aws.secrets import DatabaseSecret
from chalicelib.errors import AwsError, AwsNotFound
from chalicelib.models.shape import Shape
from chalicelib.models.stack import DatabasePart
from chalicelib.models.step_index import Permission
from chalicelib.net.database_login import DatabaseFacts, DatabaseRequest
from chalicelib.net.login_problem import Problem
from chalicelib.redact import strip_hidden
from chalicelib.steps.blindness import denied, unseen
from chalicelib.steps.database_in_use import find_in_use
from chalicelib.steps.permissions import DESCRIBE_DATABASE, DESCRIBE_SERVICE, DESCRIBE_TASK_DEFINITION
from chalicelib.steps.step import StepContext

WITHIN_S = 12.0
_NO_SECRET = "the stack names no database with a secret"  # noqa: S105 - words for people
GONE = "gone"
"""The one in use, as a problem."""
_USUAL_PORT = {"postgres": 5432, "mysql": 3306, "mariadb": 3306}
READ_DATABASE = (
    *DESCRIBE_DATABASE,
    DESCRIBE_SERVICE,
    DESCRIBE_TASK_DEFINITION,
    Permission(
        action="secretsmanager:GetSecretValue",
        resource="arn:{partition}:secretsmanager:{region}:{account}:secret:{database_secret}-??????",
        why="log in as MLflow does, to count rows",
    ),
)


class Held(Shape):
    """What one database holds, or why that is not known."""

    skipped: str | None = None
    problem: str | None = None
    detail: str = ""
    answers: bool = False
    alembic_version: tuple[str, ...] | None = None
    rows: dict[str, int] = {}
    newest_run: str | None = None
    newest_run_at_ms: int | None = None

    @property
    def refuses_login(self) -> bool:
        return self.problem == Problem.AUTHENTICATION


def read_held(ctx: StepContext, host: str | None = None, port: int | None = None) -> Held:
    """Of `host`, or of the database in use. Reads only, in one connection."""
    return _looked_at(ctx, host, port, contents=True)


def try_login(ctx: StepContext, host: str, port: int | None) -> Held:
    """Whether `host` lets the stack's own login in; nothing is counted."""
    return _looked_at(ctx, host, port, contents=False)


def _looked_at(ctx: StepContext, host: str | None, port: int | None, *, contents: bool) -> Held:
    database = ctx.stack.database
    if database is None or database.secret is None:
        return Held(skipped=_NO_SECRET)
    if ctx.databases.out_of_reach:
        return Held(skipped=ctx.databases.out_of_reach)
    try:
        secret = ctx.aws.secrets.database(database.secret)
        if host is None:
            host, port = find_in_use(ctx, secret)
    except AwsNotFound as error:
        # of the database it is a fact about the stack; a secret that is not there blinds Steward (S3)
        is_gone = error.operation.startswith("rds:")
        return Held(problem=GONE, detail="RDS does not know it any more") if is_gone else Held(skipped=denied(error))
    except AwsError as error:
        return Held(skipped=denied(error))
    if host is None:
        return Held(skipped=unseen("neither RDS nor the secret says where the database is"))
    request = _request(database, secret, host, port)
    return _held(ctx.databases.look(replace(request, contents=contents)))


def why_refused(ctx: StepContext, name: str) -> str:
    """A restored database has the passwords of the snapshot's moment; a rotation since then is not in it."""
    secret = ctx.stack.database.secret if ctx.stack.database else None
    return f"{name} refuses the login of {secret}: its passwords are those of the snapshot's moment"


def _request(database: DatabasePart, secret: DatabaseSecret, host: str, port: int | None) -> DatabaseRequest:
    return DatabaseRequest(
        engine=database.engine,
        host=host,
        port=port or _USUAL_PORT[database.engine],
        name=database.name,
        username=secret.login.username,
        password=secret.login.password,
        timeout_s=WITHIN_S,
    )


def _held(facts: DatabaseFacts) -> Held:
    if facts.problem is not None and facts.problem.is_ours:
        return Held(skipped=unseen(facts.detail), problem=facts.problem.value)
    contents = facts.contents
    return Held(
        problem=facts.problem.value if facts.problem else None,
        detail=facts.detail,
        answers=facts.problem is None,
        alembic_version=facts.alembic_version,
        rows=dict(contents.rows) if contents else {},
        newest_run=strip_hidden(contents.newest_run) if contents and contents.newest_run else None,
        newest_run_at_ms=contents.newest_run_at_ms if contents else None,
    )


_A_FALL = 0.2
_TOO_FEW = 50
"""Below so many rows a fifth is nothing."""


def why_suspect(before: dict[str, int], now: dict[str, int]) -> str | None:
    """S18: rows do not vanish by the fifth. Only what was counted both times can be compared."""
    fallen = [
        f"{table} from {before[table]} to {now[table]} rows"
        for table in sorted(before.keys() & now.keys())
        if before[table] >= _TOO_FEW and now[table] <= before[table] * (1 - _A_FALL)
    ]
    return f"fell by {_A_FALL:.0%} or more: {', '.join(fallen)}" if fallen else None
