"""What the conductor is shown: a run, its steps as far as they are, and what is around it."""

from datetime import timedelta
from typing import Any

from chalicelib.engine.conductor import View
from chalicelib.models.approval import Approval, ApprovalState
from chalicelib.models.change import Change, ChangeProgress, ChangeState
from chalicelib.models.check import Answer, CheckResult
from chalicelib.models.run import (
    Run,
    RunStatus,
    Sample,
    StepRecord,
    StepStatus,
    Verification,
)
from chalicelib.models.runbook import Runbook
from chalicelib.models.words import utc

NOW = utc("2026-11-02T09:00:00+00:00")
W, C, P, A = StepStatus.WAITING, StepStatus.CLAIMED, StepStatus.PLANNED, StepStatus.APPLYING
D, U, S, X = StepStatus.DONE, StepStatus.UNCHANGED, StepStatus.SKIPPED, StepStatus.FAILED
STORED, STARTED, DONE = ChangeState.STORED, ChangeState.STARTED, ChangeState.DONE


def runbook(*steps: dict[str, Any], verify: bool = True) -> Runbook:
    proof = {"within": "10m", "hold": "1m", "every": "30s", "that": ["ok"]}
    return Runbook.model_validate(
        {
            "runbook": "mend",
            "title": "Mend it",
            "on": [{"manual": {}}],
            "verify": proof if verify else None,
            "steps": list(steps) or [{"id": "look", "do": "fake.look"}, {"id": "mend", "do": "fake.mend"}],
        }  # fmt: skip
    )


def change(step: str = "mend", *, loses: str | None = None) -> Change:
    return Change(
        step=step, action="fake.mend", operation="fake:Mend", parameters={}, resource="a", sentence=f"mend a by {step}",
        loses=loses,
    )  # fmt: skip


def record(step: str, status: StepStatus = W, *progress: ChangeState, **more: Any) -> StepRecord:
    do = more.pop("do", f"fake.{step}")
    loses = more.pop("loses", None)
    return StepRecord(
        run_id="r", id=step, do=do, status=status, changes=tuple(change(step, loses=loses) for _ in progress),
        progress=tuple(ChangeProgress(state=state) for state in progress), **more,
    )  # fmt: skip


def view(status: RunStatus, *records: StepRecord, of: Runbook | None = None, **more: Any) -> View:
    names = {"now", "approval", "halted", "recovered", "rivals", "high_risk"}
    around = {name: more.pop(name) for name in list(more) if name in names}
    run = Run(
        id="r", stack="prod", stack_version="v", runbook=of or runbook(), runbook_hash="h", event_id="e",
        started_by="alarm down", created_at=NOW, changed_at=NOW, status=status, incident_id="i", **more,
    )  # fmt: skip
    return View(run=run, steps=records, **{"now": NOW, **around})


def approval(state: ApprovalState = ApprovalState.PENDING, *, expires_s: int = 3600) -> Approval:
    return Approval(
        run_id="r", number=1, plan_hash="h", state=state, asked_at=NOW, question="may I?",
        expires_at=NOW + timedelta(seconds=expires_s),
    )  # fmt: skip


def verification(answer: Answer | None, *, seconds: int = 0, holding: int | None = None, good: int = 0) -> Verification:
    last = None
    if answer:
        result = CheckResult(check="ok", answer=answer, because="so")
        last = Sample(at=NOW + timedelta(seconds=seconds), results=(result,))
    since = NOW + timedelta(seconds=holding) if holding is not None else None
    return Verification(
        began_at=NOW, deadline=NOW + timedelta(minutes=10), last=last, holding_since=since, good_samples=good, samples=1
    )
