"""What asking the deployment's URL answers: a load balancer in front of MLflow, in the state of the world.

An HttpPort like the real one, but nothing leaves the process and no virtual time passes.
"""

import threading
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

from chalicelib.net.http import HttpAnswer, HttpFailure, HttpRequest
from steward.sandbox import place
from steward.sandbox.load import Load
from steward.sandbox.mlflow_face import MlflowFace
from steward.sandbox.targets import Targets

IDLE_TIMEOUT_S = 60.0
"""After this the load balancer gives up on a target and answers 504."""
_ALB_TITLES = {502: "Bad Gateway", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out"}
_FAST_S = 0.02
_HOSTS = {place.URL_HOST, place.LOAD_BALANCER_HOST}


class HttpFace:
    def __init__(
        self, now: Callable[[], datetime], targets: Targets, load: Load, mlflow: MlflowFace, lock: threading.RLock
    ) -> None:
        self._now, self._targets, self._load, self._mlflow, self._lock = now, targets, load, mlflow, lock
        self._turn = 0

    def ask(self, request: HttpRequest) -> HttpAnswer:
        with self._lock:
            return self._ask(request)

    def _ask(self, request: HttpRequest) -> HttpAnswer:
        parts = urlsplit(request.url)
        self._may_ask(parts.scheme, (parts.hostname or "").lower(), request.allow_hosts)
        self._mlflow.server.asked.append(f"{request.method} {parts.path or '/'}")
        routed = self._targets.routed()
        if not routed:
            return _from_balancer(503)
        target = routed[self._turn % len(routed)]
        self._turn += 1
        if target.task.hung:
            return _waited(request, _from_balancer(504), IDLE_TIMEOUT_S)
        if not target.task.answers(self._now()):
            return _from_balancer(502)
        status, kind, body = self._mlflow.page(target.task, request)
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
