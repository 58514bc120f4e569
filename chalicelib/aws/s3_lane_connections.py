"""Connections to one host, kept open between requests: the standard library's own, each used by one worker at a time.

urllib3's pool takes twice as long for a request (note 0053), and a backup is made of a million of them.
"""

import http.client
import select
import time
import weakref
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import ssl

CONNECT_S = 5.0
_LOOK_AFTER_S = 1.0
"""Idle for longer than this, a connection is looked at before it is used: the server may have closed it meanwhile."""


@dataclass(frozen=True, slots=True)
class Sent:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    timeout_s: float
    """Of silence, once there is a connection."""
    only_once: bool = False
    """It is not sent again when it fails, so no connection is used for it that may be over."""


class Connections:
    def __init__(self, scheme: str, host: str, *, keep: int, ca_bundle: str | None = None) -> None:
        """`host`: with its port. `keep`: as many are kept while nobody uses them. `ca_bundle` None: botocore's own."""
        parts = urlsplit(f"//{host}")
        self._host, self._port = parts.hostname or host, parts.port
        self._idle: deque[tuple[float, http.client.HTTPConnection]] = deque()  # append and pop are atomic
        weakref.finalize(self, _close, self._idle)
        self._keep = keep
        self._context = None if scheme == "http" else _trusting(ca_bundle)

    @contextmanager
    def answered(self, sent: Sent) -> Iterator[http.client.HTTPResponse]:
        """Its body is read inside. What is left half-read, or broke, is closed; the rest serves the next request."""
        connection = self._taken(0.0 if sent.only_once else _LOOK_AFTER_S)
        try:
            if connection.sock is None:
                connection.connect()
            connection.sock.settimeout(sent.timeout_s)
            connection.request(sent.method, sent.path, sent.body or None, sent.headers)
            response = connection.getresponse()
            yield response
        except BaseException:  # boundary: whatever went wrong, what is half-read must not serve the next request
            connection.close()
            raise
        if response.isclosed() and len(self._idle) < self._keep:
            self._idle.append((time.monotonic(), connection))
        else:
            connection.close()

    def _taken(self, look_after_s: float) -> http.client.HTTPConnection:
        while True:
            try:
                since, connection = self._idle.pop()  # the last one used: the others may close in peace
            except IndexError:
                return self._new()
            if time.monotonic() - since < look_after_s or not _is_over(connection):
                return connection
            connection.close()

    def _new(self) -> http.client.HTTPConnection:
        if self._context is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=CONNECT_S)
        return http.client.HTTPSConnection(self._host, self._port, timeout=CONNECT_S, context=self._context)


def chunks(response: http.client.HTTPResponse, size: int) -> Iterator[bytes]:
    while some := response.read(size):
        yield some
    if response.length:  # read in pieces, an answer that was cut short ends like any other
        raise http.client.IncompleteRead(b"", response.length)


def _close(idle: deque[tuple[float, http.client.HTTPConnection]]) -> None:
    for _, connection in idle:
        connection.close()


def _trusting(ca_bundle: str | None) -> "ssl.SSLContext":
    import ssl

    from botocore.httpsession import get_cert_path

    return ssl.create_default_context(cafile=ca_bundle or get_cert_path(True))


def _is_over(connection: http.client.HTTPConnection) -> bool:
    """Something to read, though nothing was asked: the end, or an answer to nothing. Either way it is of no use."""
    if connection.sock is None:  # closed after its last answer, as the server wished; it connects anew
        return False
    waiting = select.poll()
    waiting.register(connection.sock, select.POLLIN)
    return bool(waiting.poll(0))
