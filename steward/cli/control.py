"""A sandbox that stays up: one Simulation, time passing by itself, and a control port on this machine.

`POST /` takes the operations of operations.py from whoever has the token of the note that only this
user can read; every other path is the product's own API, behind a small stand-in for API Gateway.
"""

import hmac
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from chalicelib.errors import InputError, StewardError
from steward.cli.desk import carry_out
from steward.cli.remote import NOTE
from steward.sandbox.gateway import Gateway, Reply, key_of
from steward.sandbox.simulation import Simulation

Json = dict[str, Any]
BEAT_S = 0.5
TICK_S = 5
MOST_BYTES = 4 * 1024 * 1024
OK, BAD_INPUT, DENIED, TOO_LARGE, FAILED = 200, 400, 401, 413, 500


class Control:
    def __init__(self, sim: Simulation, speed: float, complain: Callable[[str], None]) -> None:
        self._sim, self._speed, self._complain = sim, speed, complain
        self._lock = threading.Lock()
        """Over the world and the store: an operation never meets time half passed."""
        self._over = threading.Event()
        self._token = secrets.token_urlsafe(24)
        self._gateway = Gateway(sim)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def note(self) -> Json:
        return {
            "address": self.address,
            "token": self._token,
            "pid": os.getpid(),
            "operator": key_of("operator"),
            "speed": self._speed,
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }

    def serve(self) -> None:
        """Until somebody says `down`, or interrupts."""
        write_note(self.note())
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()
        try:
            self._live()
        finally:
            self._server.shutdown()
            self._server.server_close()
            NOTE.unlink(missing_ok=True)

    def stop(self) -> None:
        self._over.set()

    def _live(self) -> None:
        last = time.monotonic()
        owed = 0.0
        while not self._over.wait(BEAT_S):
            now = time.monotonic()
            owed += (now - last) * self._speed
            last = now
            whole = int(owed)
            owed -= whole
            if whole:
                self._pass(whole)

    def _pass(self, seconds: int) -> None:
        """In small pieces, so that events arrive soon after they happen, however fast time runs."""
        with self._lock:
            try:
                for begun in range(0, seconds, TICK_S):
                    self._sim.pass_time(min(TICK_S, seconds - begun))
            except StewardError as error:
                self._complain(f"while time passed: {error}")

    def api(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """The product's own API; what was admitted by it starts at once."""
        with self._lock:
            reply = self._gateway.answer(method, path, headers, body)
            if method != "GET":
                self._sim.settle()
            return reply

    def take(self, token: str, body: bytes) -> tuple[int, Json]:
        if not hmac.compare_digest(token.encode(), f"Bearer {self._token}".encode()):
            return DENIED, {"error": "the token is not that of this sandbox"}
        try:
            asked = json.loads(body)
            operation, arguments = str(asked["operation"]), dict(asked["arguments"])
        except (ValueError, KeyError, TypeError) as error:
            return BAD_INPUT, {"error": f"not an operation with arguments: {error}"}
        if operation == "down":
            self.stop()
            return OK, {"down": True}
        return self._carry_out(operation, arguments)

    def _carry_out(self, operation: str, arguments: Json) -> tuple[int, Json]:
        with self._lock:
            try:
                return OK, carry_out(self._sim, operation, arguments)
            except InputError as error:
                return BAD_INPUT, {"error": str(error)}
            except StewardError as error:
                return FAILED, {"error": str(error)}
            except Exception as error:  # noqa: BLE001  # boundary: one bad question does not end the sandbox
                self._complain(f"{operation}: {type(error).__name__}: {error}")
                return FAILED, {"error": f"{operation} failed: {type(error).__name__}: {error}"}


def write_note(note: Json) -> None:
    """Readable for this user only, from its first byte."""
    NOTE.parent.mkdir(exist_ok=True)
    NOTE.unlink(missing_ok=True)
    with os.fdopen(os.open(NOTE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(note, file)


def _handler(control: Control) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def __getattr__(self, name: str) -> Callable[[], None]:
            """Every method there is or will be: which of them a path knows, the API says."""
            if name.startswith("do_"):
                return self._take
            raise AttributeError(name)

        def _take(self) -> None:
            try:
                length = int(self.headers.get("Content-Length") or 0)
            except ValueError:
                length = -1
            if not 0 <= length <= MOST_BYTES:
                self._reply(TOO_LARGE, {"error": f"say how long it is; at most {MOST_BYTES} bytes"})
                return
            body = self.rfile.read(length)
            if self.command == "POST" and self.path == "/":
                self._reply(*control.take(self.headers.get("Authorization") or "", body))
                return
            status, headers, text = control.api(self.command, self.path, dict(self.headers.items()), body)
            self._send(status, headers, text)

        def _reply(self, status: int, said: Json) -> None:
            self._send(status, {"Content-Type": "application/json"}, json.dumps(said).encode())

        def _send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Nothing: the terminal belongs to whoever brought the sandbox up."""

    return Handler
