"""Incident: the signals that belong together on one stack, from first firing until settled."""

from enum import StrEnum

from chalicelib.models.shape import Shape
from chalicelib.models.signal import SignalKind, is_work
from chalicelib.models.words import Utc


class IncidentState(StrEnum):
    OPEN = "open"
    ACTING = "acting"
    AWAITING = "awaiting"
    VERIFYING = "verifying"
    QUIET = "quiet"
    NEEDS_HUMAN = "needs_human"
    CLOSED = "closed"


class FiringSource(Shape):
    """One thing that is firing; `recheck` is the alarm name to ask, where it is an alarm."""

    key: str
    kind: SignalKind
    resource: str | None
    name: str | None
    since: Utc
    alarm: str | None = None


class Incident(Shape):
    id: str
    stack: str
    fingerprint: str
    state: IncidentState = IncidentState.OPEN
    title: str
    opened_at: Utc
    changed_at: Utc
    firing: tuple[FiringSource, ...] = ()
    settles_after_s: int = 300
    quiet_since: Utc | None = None
    run_id: str | None = None
    """The run that is on it now."""
    runs: tuple[str, ...] = ()
    reconsider_at: Utc | None = None
    reconsidered: int = 0
    last_decision: str | None = None
    last_event: str | None = None
    """The event whose signal is evaluated again when a held incident is due."""
    reason: str | None = None
    escalated_at: Utc | None = None
    version: int = 0

    @property
    def is_waiting_work(self) -> bool:
        """Open only because its work waits for its turn. One that a run failed at, or that nobody came to, is
        trouble like any other: tasks may hold a secret that counts no more."""
        waits = self.state is IncidentState.OPEN and self.escalated_at is None and bool(self.firing)
        return waits and all(is_work(source.kind, source.name) for source in self.firing)
