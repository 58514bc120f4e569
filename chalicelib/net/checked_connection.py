"""A plain connection to a host that a stack names, opened as S25 wants it, and TLS over it.

Resolved once, connected to the very address that was checked. Loopback, link-local and metadata are
refused: a database or a directory of a stack is never there.
"""

import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.net.addresses import why_forbidden
from chalicelib.net.deadline import Deadline
from chalicelib.net.guarded import resolve
from chalicelib.net.login_problem import Problem


@dataclass(frozen=True)
class NoConnection:
    problem: Problem
    detail: str


@dataclass(frozen=True)
class Connecting:
    """How this worker connects; the defaults are those for a stack."""

    resolver: Callable[[str, int], list[str]] = resolve
    ca_file: str | None = None
    """Certificates to verify servers with (AWS publishes those of RDS as one bundle). Without it the
    connection is encrypted and the server not verified, which every answer says."""
    allow_plain: bool = False
    """Go on where the server speaks no TLS. For tests and servers on this machine only."""
    allow_loopback: bool = False
    """The same."""

    def tls(self) -> ssl.SSLContext:
        if self.ca_file:
            return ssl.create_default_context(cafile=self.ca_file)
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context

    def said_of(self, sock: socket.socket) -> str:
        if not isinstance(sock, ssl.SSLSocket):
            return "none"
        return f"{sock.version()} {'verified' if self.ca_file else 'unverified'}"

    def open(self, host: str, port: int, deadline: Deadline) -> socket.socket | NoConnection:
        address = self.address(host, port)
        if isinstance(address, NoConnection):
            return address
        try:
            sock = socket.create_connection((address, port), timeout=deadline.seconds)
        except TimeoutError:
            return NoConnection(Problem.TIMEOUT, f"no connection to {host}:{port} within {deadline.seconds:g} s")
        except OSError as exc:
            return NoConnection(Problem.REFUSED, f"no connection to {host}:{port}: {exc.strerror or exc}")
        deadline.watch(sock)
        return sock

    def address(self, host: str, port: int) -> str | NoConnection:
        try:
            addresses = self.resolver(host, port)
        except (OSError, UnicodeError):
            addresses = []
        if not addresses:
            return NoConnection(Problem.UNRESOLVABLE, f"{host} does not resolve")
        for address in addresses:
            why = why_forbidden(address)
            if why and not (self.allow_loopback and "loopback" in why):
                return NoConnection(Problem.FORBIDDEN_ADDRESS, f"{host} resolves to {address}, which {why}")
        return addresses[0]
