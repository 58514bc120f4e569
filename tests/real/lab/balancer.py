"""A load balancer for the laboratory: one address, and behind it whichever servers are in turn.

It passes bytes on as they are, so a server sees the Host header that was asked for.
"""

import contextlib
import itertools
import socket
import socketserver
import threading
from collections.abc import Callable

_NONE_THERE = b"HTTP/1.1 503 Service Temporarily Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_IDLE_S = 60


class Balancer:
    def __init__(self, ports: Callable[[], list[int]]) -> None:
        """`ports`: of the targets that may be asked now."""
        turn = itertools.count()

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                there = ports()
                with contextlib.suppress(OSError):
                    if there:
                        _lead(self.request, there[next(turn) % len(there)])
                    else:
                        self.request.recv(65_536)
                        self.request.sendall(_NONE_THERE)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _lead(client: socket.socket, port: int) -> None:
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), timeout=_IDLE_S)) as target:
        client.settimeout(_IDLE_S)
        sending = threading.Thread(target=_pass_on, args=(client, target), daemon=True)
        sending.start()
        _pass_on(target, client)
        sending.join(_IDLE_S)


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
