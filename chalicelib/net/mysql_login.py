"""MysqlLogin: a real login to MySQL or MariaDB (PyMySQL), in a read-only session named `steward`."""

import contextlib
import re
import socket
import struct
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chalicelib.net.checked_connection import Connecting, NoConnection
from chalicelib.net.database_contents import Contents, Rows, read_contents
from chalicelib.net.database_login import MOST_HOLDERS, DatabaseFacts, DatabaseRequest, Holder, failed
from chalicelib.net.deadline import Deadline
from chalicelib.net.login_problem import Problem

if TYPE_CHECKING:
    from pymysql.connections import Connection

_BY_CODE = {
    1040: Problem.TOO_MANY,
    1203: Problem.TOO_MANY,  # max_user_connections of the server
    1226: Problem.TOO_MANY,  # and of the user
    1044: Problem.NO_DATABASE,  # there for others perhaps, but not for this user
    1049: Problem.NO_DATABASE,
    1045: Problem.AUTHENTICATION,
    1698: Problem.AUTHENTICATION,
    1053: Problem.UNAVAILABLE,
    1129: Problem.NOT_ADMITTED,
    1130: Problem.NOT_ADMITTED,
    2026: Problem.TLS,
    3159: Problem.TLS,
}
"""https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html; 2026 is the client's own."""
_NO_SUCH_TABLE = 1146
_WHO_HOLDS = "SELECT user, host, command, state FROM information_schema.processlist WHERE id <> connection_id()"
_SUPER = re.compile(r"GRANT (ALL PRIVILEGES|(.*, )?SUPER\b.*) ON \*\.\* ", re.ASCII)
_NETWORK = {2003, 2006, 2013}


class MysqlLogin:
    def __init__(self, connecting: Connecting | None = None) -> None:
        self._connecting = connecting or Connecting()

    @property
    def out_of_reach(self) -> str | None:
        return None

    def look(self, request: DatabaseRequest) -> DatabaseFacts:
        with Deadline(request.timeout_s) as deadline:
            facts = self._look(request, deadline)
        if facts.problem is Problem.PROTOCOL and deadline.passed:
            return replace(failed(Problem.TIMEOUT, f"not done within {request.timeout_s:g} s"), reachable=True)
        return facts

    def _look(self, request: DatabaseRequest, deadline: Deadline) -> DatabaseFacts:
        link = self._connecting.open(request.host, request.port, deadline)
        if isinstance(link, NoConnection):
            return failed(link.problem, link.detail)
        with contextlib.closing(link):
            return self._log_in(link, request)

    def _log_in(self, sock: socket.socket, request: DatabaseRequest) -> DatabaseFacts:
        import pymysql

        # With a context of ours PyMySQL insists on TLS; without one it takes it where there is some.
        tls = {} if self._connecting.allow_plain else {"ssl": self._connecting.tls()}
        connection = pymysql.connect(
            host=request.host, port=request.port, user=request.username, password=request.password,
            database=request.name, read_timeout=request.timeout_s, write_timeout=request.timeout_s,
            program_name="steward", autocommit=True, local_infile=False, defer_connect=True, **tls,
        )  # fmt: skip
        try:
            connection.connect(sock)
            with contextlib.closing(connection):
                facts = _facts(connection, self._connecting)
                return replace(facts, contents=_contents(connection)) if request.contents else facts
        except pymysql.MySQLError as exc:
            return _refused(exc, request)
        except (OSError, LookupError, ValueError, TypeError, struct.error) as exc:
            # what PyMySQL raises when the other side breaks off or speaks something else
            return failed(Problem.PROTOCOL, f"the login broke off: {type(exc).__name__}")


