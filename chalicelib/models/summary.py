"""Summary: what people are told, render-neutral; every channel draws it its own way."""

from enum import StrEnum

from chalicelib.models.shape import Shape
from chalicelib.models.words import Utc


class Severity(StrEnum):
    GOOD = "good"
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Line(Shape):
    text: str
    detail: str | None = None


class Section(Shape):
    title: str
    """What happened · What was changed · How it was verified · What to write back · What comes next."""
    lines: tuple[Line, ...]


class Question(Shape):
    """What somebody is asked to approve: one run's plan, by its hash."""

    run_id: str
    plan_hash: str


class Summary(Shape):
    id: str
    """Idempotency key of the message: run id and occasion."""
    occasion: str
    """start, end, approval, suggestion, refusal, escalation, page."""
    severity: Severity
    title: str
    stack: str
    run_id: str | None = None
    incident_id: str | None = None
    at: Utc
    sections: tuple[Section, ...] = ()
    commands: tuple[Line, ...] = ()
    """What to type next: `text` is the command, `detail` says what it does."""
    question: Question | None = None
    """Set where an answer is asked for; a channel that can take answers offers them."""


class Delivery(Shape):
    """One attempt to tell one channel; recorded, never blocking."""

    channel: str
    ok: bool
    attempts: int
    error: str | None = None
