"""The conductor: given all that is known of a run, what comes next? Pure; state in, Move out.

It never looks at AWS, the store or the clock. Live system, plan, rehearsal, sandbox and crash
harness all ask this one function.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.engine.change_records import half_done
from chalicelib.engine.moves import (
    Ask,
    BeginCancel,
    BeginVerify,
    DoStep,
    Finish,
    Move,
    Nothing,
    PlanStep,
    Preflight,
    Release,
    SealPlan,
    SleepUntil,
    TakeAnswer,
    TakeSample,
)
from chalicelib.engine.path import Path, follow_path, is_past_return
from chalicelib.engine.planning import index_of, said_yes, was_not_in_plan
from chalicelib.engine.verification import conclude
from chalicelib.models.approval import Approval, ApprovalState
from chalicelib.models.change import ChangeState
from chalicelib.models.run import Mode, Run, RunStatus, StepRecord, StepStatus, Verdict


@dataclass(frozen=True)
class View:
    """All that the conductor may know."""

    run: Run
    steps: tuple[StepRecord, ...]
    now: datetime
    approval: Approval | None = None
    halted: str | None = None
    """Who stopped it and why; also set when the stop flag could not be read (S8)."""
    recovered: bool = False
    """The run has an incident and none of its sources fires any more."""
    rivals: int = 0
    """Other open incidents on this stack that wait for this run to end."""
    high_risk: frozenset[str] = frozenset()
    """Names of the steps (`do`) of high risk."""

    @property
    def changed(self) -> bool:
        return any(record.changed_anything for record in self.steps)

    @property
    def refused(self) -> StepRecord | None:
        """The step that was not allowed to go on after something was changed: the run only puts back by now."""
        return next((record for record in self.steps if record.refused), None)

    @property
    def too_late_to_cancel(self) -> bool:
        return bool(self.run.cancel_requested_by) and is_past_return(self.run.runbook, self.steps)


MAY_STILL_RECOVER = frozenset({RunStatus.PLANNING, RunStatus.AWAITING_APPROVAL, RunStatus.RUNNING})
"""Also while people are asked: nobody should have to answer for a trouble that is over."""


def next_move(view: View) -> Move:
    move = _next_move(view)
    if isinstance(move, Finish) and view.too_late_to_cancel:
        by = view.run.cancel_requested_by
        why = f"{by} cancelled it too late, after what cannot be brought back: it went on to its end"
        return replace(move, outcome=f"{move.outcome}; {why}")
    return move


def _next_move(view: View) -> Move:
    run = view.run
    if not run.status.is_live:
        return _release(run)
    if view.halted and run.mode is not Mode.PLAN:
        return Finish(
            RunStatus.STOPPED,
            Verdict.INCONCLUSIVE if view.changed else None,
            f"stopped: {view.halted}{half_done(view.steps)}",
            needs_person=view.changed,
        )
    status = run.before_sleep if run.status is RunStatus.SLEEPING and run.before_sleep else run.status
    if run.cancel_requested_by and status is not RunStatus.CANCELLING and not view.too_late_to_cancel:
        return _cancel(view)
    if view.recovered and not view.changed and status in MAY_STILL_RECOVER:
        return Finish(
            RunStatus.FINISHED, Verdict.RECOVERED_BEFORE_ACTION, "the trouble ended before anything was changed"
        )
    if status is RunStatus.ADMITTED:
        return SleepUntil(run.wake_at, "looks again") if run.wake_at and view.now < run.wake_at else Preflight()
    if status is RunStatus.PLANNING:
        return _plan(view)
    if status is RunStatus.AWAITING_APPROVAL:
        return _await(view)
    if status is RunStatus.RUNNING:
        return _run(view)
    if status is RunStatus.VERIFYING:
        return _verify(view)
    return _finish_cancelling(view)


def _release(run: Run) -> Move:
    if not run.released.ledger:
        return Release("ledger")
    if not run.released.incident:
        return Release("incident")
    if not run.released.summary:
        return Release("summary")
    return Nothing()


def _plan(view: View) -> Move:
    path = follow_path(view.run.runbook, view.steps)
    if path.dead_end:
        return _dead_end(view, path)
    for record in path.records:
        if record.status in {StepStatus.WAITING, StepStatus.CLAIMED} and not record.known_later:
            return _when_due(view, record) or PlanStep(record.id)
    return SealPlan()


def _await(view: View) -> Move:
    approval = view.approval
    if approval is None:
        # The worker died between the run's status and the question: ask (again); asking is idempotent.
        return Ask("plan", "the approval request was lost and is made again")
    if approval.state is ApprovalState.PENDING and view.now < approval.expires_at:
        return SleepUntil(approval.expires_at, "waiting for approval")
    return TakeAnswer()


def _run(view: View) -> Move:
    path = follow_path(view.run.runbook, view.steps)
    if path.dead_end:
        return _dead_end(view, path)
    for record in path.records:
        if view.rivals and record.do == "wait_until" and not record.status.is_over and view.changed:
            break  # worse news: what is only waiting makes room; the rest is left to people, and said
        if not record.status.is_over:
            return _when_due(view, record) or _must_ask(view, record) or DoStep(record.id)
    if view.refused:
        return _refused(view, view.refused)
    if view.changed:
        return BeginVerify()
    return _nothing_done(view)


def _nothing_done(view: View) -> Move:
    """All steps are over and none changed anything: no verdict, and for a confirmed signal a person."""
    acts = any(record.changes or record.status is StepStatus.UNCHANGED for record in view.steps)
    confirmed = view.run.incident_id is not None
    said = next((record.diagnosis for record in view.steps if record.diagnosis), None)
    why = "everything was already as wanted" if acts else "no step found anything to change"
    why += f"; diagnosis: {said}" if said else ""
    return Finish(RunStatus.FINISHED, None, why, needs_person=confirmed)


def _must_ask(view: View, record: StepRecord) -> Move | None:
    """A step that asks, or one of high risk whose Changes could not be known up front."""
    if record.do == "ask_approval":
        step = view.run.runbook.steps[index_of(view.run.runbook, record.id)]
        question = step.with_.get("message") or f"step {record.id} asks before it goes on"
        return None if record.id in view.run.approved else Ask(record.id, str(question))
    if record.status is not StepStatus.PLANNED or not was_not_in_plan(view.run, record):
        return None
    risky = record.do in view.high_risk or any(change.loses for change in record.changes)
    if not risky or said_yes(view.run, record):
        return None
    return Ask(record.id, f"step {record.id} now knows what it would change")


def _when_due(view: View, record: StepRecord) -> Move | None:
    if record.retry_at and view.now < record.retry_at:
        return SleepUntil(record.retry_at, record.detail or f"step {record.id} goes on later")
    return None


def _dead_end(view: View, path: Path) -> Move:
    record = path.dead_end
    assert record is not None  # noqa: S101  # the caller saw it; this only tells the type checker
    if view.refused:
        return BeginCancel() if _cancel_step(view) else _refused(view, view.refused)
    route = view.run.runbook.steps[index_of(view.run.runbook, record.id)].on_failure
    outcome = f"step {record.id} failed: {record.detail or 'no reason given'}"
    if view.changed:
        return Finish(RunStatus.FINISHED, Verdict.FAILED, outcome + half_done(view.steps), needs_person=True)
    return Finish(
        RunStatus.STOPPED, None, outcome, needs_person=route == "escalate" or view.run.incident_id is not None
    )


def _verify(view: View) -> Move:
    verify, state = view.run.runbook.verify, view.run.verification
    if verify is None or state is None:
        return Finish(RunStatus.FINISHED, Verdict.INCONCLUSIVE, "the runbook has no verification", needs_person=True)
    conclusion = conclude(state, verify)
    if conclusion:
        verdict, outcome = conclusion
        return Finish(RunStatus.FINISHED, verdict, outcome, needs_person=verdict is not Verdict.VERIFIED)
    if state.last is None:
        return TakeSample()
    due = state.last.at + timedelta(seconds=verify.every)
    return TakeSample() if view.now >= due else SleepUntil(due, "next sample of the verification")


def _cancel(view: View) -> Move:
    in_flight = any(p.state is ChangeState.STARTED for record in view.steps for p in record.progress)
    if in_flight or _cancel_step(view):
        return BeginCancel()
    return _cancelled(view)


def _cancel_step(view: View) -> StepRecord | None:
    """The step that `onCancel: step:ID` of the step we are at names, if it has not been done yet."""
    steps = view.run.runbook.steps
    records = {record.id: record for record in view.steps}
    for step in steps:
        record = records.get(step.id)
        begun = record is not None and record.status not in {StepStatus.WAITING, StepStatus.SKIPPED}
        if begun and record and record.changed_anything and step.on_cancel.startswith("step:"):
            target = records.get(step.on_cancel.removeprefix("step:"))
            if target and not target.status.is_over:
                return target
    return None


def _finish_cancelling(view: View) -> Move:
    for record in view.steps:
        if record.status is StepStatus.APPLYING and any(p.state is ChangeState.STARTED for p in record.progress):
            return _when_due(view, record) or DoStep(record.id)
    target = _cancel_step(view)
    if target:
        return _when_due(view, target) or DoStep(target.id)
    return _cancelled(view)


def _refused(view: View, record: StepRecord) -> Finish:
    """What could be put back is; what is left is a person's."""
    outcome = f"step {record.id} {record.detail}{half_done(view.steps)}"
    return Finish(RunStatus.STOPPED, Verdict.INCONCLUSIVE, outcome, needs_person=True)


def _cancelled(view: View) -> Finish:
    run = view.run
    if view.refused:  # also of a step that somebody's cancelling jumped to
        return _refused(view, view.refused)
    why = f"cancelled by {run.cancel_requested_by}: {run.cancel_reason or 'no reason given'}"
    verdict = Verdict.INCONCLUSIVE if view.changed else None
    return Finish(RunStatus.CANCELLED, verdict, why + half_done(view.steps), needs_person=view.changed)
