"""DatabaseLogin: the one way Steward logs in to a stack's database. Logs in, reads, changes nothing.

`postgres_login.py` and `mysql_login.py` are the real ones, `KnownDatabases` is their twin, and
`NoDatabases` stands where the stack's network is out of reach. What a problem means is not decided
here; an answer never carries the server's own text, only words and numbers of known meaning.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from chalicelib.net.database_contents import Contents
from chalicelib.net.login_problem import Problem

NOT_FROM_HERE = "not reachable from here"
MOST_HOLDERS = 10


@dataclass(frozen=True)
class DatabaseRequest:
    engine: str
    """postgres, mysql or mariadb."""
    host: str
    port: int
    name: str
    username: str
    password: str = field(repr=False)
    timeout_s: float = 3.0
    """For everything together: resolving, connecting, logging in, asking."""
    contents: bool = False
    """Also count the rows of MLflow's tables, which takes its time on a large store."""


@dataclass(frozen=True)
class Holder:
    """Who holds connections, as far as the login may see it."""

    user: str
    application: str
    address: str
    state: str
    count: int


@dataclass(frozen=True)
class DatabaseFacts:
    """None always means: not known, because it did not get that far or may not read it."""

    problem: Problem | None = None
    detail: str = ""
    reachable: bool | None = None
    authenticated: bool | None = None
    database_exists: bool | None = None
    tls: str | None = None
    """The protocol of the connection, as `TLSv1.3 verified` or `TLSv1.3 unverified`; `none` without."""
    server_version: str | None = None
    connections: int | None = None
    connection_limit: int | None = None
    waiting_for_locks: int | None = None
    read_only: bool | None = None
    alembic_version: tuple[str, ...] | None = None
    """Empty: the table is not there, so no MLflow has ever set up its schema."""
    holders: tuple[Holder, ...] = ()
    contents: Contents | None = None
    """Only where it was asked for."""
    makes_triggers: bool | None = None
    """False: MySQL writes a binary log, and lets nobody without SUPER make a trigger (or a function)."""


class DatabaseLogin(Protocol):
    @property
    def out_of_reach(self) -> str | None:
        """Why nothing can be asked from here. Looked at before any secret is read."""

    def look(self, request: DatabaseRequest) -> DatabaseFacts:
        """One connection, one answer. Does not raise for anything that server or network do."""


def failed(problem: Problem, detail: str) -> DatabaseFacts:
    """What a problem by itself says about how far the login got."""
    never_there = {Problem.UNRESOLVABLE, Problem.REFUSED, Problem.TIMEOUT}
    unknown = {Problem.FORBIDDEN_ADDRESS, Problem.OUT_OF_REACH}
    logged_in = {Problem.NO_DATABASE: True, Problem.AUTHENTICATION: False}
    return DatabaseFacts(
        problem=problem,
        detail=detail,
        reachable=None if problem in unknown else problem not in never_there,
        authenticated=logged_in.get(problem),
        database_exists=False if problem is Problem.NO_DATABASE else None,
    )


@dataclass(frozen=True)
class NoDatabases:
    """Where Steward runs outside the stack's network."""

    out_of_reach: str | None = NOT_FROM_HERE

    def look(self, request: DatabaseRequest) -> DatabaseFacts:
        return DatabaseFacts(detail=f"{request.host}: {self.out_of_reach}")


@dataclass(frozen=True)
class ByEngine:
    """Each request to the login of its engine."""

    logins: Mapping[str, DatabaseLogin]
    out_of_reach: str | None = None

    def look(self, request: DatabaseRequest) -> DatabaseFacts:
        login = self.logins.get(request.engine)
        if login is None:
            return failed(Problem.PROTOCOL, f"no login is known for the engine {request.engine}")
        return login.look(request)


@dataclass
class KnownDatabase:
    """What the twin answers for one server; set the fields as a test or a sandbox needs them."""

    users: dict[str, str] = field(default_factory=dict)
    databases: tuple[str, ...] = ("mlflow",)
    facts: DatabaseFacts = DatabaseFacts(
        reachable=True, authenticated=True, database_exists=True, tls="TLSv1.3 unverified", read_only=False,
        connections=5, connection_limit=97, waiting_for_locks=0, alembic_version=(),
    )  # fmt: skip
    refuses: Problem | None = None
    """Refused, timeout, tls, too_many_connections, starting_or_stopping: before it asks who it is."""


@dataclass
class KnownDatabases:
    """The in-memory twin: servers by host and port, and every request made, without its password's repr."""

    servers: dict[tuple[str, int], KnownDatabase] = field(default_factory=dict)
    out_of_reach: str | None = None
    asked: list[DatabaseRequest] = field(default_factory=list)

    def look(self, request: DatabaseRequest) -> DatabaseFacts:
        self.asked.append(request)
        server = self.servers.get((request.host, request.port))
        if server is None:
            known = {host for host, _ in self.servers}
            problem = Problem.REFUSED if request.host in known else Problem.UNRESOLVABLE
            return failed(problem, f"{request.host}:{request.port}")
        if server.refuses is not None:
            return failed(server.refuses, f"{request.host}:{request.port}")
        if server.users.get(request.username) != request.password:
            return failed(Problem.AUTHENTICATION, "the server refuses this user and password")
        if request.name not in server.databases:
            return failed(Problem.NO_DATABASE, f"the server has no database {request.name}")
        return replace(server.facts)
