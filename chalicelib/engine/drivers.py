"""Drivers wake runs. They carry no meaning: whoever is woken reads the store and decides from it.

`LocalDriver` is the loop in the process, on a real or a virtual clock: demo, rehearsals, tests,
sandbox. The Step Functions driver is in engine/machine.py.
"""

import heapq
from datetime import datetime
from typing import Protocol


class Driver(Protocol):
    def start(self, run_id: str, generation: int) -> None:
        """Start the execution of this generation; a second call for the same is no error."""

    def ring(self, run_id: str, token: str | None) -> None:
        """Wake it if it sleeps. A lost ring costs only latency."""


class LocalDriver:
    """An agenda of (when, run): the caller turns it with `due` and puts runs back with `later`."""

    def __init__(self) -> None:
        self._agenda: list[tuple[datetime, int, str, int]] = []
        self._count = 0
        self._rung: set[str] = set()
        self._started: list[tuple[str, int]] = []

    def start(self, run_id: str, generation: int) -> None:
        self._started.append((run_id, generation))

    def ring(self, run_id: str, token: str | None) -> None:  # noqa: ARG002  # local runs have no token
        self._rung.add(run_id)

    def later(self, run_id: str, generation: int, when: datetime) -> None:
        self._count += 1
        heapq.heappush(self._agenda, (when, self._count, run_id, generation))

    def due(self, now: datetime) -> list[tuple[str, int]]:
        """Takes off the agenda whatever starts, was rung, or whose time has come."""
        ready, self._started = self._started, []
        rest = []
        for entry in self._agenda:
            when, _, run_id, generation = entry
            if when <= now or run_id in self._rung:
                ready.append((run_id, generation))
            else:
                rest.append(entry)
        heapq.heapify(rest)
        self._agenda = rest
        self._rung.clear()
        return ready

    @property
    def next_at(self) -> datetime | None:
        return self._agenda[0][0] if self._agenda else None

    @property
    def is_idle(self) -> bool:
        return not self._agenda and not self._started
