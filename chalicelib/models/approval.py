"""Approval: a yes or no to one plan, by its hash; single use, expiring."""

from enum import StrEnum

from chalicelib.models.shape import Shape
from chalicelib.models.words import Utc


class ApprovalState(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"


class Approval(Shape):
    run_id: str
    number: int
    scope: str = "plan"
    """`plan`, or the id of the step that asks once its Changes are known."""
    plan_hash: str
    state: ApprovalState = ApprovalState.PENDING
    asked_at: Utc
    expires_at: Utc
    question: str
    approvers: str = "any"
    started_by: str | None = None
    """Who started the run; may not answer where the runbook says `approvers: other`."""
    answered_by: str | None = None
    answered_at: Utc | None = None
    reason: str | None = None
    used: bool = False
    version: int = 0
