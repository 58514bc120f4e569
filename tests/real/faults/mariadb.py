"""The same troubles in MariaDB's words, and one of its own: connections are few and taken."""

import contextlib
from collections.abc import Iterator

import pymysql

from tests.real.faults.fault import Fault, Seen, start_in_vain
from tests.real.lab.child import wait_until
from tests.real.lab.laboratory import Laboratory
from tests.real.lab.mariadb import CONNECTED, PASSWORD, USER, MariaDb
from tests.real.lab.mlflow_server import CREATE, SEARCH

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
def connections_taken(server: MariaDb) -> Iterator[None]:
    limit = "SET GLOBAL max_connections = {}"
    with contextlib.ExitStack() as held, server.changed(limit.format(_FEWEST), limit.format(100)):
        server.disconnect(USER)

        def are_taken() -> bool:
            """Looking takes a connection too, so one more tries after each look."""
            with contextlib.suppress(pymysql.OperationalError):
                one = pymysql.connect(host="127.0.0.1", port=server.port, user=USER, password=PASSWORD)
                held.callback(one.close)
            return server.sql(f"SELECT count(*) >= {_FEWEST} {CONNECTED.format(USER)}") == "1"

        wait_until(are_taken, 15, "all connections to be taken")
        yield


def mariadb_connections_taken(lab: Laboratory) -> Seen:
    lab.mlflow_on_mariadb  # noqa: B018
    with connections_taken(lab.mariadb):
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
