"""Logins to the world's database and directory: twins of the real ports, answering from how things stand."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

from chalicelib.net import database_login, directory_login
from chalicelib.net.database_contents import Contents
from chalicelib.net.database_login import DatabaseFacts, DatabaseRequest
from chalicelib.net.directory_login import DirectoryFacts, DirectoryRequest
from chalicelib.net.login_problem import Problem
from steward.sandbox import directory, place, snapshots
from steward.sandbox.database import LOGIN_LIMIT, PER_TASK, Database
from steward.sandbox.database_words import Trouble
from steward.sandbox.directory import Directory
from steward.sandbox.rds_world import RdsWorld
from steward.sandbox.tracking import Tracking

_TLS = "TLSv1.3 unverified"
_PROBLEMS = {
    Trouble.GONE: Problem.REFUSED,
    Trouble.PASSWORD: Problem.AUTHENTICATION,
    Trouble.CONNECTIONS: Problem.TOO_MANY,
}


@dataclass
class DatabaseTwin:
    database: Database
    lock: threading.RLock
    out_of_reach: str | None = None
    rds: RdsWorld | None = None
    now: Callable[[], datetime] | None = None
    tracking: Tracking | None = None
    hosts_of_tasks: Callable[[], set[str]] = set

    def look(self, request: DatabaseRequest) -> DatabaseFacts:
        with self.lock:
            return self._look(request)

    def _look(self, request: DatabaseRequest) -> DatabaseFacts:
        where = f"{request.host}:{request.port}"
        if request.host != place.DATABASE_HOST:
            return self._restored(request, where)
        if request.port != place.DATABASE_PORT or request.engine != "postgres":
            return database_login.failed(Problem.REFUSED, where)
        password = request.password if request.username == place.DATABASE_USER else ""
        refusal = self.database.refusal(password)
        slips_in = refusal and refusal.trouble is Trouble.CONNECTIONS and self.database.slots_come_and_go
        if refusal and not refusal.statement and not slips_in:
            return database_login.failed(_PROBLEMS[refusal.trouble], where)
        if request.name != place.DATABASE_NAME:
            return database_login.failed(Problem.NO_DATABASE, f"the server has no database {request.name}")
        return replace(self._facts(), contents=self._contents() if request.contents else None)

    def _restored(self, request: DatabaseRequest, where: str) -> DatabaseFacts:
        """An instance that somebody restored answers with what its snapshot held."""
        found = self.rds.host_of(request.host) if self.rds else None
        if found is None:
            return database_login.failed(Problem.UNRESOLVABLE, where)
        refusal = found.refusal(request.password if request.username == place.DATABASE_USER else "")
        if refusal:
            return database_login.failed(_PROBLEMS[refusal.trouble], where)
        facts = replace(self._facts(), connections=3, holders=(), alembic_version=(found.contents.schema,))
        held = _said(found.contents)
        if self.tracking is not None and self.hosts_of_tasks() == {request.host}:
            # once MLflow reads it, its API tells of what it holds
            held = replace(held, rows={**held.rows, **self.tracking.rows})
        return replace(facts, contents=held if request.contents else None)

    def _contents(self) -> Contents | None:
        held = _said(self.rds.contents(self.now())) if self.rds and self.now else None
        if held is None or self.tracking is None or not self.tracking.runs:
            return held
        # the world has a past in MLflow: then its API and its database tell of the same runs
        return replace(held, rows={**held.rows, **self.tracking.rows})

    def _facts(self) -> DatabaseFacts:
        database = self.database
        return DatabaseFacts(
            reachable=True,
            authenticated=True,
            database_exists=True,
            tls=_TLS,
            server_version="15.8",
            connections=database.connections,
            connection_limit=LOGIN_LIMIT,
            waiting_for_locks=0,
            read_only=False,
            alembic_version=(database.schema,),
            holders=self._holders(),
        )

    def _holders(self) -> tuple[database_login.Holder, ...]:
        database, user = self.database, place.DATABASE_USER
        held = [(each.application, each.address, each.connections) for each in database.holders if each.is_there()]
        held += [("", address, PER_TASK) for address in database.tasks()]
        found = [database_login.Holder(user, name, address, "idle", count) for name, address, count in held]
        return tuple(sorted(found, key=lambda each: (-each.count, each.address))[: database_login.MOST_HOLDERS])


def _said(held: snapshots.Contents) -> Contents:
    return Contents(held.rows, held.newest_run, int(held.newest_run_at.timestamp() * 1000))


@dataclass
class DirectoryTwin:
    directory: Directory
    lock: threading.RLock
    out_of_reach: str | None = None

    def look(self, request: DirectoryRequest) -> DirectoryFacts:
        if forbidden := directory_login.may_not_send(request):
            return forbidden
        parts = urlsplit(request.url)
        if parts.hostname != directory.HOST:
            return directory_login.failed(Problem.UNRESOLVABLE, f"{request.url} does not resolve")
        with self.lock:
            refuses = not self.directory.is_up or parts.port not in {None, directory.PORT}
        if refuses:
            return directory_login.failed(Problem.REFUSED, request.url)
        if request.bind_dn != directory.BIND_DN or request.password != directory.PASSWORD:
            return directory_login.failed(Problem.AUTHENTICATION, "the directory refuses this login", tls=_TLS)
        if not request.base_dn.endswith(directory.SUFFIX):
            return directory_login.failed(Problem.NO_BASE, f"the directory has no {request.base_dn}", tls=_TLS)
        finds = True if request.user_filter else None
        return DirectoryFacts(None, "bound; the base is there", True, _TLS, True, True, finds)
