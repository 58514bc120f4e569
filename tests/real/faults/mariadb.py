"""The same troubles in MariaDB's words, and one of its own: connections are few and taken."""

import contextlib
from collections.abc import Iterator

from tests.real.faults.fault import Fault, Seen, start_in_vain
from tests.real.lab.child import Child, wait_until
from tests.real.lab.laboratory import Laboratory
from tests.real.lab.mariadb import PASSWORD, USER
from tests.real.lab.mlflow_server import CREATE, SEARCH
from tests.real.lab.tools import clean_env, program

_FEWEST = 10  # MariaDB accepts no lower limit


def _search(lab: Laboratory) -> Seen:
    server = lab.mlflow_on_mariadb
    since = server.mark()
    answer = server.ask("GET", SEARCH)
    server.child.settle()
    return Seen(server.child.lines(since), answer)


def mariadb_stopped(lab: Laboratory) -> Seen:
    lab.mlflow_on_mariadb  # noqa: B018  starts it while there is a database
    with lab.mariadb.stopped():
        return _search(lab)


def mariadb_password_changed(lab: Laboratory) -> Seen:
    lab.mlflow_on_mariadb  # noqa: B018
    change, back = (f"SET PASSWORD FOR {USER}@'%' = PASSWORD('{word}')" for word in ("rotated-canary", PASSWORD))
    with lab.mariadb.changed(f"{change}; KILL USER {USER}", back):
        return _search(lab)


def mariadb_read_only(lab: Laboratory) -> Seen:
    server = lab.mlflow_on_mariadb
    with lab.mariadb.changed("SET GLOBAL read_only = 1", "SET GLOBAL read_only = 0"):
        since = server.mark()
        answer = server.ask("POST", CREATE, body='{"name": "written"}')
        server.child.settle()
        return Seen(server.child.lines(since), answer)


@contextlib.contextmanager
def connections_taken(lab: Laboratory) -> Iterator[None]:
    limit = "SET GLOBAL max_connections = {}"
    with lab.mariadb.changed(f"{limit.format(_FEWEST)}; KILL USER {USER}", limit.format(100)):
        command = [program("mariadb"), "--no-defaults", "-h", "127.0.0.1", "-P", str(lab.mariadb.port), "-u", USER]
        env = clean_env(MYSQL_PWD=PASSWORD)
        flags = ["--skip-ssl", "-e", "SELECT SLEEP(30)"]
        ours = f"FROM information_schema.processlist WHERE user = '{USER}'"
        held = f"SELECT count(*) >= {_FEWEST} {ours}"
        holders: list[Child] = []

        def are_taken() -> bool:
            """Looking takes a connection too, so one more tries after each look."""
            holders.append(Child([*command, *flags], env=env, cwd=lab.home))
            return lab.mariadb.sql(held) == "1"

        try:
            wait_until(are_taken, 15, "all connections to be taken")
            yield
        finally:
            for holder in holders:
                holder.stop(grace_s=1)


def mariadb_connections_taken(lab: Laboratory) -> Seen:
    lab.mlflow_on_mariadb  # noqa: B018
    with connections_taken(lab):
        return _search(lab)


def mariadb_password_wrong_at_start(lab: Laboratory) -> Seen:
    uri = lab.mariadb.uri("tracking", password="outdated-canary")
    return start_in_vain(lab, uri, until=r"Operation will be retried in 0\.\d+ seconds", ends=False)


def mariadb_database_missing_at_start(lab: Laboratory) -> Seen:
    uri = lab.mariadb.uri("never_created")
    return start_in_vain(lab, uri, until=r"Operation will be retried in 0\.\d+ seconds", ends=False)


FAULTS = (
    Fault("db.connection_refused", mariadb_stopped, r"Can't connect to MySQL server", status=503),
    Fault("db.auth_failed", mariadb_password_changed, r"Access denied for user", status=503),
    Fault(
        "db.permission_denied",
        mariadb_read_only,
        r"--read-only option",
        status=503,
        also=("disk.readonly", "db.connection_lost", "db.disk_full", "rds.storage_full"),
    ),
    Fault("db.too_many_connections", mariadb_connections_taken, r"Too many connections", status=503),
    Fault("db.auth_failed", mariadb_password_wrong_at_start, r"Access denied for user"),
    Fault("db.database_missing", mariadb_database_missing_at_start, r"Unknown database"),
)