def _facts(connection: "Connection[Any]", connecting: Connecting) -> DatabaseFacts:
    import pymysql

    cipher = _asked(connection, "SHOW SESSION STATUS LIKE 'Ssl_version'")
    tls = f"{cipher[0][1]} {'verified' if connecting.ca_file else 'unverified'}" if cipher and cipher[0][1] else "none"
    in_ = DatabaseFacts(reachable=True, authenticated=True, database_exists=True, tls=tls)
    try:
        _asked(connection, "SET SESSION TRANSACTION READ ONLY")
        ((version, limit, read_only),) = _asked(connection, "SELECT @@version, @@max_connections, @@global.read_only")
        ((_, count),) = _asked(connection, "SHOW GLOBAL STATUS LIKE 'Threads_connected'")
        threads = _asked(connection, _WHO_HOLDS)
    except pymysql.MySQLError as exc:
        return replace(in_, detail=f"logged in; how the server stands cannot be read ({_code(exc)})")
    return replace(
        in_,
        detail=f"logged in; {count} of {limit} connections",
        server_version=str(version),
        connections=int(count),
        connection_limit=int(limit),
        waiting_for_locks=sum("lock" in str(state or "").lower() for *_, state in threads),
        read_only=not _is_off(read_only),
        makes_triggers=_makes_triggers(connection),
        alembic_version=_alembic_version(connection),
        holders=_holders(threads),
    )


def _is_off(setting: object) -> bool:
    """MariaDB 12 says it in words."""
    return str(setting).upper() in {"0", "OFF"}


def _makes_triggers(connection: "Connection[Any]") -> bool | None:
    """On RDS nobody has SUPER, and with automated backups there is a binary log."""
    import pymysql

    try:
        ((logs, trusts),) = _asked(connection, "SELECT @@global.log_bin, @@global.log_bin_trust_function_creators")
        if _is_off(logs) or not _is_off(trusts):
            return True
        return any(_SUPER.match(str(grant)) for grant, *_ in _asked(connection, "SHOW GRANTS"))
    except pymysql.MySQLError:
        return None  # a server without these settings, or one that does not tell them


def _holders(threads: tuple[tuple[Any, ...], ...]) -> tuple[Holder, ...]:
    """Without the right PROCESS these are the login's own connections only: MLflow's, as it uses the same one."""
    groups = Counter((str(user), str(host).rsplit(":", 1)[0], str(command)) for user, host, command, _ in threads)
    ordered = sorted(groups.items(), key=lambda group: (-group[1], group[0]))
    return tuple(Holder(user, "", host, command, count) for (user, host, command), count in ordered[:MOST_HOLDERS])


def _contents(connection: "Connection[Any]") -> Contents:
    import pymysql

    def ask(sql: str) -> Rows | None:
        try:
            return _asked(connection, sql)
        except pymysql.err.ProgrammingError:  # no such table
            return None

    return read_contents(ask)


def _alembic_version(connection: "Connection[Any]") -> tuple[str, ...] | None:
    import pymysql

    try:
        rows = _asked(connection, "SELECT version_num FROM alembic_version ORDER BY 1 LIMIT 5")
    except pymysql.MySQLError as exc:
        return () if _code(exc) == _NO_SUCH_TABLE else None
    return tuple(str(row[0]) for row in rows)


def _asked(connection: "Connection[Any]", sql: str) -> tuple[tuple[Any, ...], ...]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return tuple(cursor.fetchall() or ())


def _code(exc: Exception) -> int:
    return exc.args[0] if exc.args and isinstance(exc.args[0], int) else 0


def _refused(exc: Exception, request: DatabaseRequest) -> DatabaseFacts:
    import ssl

    code = _code(exc)
    causes = (exc.__cause__, exc.__context__)
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return failed(Problem.UNTRUSTED, f"the certificate of {request.host} is not trusted here")
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return failed(Problem.TLS, f"{request.host}: no agreement on TLS")
    if code in _NETWORK:
        return failed(Problem.PROTOCOL, f"the login broke off ({code})")
    problem = _BY_CODE.get(code, Problem.PROTOCOL)
    return failed(problem, f"the server refuses the login to {request.name}: {problem.value} ({code or 'no code'})")
