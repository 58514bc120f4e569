"""Approval: a yes or no to one plan, by its hash; single use, expiring."""

from datetime import datetime
from enum import StrEnum

from chalicelib.models.shape import Shape
from chalicelib.models.words import Utc


class ApprovalState(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"


class Delegation(Shape):
    """Somebody who may answer hands the answer to another person or team."""

    to: str
    """The principal as it was named; a role is a team."""
    key: str
    """By what it is recognized: account, and user, role or the identity provider's name (S27)."""
    by: str
    at: Utc
    reason: str | None = None


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
    delegations: tuple[Delegation, ...] = ()
    """The last one counts: who says yes must be that one. Anybody who may answer can still say no."""
    reminded_at: Utc | None = None
    version: int = 0

    @property
    def remind_at(self) -> datetime:
        """When three quarters of its time are gone, once."""
        return self.asked_at + (self.expires_at - self.asked_at) * 3 / 4

    @property
    def due_at(self) -> datetime:
        return self.expires_at if self.reminded_at else self.remind_at
