"""Lambda's Runtime API in small: hands events to a function's own process, as awslambdaric asks for them.

One process is one execution environment: it starts cold at the first event and stays warm after it.
"""

import json
import os
import queue
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from chalicelib.errors import StewardError
from steward.bench.peak import high_water_kb

Json = dict[str, Any]
PATIENCE_S = 60


@dataclass
class Answered:
    payload: Any = None
    error: Json | None = None
    """As the runtime reports it: errorType, errorMessage, stackTrace."""


@dataclass
class _Asked:
    event: Json
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    answers: "queue.Queue[Answered]" = field(default_factory=queue.Queue)


class LambdaProcess:
    """`with LambdaProcess(tree, "app.intake", env) as function: function.invoke(event)`."""

    def __init__(self, tree: Path, handler: str, env: Mapping[str, str], *, timeout_s: int = 300) -> None:
        self._tree, self._handler, self._timeout_s = tree, handler, timeout_s
        self._waiting: queue.Queue[_Asked] = queue.Queue()
        self._in_work: dict[str, _Asked] = {}
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._env = dict(env)
        self._process: subprocess.Popen[bytes] | None = None
        self._listener: threading.Thread | None = None
        self.peak_kb = 0
        self.log = b""

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()
        self._server.shutdown()
        self._server.server_close()

    def start(self) -> None:
        host = f"127.0.0.1:{self._server.server_address[1]}"
        env = {
            **self._env,
            "AWS_LAMBDA_RUNTIME_API": host,
            "_HANDLER": self._handler,
            "LAMBDA_TASK_ROOT": str(self._tree),
        }
        env |= {"PATH": os.environ.get("PATH", "")}
        env.setdefault("AWS_LAMBDA_FUNCTION_NAME", self._handler.rpartition(".")[2])
        env |= {"AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512"}
        words = [sys.executable, "-m", "awslambdaric", self._handler]
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter
            words, cwd=self._tree, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self._listener = threading.Thread(target=self._listen, args=(self._process,), daemon=True)
        self._listener.start()

    def invoke(self, event: Json) -> Answered:
        if self._process is None:
            self.start()
        asked = _Asked(event)
        self._waiting.put(asked)
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            try:
                return asked.answers.get(timeout=0.5)
            except queue.Empty:
                if self._process is None or self._process.poll() is not None:
                    break
        raise StewardError(f"{self._handler} did not answer; it said: {self.log.decode(errors='replace')[-2000:]}")

    def ask(self, event: Json) -> Any:  # noqa: ANN401 - whatever the function answers
        """The payload; an error of the function is one here."""
        answered = self.invoke(event)
        if answered.error is not None:
            said = {name: answered.error.get(name) for name in ("errorType", "errorMessage", "stackTrace")}
            raise StewardError(f"{self._handler} failed: {json.dumps(said)[:3000]}")
        return answered.payload

    def stop(self) -> None:
        if self._process is None:
            return
        self.peak_kb = high_water_kb(self._process.pid)
        self._process.kill()
        self._process.wait()
        if self._listener is not None:
            self._listener.join()  # its end of the pipe is read to the last line
        self._process = None

    def _listen(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        with process.stdout as said:
            for line in said:
                self.log += line

    # What the handler of requests needs

    def next(self) -> tuple[str, dict[str, str], bytes]:
        asked = self._waiting.get()
        self._in_work[asked.id] = asked
        headers = {
            "Lambda-Runtime-Aws-Request-Id": asked.id,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + self._timeout_s) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": f"arn:aws:lambda:eu-west-2:123456789012:function:{self._handler}",
            "Lambda-Runtime-Trace-Id": "Root=1-00000000-000000000000000000000000;Sampled=0",
            "Content-Type": "application/json",
        }
        return asked.id, headers, json.dumps(asked.event).encode()

    def answered(self, request_id: str, payload: bytes) -> None:
        self._in_work.pop(request_id).answers.put(Answered(payload=json.loads(payload or b"null")))

    def failed(self, request_id: str | None, error: bytes) -> None:
        """Without an id it failed before it could ask for an event: the import went wrong."""
        asked = self._in_work.pop(request_id) if request_id else self._waiting.get()
        asked.answers.put(Answered(error=json.loads(error)))


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A function that was killed while it asked for its next event hangs up: that is how it ends."""


def _handler(function: LambdaProcess) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            _, headers, body = function.next()
            self._say(200, body, headers)

        def do_POST(self) -> None:
            body, parts = self._body(), self.path.strip("/").split("/")
            if parts[-1] == "response":
                function.answered(parts[-2], body)
            else:
                function.failed(None if parts[-2] == "init" else parts[-2], body)
            self._say(202, b"{}", {})

        def _body(self) -> bytes:
            if "chunked" not in (self.headers.get("transfer-encoding") or ""):
                return self.rfile.read(int(self.headers.get("content-length") or 0))
            found = b""
            while size := int(self.rfile.readline().strip() or b"0", 16):
                found += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return found

        def _say(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_said: object) -> None:
            """Nothing to standard error for every event."""

    return Handler
