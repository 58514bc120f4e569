"""PostgresLogin: a real login to PostgreSQL (pg8000), in a read-only session named `steward`."""

import contextlib
import socket
import ssl
import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chalicelib.net.checked_connection import Connecting, NoConnection
from chalicelib.net.database_contents import Contents, Rows, read_contents
from chalicelib.net.database_login import MOST_HOLDERS, DatabaseFacts, DatabaseRequest, Holder, failed
from chalicelib.net.deadline import Deadline
from chalicelib.net.login_problem import Problem

if TYPE_CHECKING:
    from pg8000.native import Connection

_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
_BY_CODE = {
    "28P01": Problem.AUTHENTICATION,
    "3D000": Problem.NO_DATABASE,
    "53300": Problem.TOO_MANY,
    "57P01": Problem.UNAVAILABLE,
    "57P02": Problem.UNAVAILABLE,
    "57P03": Problem.UNAVAILABLE,
}
"""https://www.postgresql.org/docs/current/errcodes-appendix.html"""
_UNDEFINED_TABLE = "42P01"
_HOW_IT_STANDS = """
SELECT current_setting('server_version'),
       cast(current_setting('max_connections') AS int) - cast(current_setting('superuser_reserved_connections') AS int),
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
       (SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'),
       pg_is_in_recovery() OR (SELECT reset_val = 'on' FROM pg_settings WHERE name = 'default_transaction_read_only')
"""
# reset_val: what a session starts with, since this one has just been set to read-only
_WHO_HOLDS = f"""
SELECT coalesce(usename, ''), coalesce(application_name, ''), coalesce(host(client_addr), 'local'),
       coalesce(state, 'unknown'), count(*)
FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC, 1, 2, 3, 4 LIMIT {MOST_HOLDERS}
"""  # noqa: S608 - a constant


class PostgresLogin:
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
            secured = self._secured(link, request.host)
            if isinstance(secured, NoConnection):
                return failed(secured.problem, secured.detail)
            with contextlib.closing(secured):
                return self._log_in(secured, request)

    def _secured(self, sock: socket.socket, host: str) -> socket.socket | NoConnection:
        """TLS before the first word about who asks."""
        try:
            sock.sendall(_SSL_REQUEST)
            answer = sock.recv(1)
            if answer == b"S":
                return self._connecting.tls().wrap_socket(sock, server_hostname=host)
        except ssl.SSLCertVerificationError:
            return NoConnection(Problem.UNTRUSTED, f"the certificate of {host} is not trusted here")
        except ssl.SSLError as exc:
            return NoConnection(Problem.TLS, f"{host}: {exc.reason or 'no agreement on TLS'}")
        except OSError:
            return NoConnection(Problem.PROTOCOL, f"{host} broke off the connection before TLS")
        if answer != b"N":
            return NoConnection(Problem.PROTOCOL, f"{host} does not answer like PostgreSQL")
        return sock if self._connecting.allow_plain else NoConnection(Problem.TLS, f"{host} offers no TLS")

    def _log_in(self, sock: socket.socket, request: DatabaseRequest) -> DatabaseFacts:
        from pg8000.exceptions import DatabaseError, InterfaceError
        from pg8000.native import Connection

        try:
            connection = Connection(
                user=request.username, password=request.password, host=request.host, database=request.name,
                application_name="steward", sock=sock, ssl_context=False,
            )  # fmt: skip
            with contextlib.closing(connection):
                facts = _facts(connection, self._connecting.said_of(sock))
                if not request.contents:
                    return facts
                return replace(facts, contents=_contents(connection, request.timeout_s))
        except DatabaseError as exc:
            return _refused(_code(exc), request)
        except (InterfaceError, OSError, LookupError, ValueError, struct.error) as exc:
            # what pg8000 raises when the other side breaks off or speaks something else
            return failed(Problem.PROTOCOL, f"the login broke off: {type(exc).__name__}")


def _facts(connection: "Connection", tls: str) -> DatabaseFacts:
    from pg8000.exceptions import DatabaseError

    in_ = DatabaseFacts(reachable=True, authenticated=True, database_exists=True, tls=tls)
    try:
        connection.run("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
        connection.run("SET statement_timeout = 2000")
        ((version, limit, count, waiting, read_only),) = connection.run(_HOW_IT_STANDS)
        rows = connection.run(_WHO_HOLDS)
    except DatabaseError as exc:
        return replace(in_, detail=f"logged in; how the server stands cannot be read ({_code(exc)})")
    return replace(
        in_,
        detail=f"logged in; {count} of {limit} connections",
        server_version=str(version),
        connections=int(count),
        connection_limit=int(limit),
        waiting_for_locks=int(waiting),
        read_only=bool(read_only),
        alembic_version=_alembic_version(connection),
        holders=tuple(Holder(str(u), str(app), str(at), str(state), int(n)) for u, app, at, state, n in rows),
    )


def _contents(connection: "Connection", within_s: float) -> Contents:
    """Each count may take a quarter of the time: one large table must not use up that of the others."""
    from pg8000.exceptions import DatabaseError

    def ask(sql: str) -> Rows | None:
        try:
            found = connection.run(sql)
        except DatabaseError:  # no such table, or not in time
            return None
        return list(found or ())  # None: a statement without rows, like SET

    ask(f"SET statement_timeout = {int(within_s * 250)}")
    return read_contents(ask)


def _alembic_version(connection: "Connection") -> tuple[str, ...] | None:
    from pg8000.exceptions import DatabaseError

    try:
        rows = connection.run("SELECT version_num FROM alembic_version ORDER BY 1 LIMIT 5")
    except DatabaseError as exc:
        return () if _code(exc) == _UNDEFINED_TABLE else None
    return tuple(str(row[0]) for row in rows)


def _code(exc: Exception) -> str:
    said: Any = exc.args[0] if exc.args else None
    return str(said.get("C", "")) if isinstance(said, dict) else ""


def _refused(code: str, request: DatabaseRequest) -> DatabaseFacts:
    """28000 is a rule of pg_hba.conf, or a role that is missing or may not log in."""
    if code == "28000":
        return failed(Problem.NOT_ADMITTED, f"the server admits no such login from this address ({code})")
    problem = _BY_CODE.get(code, Problem.PROTOCOL)
    return failed(problem, f"the server refuses the login to {request.name}: {problem.value} ({code or 'no code'})")
