"""GuardedHttp: the real HttpPort (S25).

Resolves once, refuses addresses that are never a load balancer, connects to the very address it
checked (a second look-up could answer differently), follows no redirect, caps the answer, and is
done by the deadline even when the other side sends a byte at a time.
"""

import contextlib
import http.client
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from chalicelib.net.addresses import why_forbidden
from chalicelib.net.deadline import Deadline
from chalicelib.net.http import HttpAnswer, HttpFailure, HttpRequest

if TYPE_CHECKING:
    from urllib3.response import HTTPResponse

Resolver = Callable[[str, int], list[str]]
CONNECT_WITHIN_S = 5.0
_CHUNK = 16 * 1024


def resolve(host: str, port: int) -> list[str]:
    """Addresses in the order the system prefers, each once."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


@dataclass(frozen=True)
class _Target:
    scheme: str
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        name = f"[{self.host}]" if ":" in self.host else self.host
        usual = 443 if self.scheme == "https" else 80
        return name if self.port == usual else f"{name}:{self.port}"


def _target(url: str) -> _Target:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise HttpFailure("protocol", "the url cannot be read") from exc
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise HttpFailure("protocol", "the url is neither http nor https with a host")
    if parts.username or parts.password:
        raise HttpFailure("protocol", "the url carries credentials; they belong in a secret")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return _Target(parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80), path)


class GuardedHttp:
    def __init__(
        self,
        *,
        resolver: Resolver = resolve,
        allow_loopback: bool = False,
        tls: Callable[[], ssl.SSLContext] = ssl.create_default_context,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`allow_loopback` is for tests and for a sandbox on this machine, never for a stack."""
        self._resolver = resolver
        self._allow_loopback = allow_loopback
        self._tls = tls
        self._monotonic = monotonic

    def ask(self, request: HttpRequest) -> HttpAnswer:
        began = self._monotonic()
        target = _target(request.url)
        address = self._address(target, request.allow_hosts)
        with self._deadline(request.timeout_s - (self._monotonic() - began)) as deadline, _said_plainly(deadline):
            sock = self._connect(target, address, deadline)
            with contextlib.closing(sock):
                status, headers, body = _exchange(sock, target, request)
        if deadline.passed:
            raise HttpFailure("timeout", f"no whole answer within {request.timeout_s:g} s")
        return HttpAnswer(status, headers, body, round(self._monotonic() - began, 3))

    def _address(self, target: _Target, allow_hosts: tuple[str, ...]) -> str:
        addresses = self._resolve(target.host, target.port)
        for address in addresses:
            why = why_forbidden(address)
            if why and not (self._allow_loopback and "loopback" in why):
                raise HttpFailure("forbidden_address", f"{target.host} resolves to {address}, which {why}")
        allowed_names = {name.lower().rstrip(".") for name in allow_hosts}
        if target.host.lower().rstrip(".") in allowed_names:
            return addresses[0]
        allowed = {address for name in sorted(allowed_names) for address in self._resolve_or_nothing(name, target.port)}
        for address in addresses:
            if address in allowed:
                return address
        wanted = ", ".join(sorted(allowed_names)) or "nothing: no load balancer and no urlHosts"
        raise HttpFailure("forbidden_address", f"{target.host} is none of the hosts this stack allows ({wanted})")

    def _resolve(self, host: str, port: int) -> list[str]:
        try:
            addresses = self._resolver(host, port)
        except (OSError, UnicodeError) as exc:
            raise HttpFailure("dns", f"{host} does not resolve: {exc}") from exc
        if not addresses:
            raise HttpFailure("dns", f"{host} has no address")
        return addresses

    def _resolve_or_nothing(self, host: str, port: int) -> list[str]:
        """An allowed host that does not resolve allows nothing; it is not the one that is asked."""
        try:
            return self._resolve(host, port)
        except HttpFailure:
            return []

    def _connect(self, target: _Target, address: str, deadline: Deadline) -> socket.socket:
        within = min(CONNECT_WITHIN_S, deadline.seconds)
        try:
            raw = socket.create_connection((address, target.port), timeout=within)
        except TimeoutError as exc:
            # Not `timeout`: a load balancer accepts connections even with every target down, so
            # no connection says that there is no way from here.
            raise HttpFailure("refused", f"no connection to {address}:{target.port} within {within:g} s") from exc
        except OSError as exc:
            raise HttpFailure("refused", f"no connection to {address}:{target.port}: {exc.strerror or exc}") from exc
        deadline.watch(raw)
        raw.settimeout(deadline.seconds)
        if target.scheme != "https":
            return raw
        try:
            wrapped = self._tls().wrap_socket(raw, server_hostname=target.host)
        except ssl.SSLError as exc:
            raw.close()
            raise HttpFailure("tls", f"{target.host}: {exc.reason or exc}") from exc
        return wrapped

    def _deadline(self, seconds: float) -> Deadline:
        if seconds <= 0:
            raise HttpFailure("dns", "resolving took all the time there was")
        return Deadline(seconds)


@contextlib.contextmanager
def _said_plainly(deadline: Deadline) -> "Iterator[None]":
    """Whatever goes wrong on a connected socket becomes one HttpFailure."""
    from urllib3.exceptions import HTTPError

    try:
        yield
    except TimeoutError as exc:
        raise HttpFailure("timeout", f"no whole answer within {deadline.seconds:.3g} s") from exc
    except (OSError, http.client.HTTPException, HTTPError) as exc:
        if deadline.passed:
            raise HttpFailure("timeout", f"no whole answer within {deadline.seconds:.3g} s") from exc
        raise HttpFailure("protocol", f"the connection broke off: {type(exc).__name__}") from exc


def _exchange(sock: socket.socket, target: _Target, request: HttpRequest) -> tuple[int, dict[str, str], bytes]:
    from urllib3.connection import HTTPConnection

    connection = HTTPConnection(target.host, target.port)
    connection.timeout = sock.gettimeout()
    connection.sock = sock  # the checked one: urllib3 must not resolve and connect by itself
    headers = {"Accept": "application/json", "Accept-Encoding": "identity", "Connection": "close", **request.headers}
    connection.request(
        request.method,
        target.path,
        body=request.body,
        headers={**headers, "Host": target.host_header},
        preload_content=False,
        decode_content=False,
    )
    with contextlib.closing(connection.getresponse()) as response:
        names = {name.lower(): value for name, value in response.headers.items()}
        return response.status, names, _capped(response, request.max_bytes)


def _capped(response: "HTTPResponse", max_bytes: int) -> bytes:
    body = bytearray()
    while chunk := response.read1(_CHUNK, decode_content=False):
        body += chunk
        if len(body) > max_bytes:
            raise HttpFailure("too_large", f"the answer is longer than {max_bytes} bytes")
    return bytes(body)
