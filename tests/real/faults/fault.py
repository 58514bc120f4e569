"""What a fault is: a cause, a way to provoke it for real, and the symptom it must show to count as provoked."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.real.lab.laboratory import Laboratory
from tests.real.lab.mlflow_server import Answer


@dataclass(frozen=True)
class Seen:
    """What the server printed and answered: all that a diagnosis may read."""

    logs: list[str]
    http: Answer | None = None
    exit_code: int | None = None


@dataclass(frozen=True)
class Fault:
    cause: str
    provoke: Callable[[Laboratory], Seen]
    shows: str
    """A pattern that a line, or the answer's body, must fit."""
    status: int | None = None
    exit_code: int | None = None
    also: tuple[str, ...] = ()
    """Causes that the same evidence supports just as well."""

    @property
    def name(self) -> str:
        return self.provoke.__name__

    def missing_symptoms(self, seen: Seen) -> list[str]:
        answered = seen.http.status if seen.http else None
        text = "\n".join([*seen.logs, seen.http.body if seen.http else ""])
        missing = []
        if not re.search(self.shows, text):
            missing.append(f"nothing fits {self.shows!r} in:\n{text[-3000:]}")
        if answered != self.status:
            missing.append(f"answered {answered}, not {self.status}: {seen.http}")
        if seen.exit_code != self.exit_code:
            missing.append(f"ended with {seen.exit_code}, not {self.exit_code}:\n{text[-1500:]}")
        return missing


def start_in_vain(
    lab: Laboratory,
    backend: str,
    *options: str,
    until: str,
    env: Mapping[str, str] | None = None,
    port: int | None = None,
    ends: bool = True,
    workers: int = 1,
) -> Seen:
    """Start a server that cannot come up. One that retries for minutes is stopped once `until` was said."""
    server = lab.server(backend, *options, env=env, port=port, workers=workers)
    try:
        server.child.wait_for_line(until, within_s=60)
        code = server.child.wait_for_end(within_s=30) if ends else None
        return Seen(server.child.lines(), exit_code=code)
    finally:
        server.stop()
