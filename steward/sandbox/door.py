"""The world's load balancer for processes of their own: real HTTP on an address of this machine.

Not on loopback, which no function of Steward connects to (S25). The port is taken when it is made, so that a stack file
can name it before there is a world.
"""

import socket
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from chalicelib.net.http import HttpAnswer, HttpFailure, HttpPort, HttpRequest
from steward.sandbox import place
from steward.sandbox.http_face import IDLE_TIMEOUT_S

_LONGEST_S = IDLE_TIMEOUT_S + 1
"""How long the door itself waits; whoever asks has a patience of their own."""
_LARGEST = 16 * 1024 * 1024


class Door:
    """`with Door() as door: door.behind = world.http`; without a world behind it, whoever knocks is hung up on."""

    def __init__(self) -> None:
        self.host = own_address()
        self.behind: HttpPort | None = None
        self._server = _Server((self.host, 0), _handler(self))
        self._closed = threading.Event()

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer | None:
        """After as long as the world says it takes; None: the connection ends without one."""
        if self.behind is None:
            return None
        # The world knows its load balancer by the name that people use for it, not by this machine's address.
        url, hosts = f"http://{place.URL_HOST}{path}", (place.URL_HOST,)
        request = HttpRequest(method, url, dict(headers), body, _LONGEST_S, _LARGEST, hosts)
        try:
            answer = self.behind.ask(request)
        except HttpFailure:
            return None
        self._closed.wait(answer.elapsed_s)
        return answer


def own_address() -> str:
    """That from which this machine would speak to others; asking sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("198.51.100.1", 9))  # an address of documentation (RFC 5737)
        except OSError:  # a machine without a network has loopback only: whoever needs more than that fails by name
            return "127.0.0.1"
        return str(asking.getsockname()[0])


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever asked has given up waiting, and hung up."""


def _handler(door: Door) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            answer = door.answer(self.command, self.path, dict(self.headers.items()), body)
            if answer is None:
                return
            self.send_response_only(answer.status)
            for name, value in {**answer.headers, "content-length": str(len(answer.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve  # noqa: N815 - the server's names

        def log_message(self, *_said: object) -> None:
            """Nothing to standard error for every request."""

    return Handler
