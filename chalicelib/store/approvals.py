"""Approvals: in their own partition, because rights can be told apart only by partition (S24).

One conditional write answers an approval, so two people who answer at once have one winner.
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from chalicelib.errors import Refused, UnknownName
from chalicelib.models.approval import Approval, ApprovalState, Delegation
from chalicelib.store.rows import KEPT_FOR, body_of, contend, load
from chalicelib.store.table import Item, Key, Table, walk

_ASSUMED_ROLE = re.compile(r"^(arn:[\w-]+:sts::\d{12}:assumed-role/([^/]+))/.+$")

MOST_DELEGATIONS = 10


class Approvals:
    def __init__(self, table: Table) -> None:
        self._table = table

    def ask(self, approval: Approval) -> Approval:
        """Idempotent by run and number: whoever asks again gets what stands, answered or not."""
        old = self._table.create(_item(approval))
        return load(Approval, old) if old else approval.model_copy(update={"version": 1})

    def get(self, run_id: str, number: int) -> Approval:
        item = self._table.get(_key(run_id, number))
        if item is None:
            raise UnknownName("approval", f"{run_id}/{number}")
        return load(Approval, item)

    def current(self, run_id: str) -> Approval | None:
        """The latest that was asked for."""
        items = list(walk(self._table, _partition(run_id)))
        return load(Approval, items[-1]) if items else None

    def answer(  # who answers what is one sentence, and all of it is said
        self,
        run_id: str,
        number: int,
        plan_hash: str,
        state: ApprovalState,
        by: str,
        reason: str | None,
        now: datetime,
        keys: tuple[str, ...] = (),
    ) -> Approval:
        """The single winner's approval; everybody else is Refused, and told why. `keys` are what whoever
        answers is recognized by where the answer was handed on."""
        if state not in {ApprovalState.APPROVED, ApprovalState.REJECTED}:
            raise Refused(f"an approval is answered with approved or rejected, not {state}")

        def answered(approval: Approval) -> dict[str, Any]:
            if why := _why_not(approval, plan_hash, state, by, now) or _handed_on(approval, state, keys):
                raise Refused(why)
            return {"state": state, "answered_by": by, "answered_at": now, "reason": reason}

        return self._amend(run_id, number, answered)

    def delegate(self, run_id: str, number: int, delegation: Delegation) -> Approval:
        """Only while it waits; whoever says yes from now on must be that one."""

        def handed(approval: Approval) -> dict[str, Any]:
            name = f"approval {number} of run {run_id}"
            if approval.state is not ApprovalState.PENDING:
                raise Refused(f"{name} is already {approval.state}")
            if delegation.at >= approval.expires_at:
                raise Refused(f"{name} expired at {approval.expires_at:%Y-%m-%d %H:%M} UTC")
            if len(approval.delegations) >= MOST_DELEGATIONS:
                raise Refused(f"{name} was handed on {MOST_DELEGATIONS} times: somebody has to answer it")
            return {"delegations": (*approval.delegations, delegation)}

        return self._amend(run_id, number, handed)

    def reminded(self, run_id: str, number: int, now: datetime) -> Approval:
        return self._amend(run_id, number, lambda approval: {} if approval.reminded_at else {"reminded_at": now})

    def expire(self, run_id: str, number: int, now: datetime) -> Approval:
        """Nothing happens to one that is answered or has time left."""

        def expired(approval: Approval) -> dict[str, Any]:
            is_over = approval.state is ApprovalState.PENDING and now >= approval.expires_at
            return {"state": ApprovalState.EXPIRED} if is_over else {}

        return self._amend(run_id, number, expired)

    def supersede(self, run_id: str, number: int) -> Approval:
        """The plan has changed: this question need not be answered any more."""

        def superseded(approval: Approval) -> dict[str, Any]:
            return {"state": ApprovalState.SUPERSEDED} if approval.state is ApprovalState.PENDING else {}

        return self._amend(run_id, number, superseded)

    def mark_used(self, run_id: str, number: int) -> Approval:
        """Single use: it may be spent only while approved, and is then no longer an open answer.
        Marking again is no error: whoever marked it may have died before the run was saved. That a
        run never comes back to the same number is the run's own state (its `approvals` only grows)."""

        def used(approval: Approval) -> dict[str, Any]:
            if approval.state is not ApprovalState.APPROVED:
                raise Refused(f"approval {number} of run {run_id} is {approval.state}, not approved")
            return {"used": True}

        return self._amend(run_id, number, used)

    def pending_due(self, now: datetime) -> tuple[Approval, ...]:
        """Those whose time is up, and those that nobody was reminded of when it was time."""
        found = (load(Approval, item) for item in self._table.due("approval", now))
        return tuple(approval for approval in found if approval.state is ApprovalState.PENDING)

    def _amend(self, run_id: str, number: int, facts: Callable[[Approval], dict[str, Any]]) -> Approval:
        def write(approval: Approval) -> Approval:
            stored = self._table.replace(_item(approval))
            return approval.model_copy(update={"version": stored.version})

        def change(approval: Approval) -> tuple[Approval, None]:
            return approval.model_copy(update=facts(approval)), None

        return contend(lambda: self.get(run_id, number), write, change, f"answering for run {run_id}")[0]


def same_person(one: str, other: str) -> bool:
    """S27: by account, role and identity-provider name; a self-chosen session name does not count."""
    return _person(one) == _person(other)


def _person(principal: str) -> str:
    match = _ASSUMED_ROLE.match(principal)
    # In roles of IAM Identity Center the session name is the person's, given by the identity provider.
    return match[1] if match and not match[2].startswith("AWSReservedSSO_") else principal


def _why_not(approval: Approval, plan_hash: str, state: ApprovalState, by: str, now: datetime) -> str | None:
    name = f"approval {approval.number} of run {approval.run_id}"
    if approval.state is not ApprovalState.PENDING:
        who = f" by {approval.answered_by}" if approval.answered_by else ""
        return f"{name} is already {approval.state}{who}"
    if now >= approval.expires_at:
        return f"{name} expired at {approval.expires_at:%Y-%m-%d %H:%M} UTC"
    if approval.plan_hash != plan_hash:
        return f"{name} is for plan {approval.plan_hash[:12]}, not {plan_hash[:12]}: look at the plan again"
    starter = approval.started_by
    is_own = approval.approvers == "other" and starter is not None and same_person(starter, by)
    if is_own and state is ApprovalState.APPROVED:
        return f"{name} needs another person than {starter}, who started the run"
    return None


def _handed_on(approval: Approval, state: ApprovalState, keys: tuple[str, ...]) -> str | None:
    last = approval.delegations[-1] if approval.delegations else None
    if last is None or state is not ApprovalState.APPROVED or last.key in keys:
        return None
    name = f"approval {approval.number} of run {approval.run_id}"
    return f"{name} was handed to {last.to} by {last.by}: only that one says yes"


def _partition(run_id: str) -> str:
    return f"APPROVAL#{run_id}"


def _key(run_id: str, number: int) -> Key:
    return Key(_partition(run_id), f"{number:03d}")


def _item(approval: Approval) -> Item:
    is_pending = approval.state is ApprovalState.PENDING
    return Item(
        _key(approval.run_id, approval.number),
        body_of(approval),
        version=approval.version,
        due=("approval", approval.due_at) if is_pending else None,
        expires=approval.asked_at + KEPT_FOR,
    )
