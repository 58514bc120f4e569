"""Deadline: cuts a connection when its time is up.

Socket time-outs alone start anew with every byte, so a server that drips could hold a worker for ever.
"""

import contextlib
import socket
import threading
import time
from types import TracebackType
from typing import Self


class Deadline:
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._ends = time.monotonic() + seconds
        self._watched: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._ends = time.monotonic() + self.seconds
        self._timer.start()
        return self

    @property
    def passed(self) -> bool:
        """By the clock: a socket's own time-out can come before the timer's thread gets its turn."""
        return time.monotonic() >= self._ends

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        for sock in self._watched:
            sock.close()

    def watch(self, sock: socket.socket) -> None:
        """Through a duplicate: whoever wraps the socket in TLS takes its descriptor away from it."""
        self._watched.append(sock.dup())
        if self.passed:
            self._cut()

    def _cut(self) -> None:
        for sock in self._watched:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
