"""Run: one durable execution of a pinned version of a runbook against one stack, and its parts."""

from enum import StrEnum
from typing import Any

from pydantic import Field

from chalicelib.models.change import Change, ChangeProgress
from chalicelib.models.check import CheckResult
from chalicelib.models.runbook import Runbook
from chalicelib.models.shape import Shape
from chalicelib.models.words import Autonomy, StepId, Utc


class RunStatus(StrEnum):
    ADMITTED = "admitted"
    PLANNING = "planning"
    AWAITING_APPROVAL = "awaiting_approval"
    RUNNING = "running"
    SLEEPING = "sleeping"
    VERIFYING = "verifying"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    STOPPED = "stopped"  # a guard, a rejection or a failure before the first Change ended it
    FINISHED = "finished"

    @property
    def is_live(self) -> bool:
        return self not in {RunStatus.CANCELLED, RunStatus.STOPPED, RunStatus.FINISHED}


class Verdict(StrEnum):
    VERIFIED = "verified"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    RECOVERED_BEFORE_ACTION = "recovered_before_action"


class Mode(StrEnum):
    LIVE = "live"
    PLAN = "plan"  # asked for: plan, show, change nothing
    SUGGEST = "suggest"  # plan and tell people
    SHADOW = "shadow"  # plan and tell nobody


class StepStatus(StrEnum):
    WAITING = "waiting"
    CLAIMED = "claimed"
    PLANNED = "planned"
    APPLYING = "applying"
    DONE = "done"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        return self in {StepStatus.DONE, StepStatus.UNCHANGED, StepStatus.SKIPPED, StepStatus.FAILED}


class Lease(Shape):
    owner: str
    until: Utc


class StepRecord(Shape):
    run_id: str
    id: StepId
    do: str
    status: StepStatus = StepStatus.WAITING
    attempt: int = 0
    lease: Lease | None = None
    changes: tuple[Change, ...] = ()
    progress: tuple[ChangeProgress, ...] = ()
    output: dict[str, Any] | None = None
    detail: str | None = None
    """Why it was skipped, unchanged or failed; also what is cut from an output, loudly."""
    refused: bool = False
    """A guard or its precondition did not let it go on, after this run had changed something."""
    unsure_since: Utc | None = None
    """It waits since then for the answer of a guard that gave none, after this run had changed something."""
    known_later: str | None = None
    retry_at: Utc | None = None
    started_at: Utc | None = None
    ended_at: Utc | None = None
    version: int = 0

    @property
    def diagnosis(self) -> str | None:
        """What a diagnosing probe said, in words: `db.auth_failed (97% sure)`, `healthy`, `unknown`, and what is
        worth knowing besides: `healthy; also drift.reverted`."""
        said = self.output or {}
        if "vetoes" not in said or "outcome" not in said:
            return None
        cause = said.get("cause")
        first = f"{cause} ({float(said.get('confidence') or 0):.0%} sure)" if cause else str(said["outcome"])
        beside = [str(finding.get("cause")) for finding in said.get("findings", ()) if finding.get("notice")]
        return f"{first}; also {', '.join(beside)}" if beside else first

    def with_progress(self, number: int, progress: ChangeProgress) -> "StepRecord":
        """Of the Change of that number."""
        return self.model_copy(update={"progress": (*self.progress[:number], progress, *self.progress[number + 1 :])})

    @property
    def changed_anything(self) -> bool:
        return any(p.state.value in {"done", "started"} for p in self.progress)


class Sample(Shape):
    at: Utc
    results: tuple[CheckResult, ...]


class Verification(Shape):
    began_at: Utc
    deadline: Utc
    holding_since: Utc | None = None
    good_samples: int = 0
    samples: int = 0
    last: Sample | None = None


class Released(Shape):
    """What has been recorded after the end; sweep repeats until all three are true."""

    ledger: bool = False
    incident: bool = False
    summary: bool = False

    @property
    def all_done(self) -> bool:
        return self.ledger and self.incident and self.summary


class Run(Shape):
    id: str
    stack: str
    stack_version: str
    runbook: Runbook
    """Pinned, with its includes in place (S33)."""
    runbook_hash: str
    inputs: dict[str, Any] = Field(default_factory=dict)
    mode: Mode = Mode.LIVE
    autonomy: Autonomy = Autonomy.AUTO
    status: RunStatus = RunStatus.ADMITTED
    before_sleep: RunStatus | None = None
    verdict: Verdict | None = None
    outcome: str | None = None
    """One sentence: why it ended as it did."""
    incident_id: str | None = None
    event_id: str
    started_by: str
    """`alarm NAME`, `schedule NAME`, or the principal who asked."""
    reason: str | None = None
    undo_of: str | None = None
    alarms: tuple[str, ...] = ()
    """Names of the alarms that fire in the incident: what `alarm_ok` asks about."""
    joined: tuple[str, ...] = ()
    """What fired while planned work was going on, and was expected."""
    created_at: Utc
    changed_at: Utc
    ended_at: Utc | None = None
    first_action_at: Utc | None = None
    generation: int = 1
    moves: int = 0
    moves_before: int = 0
    """Made by earlier generations."""
    cursor: StepId | None = None
    """The step it is at, for people; what comes next is derived from the step records."""
    preflight: tuple[CheckResult, ...] = ()
    looks: int = 0
    """How often it found the signal confirmed and yet nothing to change."""
    plan_hash: str | None = None
    approved: dict[str, str] = Field(default_factory=dict)
    """What people said yes to: scope (`plan` or a step id) to the hash of it."""
    plan_sealed: bool = False
    approvals: int = 0
    verification: Verification | None = None
    wake_at: Utc | None = None
    woken: bool = False
    """Somebody rang: whoever sleeps next does not."""
    token: str | None = None
    """The doorbell of the sleeping execution. Carries no meaning."""
    cancel_requested_by: str | None = None
    cancel_reason: str | None = None
    needs_person: bool = False
    told: tuple[str, ...] = ()
    """Occasions people have been told of, like `start` and `approval-1`."""
    released: Released = Released()
    seq: int = 0
    version: int = 0


class Moment(Shape):
    """One line of a run's timeline; also the cursor that watchers read."""

    run_id: str
    seq: int
    at: Utc
    what: str
    """Machine word: `preflight`, `step_done`, `change_done`, `sample`, `verdict`, …"""
    text: str
    facts: dict[str, Any] = Field(default_factory=dict)
