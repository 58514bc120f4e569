"""AuditEntry: who asked Steward to change something, and what came of it."""

from chalicelib.models.shape import Shape
from chalicelib.models.words import Utc


class AuditEntry(Shape):
    request_id: str
    at: Utc
    principal: str
    """As AWS named the caller; `nobody` where it named none."""
    role: str | None = None
    what: str
    """Method and route: `POST /v1/runs/{id}/approve`."""
    target: str | None = None
    """What was named: a run, a stack, a runbook."""
    reason: str | None = None
    status: int | None = None
    """None: it began and was not seen to end."""
    detail: str | None = None
    version: int = 0
