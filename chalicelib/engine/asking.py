"""Asking people: one question for a plan or for one step, by hash; what was approved is what runs."""

from datetime import datetime, timedelta
from typing import Any

from chalicelib.engine.journal import Journal, Note, to_status
from chalicelib.engine.moves import Finish
from chalicelib.engine.planning import build_plan, changes_hash, difference, plan_anew
from chalicelib.engine.ports import Ports
from chalicelib.engine.release import Releaser
from chalicelib.engine.situation import Situation
from chalicelib.models.approval import Approval, ApprovalState
from chalicelib.models.run import Run, RunStatus, StepRecord, Verdict


class Asking:
    def __init__(self, ports: Ports, journal: Journal, releaser: Releaser) -> None:
        self._ports = ports
        self._journal = journal
        self._releaser = releaser

    def ask(self, at: Situation, scope: str, question: str) -> Run:
        run, number = at.run, at.run.approvals + 1
        notes: list[Note] = []
        if scope == "plan" and run.approved.get("plan"):
            notes = [("plan_differs", line, {}) for line in self._what_differs(run, at.steps)]
        approval = Approval(
            run_id=run.id,
            number=number,
            scope=scope,
            plan_hash=self._hash(at, scope),
            question=question,
            asked_at=at.now,
            expires_at=at.now + timedelta(seconds=at.stack.limits.approval_expires),
            approvers=run.runbook.guards.approvers,
            started_by=run.started_by,
        )
        asked = self._ports.approvals.ask(approval)
        notes.append(("asked", f"{question}; answer before {asked.expires_at:%Y-%m-%d %H:%M} UTC", {"number": number}))
        # Not asleep yet: until people were told, sweep looks after it soon, not when the question expires.
        waiting = self._journal.save(
            run, at.now, notes, **to_status(run, RunStatus.AWAITING_APPROVAL), approvals=number, wake_at=at.now
        )
        self._releaser.mirror(waiting, at.now)
        return waiting

    def _hash(self, at: Situation, scope: str) -> str:
        record = next((record for record in at.steps if record.id == scope), None)
        if record is not None and record.changes:
            return changes_hash(record.changes)
        return at.run.plan_hash or build_plan(at.run, at.steps, self._ports.risks).hash

    def _what_differs(self, run: Run, records: tuple[StepRecord, ...]) -> tuple[str, ...]:
        wanted = run.approved["plan"]
        planned = (moment.facts for moment in self._ports.runs.moments(run.id) if moment.what == "planned")
        approved: list[str] = next((facts["changes"] for facts in planned if facts.get("hash") == wanted), [])
        return difference(approved, [change.sentence for change in build_plan(run, records, self._ports.risks).changes])

    def take_answer(self, at: Situation, approval: Approval | None) -> Run:
        assert approval is not None  # noqa: S101  # the conductor asks anew where there is none
        run = at.run
        if approval.state is ApprovalState.APPROVED:
            return self._approved(at, approval)
        if approval.state is ApprovalState.PENDING:
            approval = self._ports.approvals.expire(run.id, approval.number, at.now)
            if approval.state is ApprovalState.APPROVED:
                return self._approved(at, approval)
        why = f"{approval.state.value} by {approval.answered_by}" + (f": {approval.reason}" if approval.reason else "")
        if approval.state is ApprovalState.EXPIRED:  # people are told: it needs somebody
            why = f"refused: nobody answered by {approval.expires_at:%Y-%m-%d %H:%M} UTC, so it was not done"
        verdict = Verdict.INCONCLUSIVE if at.changed else None
        return self._releaser.finish(run, Finish(RunStatus.STOPPED, verdict, why, needs_person=True), at.now)

    def _approved(self, at: Situation, approval: Approval) -> Run:
        run = at.run
        update: dict[str, Any] = {"approved": {**run.approved, approval.scope: approval.plan_hash}}
        text = f"approved by {approval.answered_by}: {approval.reason or 'no reason given'}"
        if approval.scope != "plan":
            update |= to_status(run, RunStatus.RUNNING)
            return self._used(self._journal.save(run, at.now, [("approved", text, {})], **update), approval, at.now)
        # What was approved is what runs: plan again, and compare before anything is done.
        for record in at.steps:
            self._ports.runs.save_step(plan_anew(record))
        update |= to_status(run, RunStatus.PLANNING) | {"plan_sealed": False}
        return self._used(self._journal.save(run, at.now, [("approved", text, {})], **update), approval, at.now)

    def _used(self, run: Run, approval: Approval, now: datetime) -> Run:
        """After the run knows: then its own state keeps a second worker from taking the answer again."""
        self._ports.approvals.mark_used(run.id, approval.number)
        self._releaser.mirror(run, now)
        return run
