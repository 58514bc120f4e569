"""What psycopg2, SQLAlchemy and MLflow print when the database refuses: while serving and at the start."""

from dataclasses import dataclass
from enum import StrEnum

from steward.sandbox import place

_SERVER = f'connection to server at "{place.DATABASE_HOST}" (10.0.3.15), port 5432 failed:'
_CAUGHT = "The following exception is caught."
_BACKGROUND = "(Background on this error at: https://sqlalche.me/e/21/e3q8)"
RETRIES_AFTER_S = (0.1, 0.3, 0.7, 1.5, 3.1, 6.3, 12.7, 25.5, 51.1)
"""MLflow waits so long after each try to reach its database at the start; the tenth is the last."""


class Trouble(StrEnum):
    """Why the database serves nobody, or not this one."""

    GONE = "gone"
    PASSWORD = "password"  # noqa: S105 - a kind of trouble
    DISK_FULL = "disk_full"
    CONNECTIONS = "connections"


@dataclass(frozen=True)
class Refusal:
    trouble: Trouble
    lines: tuple[str, ...]
    """psycopg2's exception as SQLAlchemy prints it."""
    statement: bool = False
    """The login succeeds; what is then asked fails."""

    @property
    def message(self) -> str:
        """As MLflow puts it into an answer."""
        return "\n".join(self.lines)

    @property
    def first(self) -> str:
        return self.lines[0]


def _refusal(trouble: Trouble, kind: str, *said: str, statement: bool = False) -> Refusal:
    first, *more = said
    return Refusal(trouble, (f"({kind}) {first}", *more, "", _BACKGROUND), statement)


GONE = _refusal(
    Trouble.GONE,
    "psycopg2.OperationalError",
    f"{_SERVER} Connection refused",
    "\tIs the server running on that host and accepting TCP/IP connections?",
)
PASSWORD = _refusal(
    Trouble.PASSWORD,
    "psycopg2.OperationalError",
    f'{_SERVER} FATAL:  password authentication failed for user "{place.DATABASE_USER}"',
)
CONNECTIONS = _refusal(
    Trouble.CONNECTIONS,
    "psycopg2.OperationalError",
    f"{_SERVER} FATAL:  remaining connection slots are reserved for non-replication superuser connections",
)
DISK_FULL = _refusal(
    Trouble.DISK_FULL,
    "psycopg2.errors.DiskFull",
    'could not extend file "base/16389/24576": No space left on device',
    "HINT:  Check free disk space.",
    "",
    "[SQL: INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES (%(key)s, %(value)s,"
    " %(timestamp)s, %(step)s, %(is_nan)s, %(run_uuid)s)]",
    statement=True,
)


def while_serving(refusal: Refusal, caller: str = "_search_experiments") -> tuple[str, ...]:
    """The lines of one request that failed, from SQLAlchemy's error to MLflow's own."""
    first, *rest = refusal.lines
    error = "sqlalchemy.exc.OperationalError"
    return (
        f"{{at}} ERROR mlflow.store.db.utils: SQLAlchemy database error. {_CAUGHT}",
        *refusal.lines,
        "Traceback (most recent call last):",
        '  File "/usr/local/lib/python3.11/site-packages/mlflow/store/db/utils.py", line 171, in make_managed_session',
        f"{error}: {first}",
        *rest,
        f"{{at}} ERROR mlflow.server.handlers: Error in {caller}: {first}",
        *rest[:-1],
        f"{rest[-1]}. Set MLFLOW_LOGGING_LEVEL=DEBUG for traceback.",
    )


def will_retry(refusal: Refusal, after_s: float) -> tuple[str, ...]:
    return (
        f"{{at}} WARNING mlflow.store.db.utils: SQLAlchemy engine could not be created. {_CAUGHT}",
        *refusal.lines,
        f"Operation will be retried in {after_s} seconds",
    )


def gave_up(refusal: Refusal) -> tuple[str, ...]:
    return start_failed("sqlalchemy.exc.OperationalError", refusal.first, *refusal.lines[1:])


def start_failed(exception: str, *said: str) -> tuple[str, ...]:
    """What `mlflow server` prints when it cannot open its store, just before exit code 1."""
    first, *more = said
    return (
        "{at} ERROR mlflow.cli: Error initializing backend store",
        f"{{at}} ERROR mlflow.cli: {first}",
        *more,
        "Traceback (most recent call last):",
        '  File "/usr/local/lib/python3.11/site-packages/mlflow/cli/__init__.py", line 709, in server',
        "    initialize_backend_stores(",
        f"{exception}: {first}",
        *more,
    )


def out_of_date(found: str, expected: str) -> tuple[str, ...]:
    """MLflow says so of every revision that is not its own, older or newer."""
    return start_failed(
        "mlflow.exceptions.MlflowException",
        f"Detected out-of-date database schema (found version {found}, but expected {expected}). Take a backup of"
        " your database, then run 'mlflow db upgrade <database_uri>' to migrate your database to the latest schema."
        " NOTE: schema migration may result in database downtime - please consult your database's documentation for"
        " more detail.",
    )


def revision_unknown(found: str) -> tuple[str, ...]:
    """Alembic's words, where tables are missing as well and MLflow therefore tries to migrate."""
    return (
        "{at} INFO mlflow.store.db.utils: Updating database tables",
        *start_failed("alembic.util.exc.CommandError", f"Can't locate revision identified by '{found}'"),
    )


def port_doubled(port: str) -> tuple[str, ...]:
    return start_failed("ValueError", f"invalid literal for int() with base 10: '{port}'")
