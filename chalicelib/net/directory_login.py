"""DirectoryLogin: the one way Steward asks a stack's LDAP directory. Binds, searches, changes nothing.

`ldap_login.py` is the real one, `KnownDirectories` its twin, `NoDirectories` stands where the stack's
network is out of reach. An answer carries no entry of the directory, only counts and yes or no.
"""

from dataclasses import dataclass, field
from typing import Protocol

from chalicelib.net.database_login import NOT_FROM_HERE
from chalicelib.net.login_problem import Problem


@dataclass(frozen=True)
class DirectoryRequest:
    url: str
    """ldap://host[:port] or ldaps://host[:port]."""
    base_dn: str
    bind_dn: str
    password: str = field(repr=False)
    user_filter: str | None = None
    """With `{username}` for the name people log in with; asked here with `*`, to see that it finds anybody."""
    start_tls: bool = False
    allow_plain: bool = False
    """Send the login over `ldap://` without TLS (S25)."""
    timeout_s: float = 5.0


@dataclass(frozen=True)
class DirectoryFacts:
    """None always means: not known, because it did not get that far."""

    problem: Problem | None = None
    detail: str = ""
    reachable: bool | None = None
    tls: str | None = None
    bound: bool | None = None
    base_exists: bool | None = None
    finds_users: bool | None = None


class DirectoryLogin(Protocol):
    @property
    def out_of_reach(self) -> str | None:
        """Why nothing can be asked from here. Looked at before any secret is read."""

    def look(self, request: DirectoryRequest) -> DirectoryFacts:
        """One connection, one answer. Does not raise for anything that server or network do."""


def failed(problem: Problem, detail: str, *, tls: str | None = None) -> DirectoryFacts:
    never_there = {Problem.UNRESOLVABLE, Problem.REFUSED, Problem.TIMEOUT}
    unknown = {Problem.FORBIDDEN_ADDRESS, Problem.PLAIN_TEXT, Problem.OUT_OF_REACH}
    bound = {Problem.AUTHENTICATION: False, Problem.NO_BASE: True}
    return DirectoryFacts(
        problem=problem,
        detail=detail,
        reachable=None if problem in unknown else problem not in never_there,
        tls=tls,
        bound=bound.get(problem),
        base_exists=False if problem is Problem.NO_BASE else None,
    )


def may_not_send(request: DirectoryRequest) -> DirectoryFacts | None:
    """S25: a password goes over TLS, or the stack has said that it need not."""
    if request.url.startswith("ldaps://") or request.start_tls or request.allow_plain:
        return None
    return failed(Problem.PLAIN_TEXT, "the url is ldap:// without startTls, so no login is sent to it")


@dataclass(frozen=True)
class NoDirectories:
    """Where Steward runs outside the stack's network."""

    out_of_reach: str | None = NOT_FROM_HERE

    def look(self, request: DirectoryRequest) -> DirectoryFacts:
        return DirectoryFacts(detail=f"{request.url}: {self.out_of_reach}")


@dataclass
class KnownDirectory:
    users: dict[str, str] = field(default_factory=dict)
    """Password by DN."""
    bases: tuple[str, ...] = ("dc=example,dc=com",)
    people: int = 1
    """How many entries the user filter finds."""
    refuses: Problem | None = None


@dataclass
class KnownDirectories:
    """The in-memory twin: directories by url, and every request made."""

    servers: dict[str, KnownDirectory] = field(default_factory=dict)
    out_of_reach: str | None = None
    asked: list[DirectoryRequest] = field(default_factory=list)

    def look(self, request: DirectoryRequest) -> DirectoryFacts:
        self.asked.append(request)
        if forbidden := may_not_send(request):
            return forbidden
        server = self.servers.get(request.url)
        if server is None:
            return failed(Problem.UNRESOLVABLE, f"{request.url} does not resolve")
        tls = "TLSv1.3 unverified" if request.start_tls or request.url.startswith("ldaps://") else "none"
        if server.refuses is not None:
            return failed(server.refuses, request.url)
        if server.users.get(request.bind_dn) != request.password:
            return failed(Problem.AUTHENTICATION, "the directory refuses this user and password", tls=tls)
        if request.base_dn not in server.bases:
            return failed(Problem.NO_BASE, f"the directory has no {request.base_dn}", tls=tls)
        finds = server.people > 0 if request.user_filter else None
        return DirectoryFacts(None, "bound; the base is there", True, tls, True, True, finds)
