"""Decision: the record of one evaluation of one event. "Why did nothing happen?" is answered here."""

from enum import StrEnum
from typing import Any

from pydantic import Field

from chalicelib.models.shape import Shape
from chalicelib.models.signal import Signal
from chalicelib.models.words import Utc


class Outcome(StrEnum):
    RUN = "run"
    SUGGEST = "suggest"  # plan it, tell people, change nothing (also shadow: tell nobody)
    ASK = "ask"
    HOLD = "hold"  # not now; looked at again at `reconsider_at`
    REFUSE = "refuse"  # final for the incident; people are told
    IGNORE = "ignore"
    INVALID = "invalid"


class DecisionState(StrEnum):
    RECEIVED = "received"
    DECIDED = "decided"


class GuardResult(Shape):
    guard: str
    """`stop`, `autonomy`, `freeze`, `cooldown`, `max_runs`, `one_run`, `fleet_limit`, `fleet_brake`, …"""
    passed: bool
    because: str
    retry_at: Utc | None = None
    """When it may pass; a guard without it refuses for good."""
    unsure: bool = False
    """Refused for want of an answer, not by one."""


class SignalDecision(Shape):
    """What was decided about one signal of the event."""

    signal: Signal
    outcome: Outcome
    runbook: str | None = None
    run_id: str | None = None
    incident_id: str | None = None
    reasons: tuple[str, ...] = ()
    guards: tuple[GuardResult, ...] = ()
    reconsider_at: Utc | None = None


class Decision(Shape):
    event_id: str
    state: DecisionState
    received_at: Utc
    decided_at: Utc | None = None
    outcome: Outcome | None = None
    """The weightiest outcome of its parts: run, ask, suggest, hold, refuse, invalid, ignore."""
    parts: tuple[SignalDecision, ...] = ()
    archived_at: str | None = None
    """Where the raw event lies (S32)."""
    predecessor: str | None = None
    """For a held incident looked at again: the decision that held it."""
    attempt: int = 1
    principal: str | None = None
    trigger: dict[str, Any] = Field(default_factory=dict)
    """For events that Steward makes itself (reconsider, manual): what was asked."""
    version: int = 0
