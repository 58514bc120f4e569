"""PostgreSQL goes wrong under a server that was well."""

import contextlib

from tests.real.faults.fault import Fault, Seen
from tests.real.lab.child import Child, wait_until
from tests.real.lab.laboratory import SHARED, TEMPLATE, Laboratory
from tests.real.lab.mlflow_server import CREATE, SEARCH
from tests.real.lab.postgres import OWNER, OWNER_PASSWORD, PASSWORD, USER
from tests.real.lab.tools import clean_env, program


def _search(lab: Laboratory) -> Seen:
    since = lab.mlflow.mark()
    lab.mlflow.ask("GET", "/health")
    answer = lab.mlflow.ask("GET", SEARCH)
    lab.mlflow.child.settle()
    return Seen(lab.mlflow.child.lines(since), answer)


def database_stopped(lab: Laboratory) -> Seen:
    lab.mlflow  # noqa: B018  starts it while there is a database
    with lab.postgres.stopped():
        return _search(lab)


def database_stopped_before_the_first_request(lab: Laboratory) -> Seen:
    """A worker opens its store with the first request: nobody is answered while it retries, and /health is 200."""
    server = lab.server(lab.postgres.uri(lab.fresh_database()))
    try:
        server.wait_until_ready()
        with lab.postgres.stopped():
            since = server.mark()
            with contextlib.suppress(TimeoutError):
                server.ask("GET", SEARCH, within_s=4)
            server.child.wait_for_line(r"Operation will be retried", 10, since)
            return Seen(server.child.lines(since), server.ask("GET", "/health"))
    finally:
        server.stop()


def database_password_changed(lab: Laboratory) -> Seen:
    lab.mlflow  # noqa: B018
    change, back = (f"ALTER ROLE {USER} PASSWORD '{word}'" for word in ("rotated-canary", PASSWORD))
    with lab.postgres.changed(change, back, cut=SHARED):
        return _search(lab)


def database_dropped(lab: Laboratory) -> Seen:
    lab.mlflow  # noqa: B018
    lab.postgres.drop_database(SHARED)
    try:
        return _search(lab)
    finally:
        lab.postgres.create_database(SHARED, like=TEMPLATE)


def connection_limit_reached(lab: Laboratory) -> Seen:
    lab.mlflow  # noqa: B018
    change, back = (f"ALTER ROLE {USER} CONNECTION LIMIT {limit}" for limit in (0, -1))
    with lab.postgres.changed(change, back, cut=SHARED):
        return _search(lab)


def database_read_only(lab: Laboratory) -> Seen:
    lab.mlflow  # noqa: B018
    change, back = (f"ALTER DATABASE {SHARED} SET default_transaction_read_only = {word}" for word in ("on", "off"))
    with lab.postgres.changed(change, back, cut=SHARED):
        since = lab.mlflow.mark()
        answer = lab.mlflow.ask("POST", CREATE, body='{"name": "written"}')
        lab.mlflow.child.settle()
        return Seen(lab.mlflow.child.lines(since), answer)


def table_locked(lab: Laboratory) -> Seen:
    """Another session holds the table, and the role waits one second for it at most."""
    lab.mlflow  # noqa: B018
    address = ["-h", "127.0.0.1", "-p", str(lab.postgres.port), "-U", OWNER, "-d", SHARED, "-X", "-q"]
    hold = "BEGIN; LOCK TABLE experiments IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(30)"
    change, back = (f"ALTER ROLE {USER} {words}" for words in ("SET statement_timeout = '1s'", "RESET ALL"))
    with lab.postgres.changed(change, back, cut=SHARED):
        env = clean_env(PGPASSWORD=OWNER_PASSWORD)
        holder = Child([program("psql"), *address, "-c", hold], env=env, cwd=lab.home)
        try:
            held = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted"
            wait_until(lambda: lab.postgres.sql(held) != "0", 10, "the table to be locked", holder)
            return _search(lab)
        finally:
            holder.stop()


FAULTS = (
    Fault("db.connection_refused", database_stopped, r"Connection refused", status=503),
    Fault("db.connection_refused", database_stopped_before_the_first_request, r"will be retried", status=200),
    Fault("db.auth_failed", database_password_changed, r"password authentication failed for user", status=503),
    Fault("db.database_missing", database_dropped, r"database \"tracking\" does not exist", status=503),
    Fault("db.too_many_connections", connection_limit_reached, r"too many connections for role", status=503),
    Fault(
        "db.permission_denied",
        database_read_only,
        r"cannot execute INSERT in a read-only transaction",
        status=400,
        also=("disk.readonly", "db.connection_lost", "db.disk_full", "rds.storage_full"),
    ),
    Fault("db.timeout", table_locked, r"due to statement timeout", status=503, also=("db.deadlock_or_locked",)),
)
