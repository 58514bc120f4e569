"""What an MLflow process answers, in the state of the world: pages, refusals, and the log lines they leave."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

from chalicelib.net.http import HttpRequest
from steward.sandbox import access_words, artifact_words, place
from steward.sandbox import database_words as words
from steward.sandbox.exporter import Exporter
from steward.sandbox.serving import Serving
from steward.sandbox.task import Task
from steward.sandbox.tasklogs import TaskLogs
from steward.sandbox.tracking import Tracking
from steward.sandbox.tracking_api import TrackingApi

_Page = tuple[int, str, str]
"""Status, content type, body."""
_HTML, _JSON, _TEXT = "text/html; charset=utf-8", "application/json", "text/plain; charset=utf-8"
_ARTIFACTS = "/mlflow-artifacts/artifacts"
_LOGIN = (
    "You are not authenticated. Please see https://www.mlflow.org/docs/latest/auth/index.html"
    "#authenticating-to-mlflow on how to authenticate."
)


@dataclass
class Server:
    """What all MLflow processes of the deployment have in common."""

    admin: tuple[str, str] = ("admin", place.ADMIN_PASSWORD)
    tracking: Tracking = field(default_factory=lambda: Tracking(datetime.fromtimestamp(0, tz=UTC)))
    """Experiments, runs and models."""
    uploaded: dict[str, str] = field(default_factory=dict)
    """Artifacts by path that came over HTTP."""
    asked: list[str] = field(default_factory=list)
    """`METHOD path` of everything that was asked, for tests."""


class MlflowFace:
    def __init__(
        self, now: Callable[[], datetime], serving: Serving, exporter: Exporter, logs: TaskLogs, server: Server
    ) -> None:
        self._now, self._serving, self._exporter, self._logs = now, serving, exporter, logs
        self.server = server
        self._tracking = TrackingApi(server.tracking)

    def page(self, task: Task, request: HttpRequest) -> _Page:
        parts = urlsplit(request.url)
        path = parts.path or "/"
        answer = self._page(task, request, path, (parts.hostname or "").lower())
        if answer[0] != 200:  # noqa: PLR2004 - what works is asked all the time, and not worth a line
            asked = f"{path}?{parts.query}" if parts.query else path
            self._write(task, access_words.asked(request.method, asked, answer[0]))
        return answer

    def _page(self, task: Task, request: HttpRequest, path: str, host: str) -> _Page:
        if path == "/health":
            code = task.health_code
            return (200, _HTML, "OK") if code == 200 else _broken(code)  # noqa: PLR2004
        if path != "/version" and self._serving.refuses_host(task, host):
            self._write(task, access_words.host_refused(host))
            return 403, _TEXT, access_words.HOST_REFUSED
        if self._serving.is_locked_out(task):
            self._write(task, *access_words.directory_away(self.server.admin[0]))
            return 401, _HTML, _LOGIN
        if not self._logged_in(request):
            return 401, _HTML, _LOGIN
        if path == "/version":
            return 200, _HTML, task.mlflow
        if path == "/metrics":
            return 200, "text/plain; version=0.0.4; charset=utf-8", self._exporter.page()
        if not path.startswith(("/api/", "/ajax-api/")):
            return 200, _HTML, "<!doctype html><title>MLflow</title>"
        return self._api(task, request, path)

    def _api(self, task: Task, request: HttpRequest, path: str) -> _Page:
        task.asked += 1
        share = task.behaviour.error_share
        if int(task.asked * share) > int((task.asked - 1) * share):
            return _error(500, "INTERNAL_ERROR", "An internal error occurred")
        query = parse_qs(urlsplit(request.url).query)
        if path.endswith(_ARTIFACTS):
            return self._listing(task, query)
        if f"{_ARTIFACTS}/" in path:
            return self._artifact(task, request, path.partition(f"{_ARTIFACTS}/")[2])
        refusal = self._serving.database_refusal(task)
        if refusal:
            self._write(task, *words.while_serving(refusal))
            return _error(503, "TEMPORARILY_UNAVAILABLE", refusal.message, "CLIENT_INTERNAL_ERROR")
        known = self._tracking.answer(path, query, request.body, self._now())
        if known is not None:
            return known[0], _JSON, json.dumps(known[1])
        if path.endswith("/mlflow/artifacts/list"):
            return self._listing(task, query)
        return _error(404, "ENDPOINT_NOT_FOUND", f"No endpoint {path}")

    def _listing(self, task: Task, query: dict[str, list[str]]) -> _Page:
        if self._serving.no_s3:
            self._write(task, *artifact_words.s3_unreachable())
            return _broken(500)
        error = self._serving.artifact_error(task, "s3:ListBucket")
        if error:
            return _error(*artifact_words.listing_error(error))
        if query.get("path") or query.get("run_id"):
            return 200, _JSON, "{}"
        return 200, _JSON, json.dumps({"files": [{"path": "0", "is_dir": True}]}, indent=2)

    def _artifact(self, task: Task, request: HttpRequest, path: str) -> _Page:
        """An upload, a download or a deletion of one artifact."""
        action = {"PUT": "s3:PutObject", "DELETE": "s3:DeleteObject"}.get(request.method, "s3:GetObject")
        error = self._serving.artifact_error(task, action)
        if error and error.status == 404 and request.method != "PUT":  # noqa: PLR2004 - it looks first what is there
            return _error(*artifact_words.listing_error(error))
        if error or self._serving.no_s3:
            self._write(task, *(artifact_words.upload_failed(error) if error else artifact_words.s3_unreachable()))
            return 500, _TEXT, "Internal Server Error"
        if request.method == "PUT":
            self.server.uploaded[path] = (request.body or b"").decode(errors="replace")
            return 200, _JSON, "{}"
        if path not in self.server.uploaded:
            return _error(404, "RESOURCE_DOES_NOT_EXIST", f"No such artifact: {path}", "RESOURCE_NOT_FOUND")
        if request.method == "DELETE":
            del self.server.uploaded[path]
            return 200, _JSON, "{}"
        return 200, "application/octet-stream", self.server.uploaded[path]

    def _logged_in(self, request: HttpRequest) -> bool:
        given = {name.lower(): value for name, value in request.headers.items()}.get("authorization", "")
        name, password = self.server.admin
        return given == "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()

    def _write(self, task: Task, *lines: str) -> None:
        self._logs.write(task, self._now(), lines)


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
