"""What asking the deployment's URL answers: a load balancer in front of MLflow, in the state of the world.

An HttpPort like the real one, but nothing leaves the process and no virtual time passes.
"""

import base64
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

from chalicelib.net.http import HttpAnswer, HttpFailure, HttpRequest
from steward.sandbox import place
from steward.sandbox.database import Database
from steward.sandbox.load import Load
from steward.sandbox.targets import Targets
from steward.sandbox.task import Task
from steward.sandbox.tasklogs import DATABASE_GONE, TaskLogs

IDLE_TIMEOUT_S = 60.0
"""After this the load balancer gives up on a target and answers 504."""
_ALB_TITLES = {502: "Bad Gateway", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out"}
_FAST_S = 0.02
_HOSTS = {place.URL_HOST, place.LOAD_BALANCER_HOST}
_Page = tuple[int, str, str]
"""Status, content type, body."""
_LOGIN = (
    "You are not authenticated. Please see https://www.mlflow.org/docs/latest/auth/index.html"
    "#authenticating-to-mlflow on how to authenticate."
)


@dataclass
class Server:
    """What all MLflow processes of the deployment have in common."""

    admin: tuple[str, str] = ("admin", place.ADMIN_PASSWORD)
    artifacts: str = "ok"
    """ok, bucket_missing, s3_unreachable."""
    since_ms: int = 0
    asked: list[str] = field(default_factory=list)
    """`METHOD path` of everything that was asked, for tests."""


class HttpFace:
    def __init__(
        self,
        now: Callable[[], datetime],
        targets: Targets,
        database: Database,
        load: Load,
        logs: TaskLogs,
        server: Server,
        lock: threading.RLock,
    ) -> None:
        self._now, self._targets, self._database, self._load = now, targets, database, load
        self._logs, self._server, self._lock = logs, server, lock
        self._turn = 0

    def ask(self, request: HttpRequest) -> HttpAnswer:
        with self._lock:
            return self._ask(request)

    def _ask(self, request: HttpRequest) -> HttpAnswer:
        parts = urlsplit(request.url)
        self._may_ask(parts.scheme, (parts.hostname or "").lower(), request.allow_hosts)
        self._server.asked.append(f"{request.method} {parts.path or '/'}")
        routed = self._targets.routed()
        if not routed:
            return _from_balancer(503)
        target = routed[self._turn % len(routed)]
        self._turn += 1
        if target.task.hung:
            return _waited(request, _from_balancer(504), IDLE_TIMEOUT_S)
        if not target.task.answers(self._now()):
            return _from_balancer(502)
        status, kind, body = self._page(target.task, request, parts.path or "/", parse_qs(parts.query))
        took = self._load.latency_s(self._now()) if parts.path.startswith("/api/") else _FAST_S
        answer = _answer(status, kind, body, took)
        if len(answer.body) > request.max_bytes:
            raise HttpFailure("too_large", f"the answer is longer than {request.max_bytes} bytes")
        return _waited(request, answer, took)

    def _may_ask(self, scheme: str, host: str, allow_hosts: tuple[str, ...]) -> None:
        if host.startswith("10."):
            raise HttpFailure("refused", f"no connection to {host}: it lies in the stack's network")
        if host not in _HOSTS:
            raise HttpFailure("dns", f"{host} does not resolve: Name or service not known")
        # Both names resolve to the load balancer's addresses, so either of them allows the other.
        if not _HOSTS & {name.lower().rstrip(".") for name in allow_hosts}:
            wanted = ", ".join(sorted(allow_hosts)) or "nothing: no load balancer and no urlHosts"
            raise HttpFailure("forbidden_address", f"{host} is none of the hosts this stack allows ({wanted})")
        if scheme != "http":
            raise HttpFailure("refused", f"no connection to {host}:443: Connection refused")

    def _page(self, task: Task, request: HttpRequest, path: str, query: dict[str, list[str]]) -> _Page:
        if path == "/health":
            code = task.health_code
            return (200, "text/html; charset=utf-8", "OK") if code == 200 else _broken(code)  # noqa: PLR2004
        if not self._logged_in(request):
            return 401, "text/html; charset=utf-8", _LOGIN
        if path == "/version":
            return 200, "text/html; charset=utf-8", place.MLFLOW_VERSION
        if path == "/metrics":
            return 200, "text/plain; version=0.0.4; charset=utf-8", _METRICS
        if not path.startswith(("/api/", "/ajax-api/")):
            return 200, "text/html; charset=utf-8", "<!doctype html><title>MLflow</title>"
        return self._api(task, path, query)

    def _api(self, task: Task, path: str, query: dict[str, list[str]]) -> _Page:
        task.asked += 1
        share = task.behaviour.error_share
        if int(task.asked * share) > int((task.asked - 1) * share):
            return _error(500, "INTERNAL_ERROR", "An internal error occurred")
        if path.endswith("/mlflow-artifacts/artifacts"):
            return self._artifacts(query)
        if not self._database.answers:
            self._logs.write(task, self._now(), DATABASE_GONE)
            # The exception's text without its first log line, as MLflow puts it into the answer.
            return _error(503, "TEMPORARILY_UNAVAILABLE", "\n".join(DATABASE_GONE[1:]), "CLIENT_INTERNAL_ERROR")
        if path.endswith("/mlflow/experiments/search"):
            return 200, "application/json", json.dumps({"experiments": [self._experiment()]}, indent=2)
        if path.endswith("/mlflow/artifacts/list"):
            return self._artifacts(query)
        return _error(404, "ENDPOINT_NOT_FOUND", f"No endpoint {path}")

    def _artifacts(self, query: dict[str, list[str]]) -> _Page:
        if self._server.artifacts == "bucket_missing":
            where = f"Failed to list artifacts in s3://{place.BUCKET}: The specified bucket does not exist"
            return _error(404, "RESOURCE_DOES_NOT_EXIST", where, "RESOURCE_NOT_FOUND")
        if self._server.artifacts != "ok":
            return _broken(500)
        if query.get("path") or query.get("run_id"):
            return 200, "application/json", "{}"
        return 200, "application/json", json.dumps({"files": [{"path": "0", "is_dir": True}]}, indent=2)

    def _experiment(self) -> dict[str, object]:
        return {
            "experiment_id": "0",
            "name": "Default",
            "artifact_location": "mlflow-artifacts:/0",
            "lifecycle_stage": "active",
            "last_update_time": self._server.since_ms,
            "creation_time": self._server.since_ms,
            "workspace": "default",
        }

    def _logged_in(self, request: HttpRequest) -> bool:
        given = {name.lower(): value for name, value in request.headers.items()}.get("authorization", "")
        name, password = self._server.admin
        return given == "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


_METRICS = """# HELP mlflow_http_request_total Total number of HTTP requests
# TYPE mlflow_http_request_total counter
mlflow_http_request_total{method="GET",status="200"} 4211.0
mlflow_http_request_total{method="POST",status="200"} 1872.0
"""


def _waited(request: HttpRequest, answer: HttpAnswer, took_s: float) -> HttpAnswer:
    if took_s >= request.timeout_s:
        raise HttpFailure("timeout", f"no whole answer within {request.timeout_s:g} s")
    return answer


def _answer(status: int, kind: str, body: str, took_s: float) -> HttpAnswer:
    headers = {"content-type": kind, "server": "uvicorn", "content-length": str(len(body.encode()))}
    if status == 401:  # noqa: PLR2004 - it marks MLflow's own login, where S3's refusal has none
        headers["www-authenticate"] = 'Basic realm="mlflow"'
    return HttpAnswer(status, headers, body.encode(), round(took_s, 3))


def _from_balancer(status: int) -> HttpAnswer:
    title = f"{status} {_ALB_TITLES[status]}"
    body = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    )
    headers = {"content-type": "text/html", "server": "awselb/2.0", "content-length": str(len(body))}
    return HttpAnswer(status, headers, body.encode(), IDLE_TIMEOUT_S if status == 504 else _FAST_S)  # noqa: PLR2004


def _error(status: int, code: str, message: str, kind: str = "INTERNAL_ERROR") -> _Page:
    state = "XXM00" if status >= 500 else "KAM00"  # noqa: PLR2004 - whose fault it is
    body = {"error_code": code, "message": message, "sqlstate": state, "error_class": kind}
    return status, "application/json", json.dumps(body)


def _broken(status: int) -> _Page:
    body = (
        "<!doctype html>\n<html lang=en>\n<title>500 Internal Server Error</title>\n<h1>Internal Server Error</h1>\n"
        "<p>The server encountered an internal error and was unable to complete your request. Either the server is"
        " overloaded or there is an error in the application.</p>\n"
    )
    return status, "text/html; charset=utf-8", body
