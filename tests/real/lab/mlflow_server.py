"""A real `mlflow server` of version 3.17.2, and what it answers."""

import base64
import http.client
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.real.lab.child import Child, LabFailure, free_port, wait_until
from tests.real.lab.tools import LAB_VENV, clean_env, lab_program

READY = r"Application startup complete"
SEARCH = "/api/2.0/mlflow/experiments/search?max_results=1"
CREATE = "/api/2.0/mlflow/experiments/create"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
QUIET = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # spares two more Python processes a start
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: str

    def as_signal(self) -> dict[str, object]:
        kept = {
            name: self.headers[name] for name in ("server", "content-type", "www-authenticate") if name in self.headers
        }
        return {"status": self.status, "headers": kept, "body": self.body[:2000]}


class MlflowAt:
    """Whatever answers for MLflow at a port of this machine."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
        login: tuple[str, str] | None = None,
        within_s: float = 25,
    ) -> Answer:
        sent = {"Content-Type": "application/json"} | dict(headers or {})
        if login:
            sent["Authorization"] = "Basic " + base64.b64encode(":".join(login).encode()).decode()
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=within_s)
        try:
            line.request(method, path, body=body, headers=sent)
            got = line.getresponse()
            found = {name.lower(): value for name, value in got.getheaders()}
            return Answer(got.status, found, got.read(64_000).decode(errors="replace"))
        except http.client.HTTPException as exc:
            raise ConnectionError(str(exc)) from exc
        finally:
            line.close()


class MlflowServer(MlflowAt):
    def __init__(
        self,
        home: Path,
        backend: str,
        *options: str,
        env: Mapping[str, str] | None = None,
        port: int | None = None,
        workers: int = 1,
        venv: Path = LAB_VENV,
    ) -> None:
        home.mkdir(parents=True, exist_ok=True)
        super().__init__(port or free_port())
        command = [lab_program("mlflow", venv), "server", "--backend-store-uri", backend, "--host", "127.0.0.1"]
        flags = ["--port", str(self.port), "--workers", str(workers), *options]
        path = f"{venv / 'bin'}:/usr/local/bin:/usr/bin:/bin"
        settings = clean_env(**QUIET, HOME=str(home), **(env or {})) | {"PATH": path}
        self.child = Child([*command, *flags], env=settings, cwd=home)

    def wait_until_ready(self, within_s: float = 90) -> "MlflowServer":
        wait_until(self._is_ready, within_s, "MLflow to start", self.child)
        return self

    def _is_ready(self) -> bool:
        if self.child.exit_code is not None:
            raise LabFailure(f"MLflow ended with {self.child.exit_code}:\n{self.child.tail()}")
        try:
            return self.ask("GET", "/health", within_s=5).status == http.client.OK
        except OSError:
            return False

    def mark(self) -> int:
        return len(self.child.lines())

    def warm_up(self) -> None:
        """A worker opens its store with the first request, and would retry that for minutes in a fault."""
        if (answer := self.ask("GET", SEARCH)).status != http.client.OK:
            raise LabFailure(f"MLflow is not well before any fault: {answer}")

    def put_artifact(self, name: str) -> Answer:
        return self.ask("PUT", f"{ARTIFACTS}/1/{name}", body="a line", headers={"Content-Type": "text/plain"})

    def list_artifacts(self) -> Answer:
        return self.ask("GET", f"{ARTIFACTS}?path=1")

    def stop(self) -> None:
        self.child.stop(signal.SIGTERM, grace_s=4)
