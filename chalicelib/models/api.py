"""What the API takes and gives. Unknown keys are refused; every text from outside is bounded."""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema

from chalicelib.models.decision import GuardResult, Outcome
from chalicelib.models.incident import IncidentState
from chalicelib.models.run import Mode, RunStatus, Verdict
from chalicelib.models.shape import Shape
from chalicelib.models.words import Duration, Name, Utc

_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def _written_out(given: object) -> object:
    if isinstance(given, str) and not _TIME.fullmatch(given):
        raise ValueError("write a time like 2026-11-03T09:00:00Z")
    return given


Reason = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$")]
IdempotencyKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{7,63}$")]
PlanHash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{12,64}$")]
RunId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
Cursor = Annotated[str, StringConstraints(max_length=2000), WithJsonSchema({"type": "string", "format": "cursor"})]
Time = Annotated[Utc, BeforeValidator(_written_out)]
"""As RFC 3339 writes it; a bare number could mean anything."""
Inputs = dict[Annotated[str, StringConstraints(max_length=64)], str | int | float | bool | None]

# -- what is asked ---------------------------------------------------------------------------------


class StartRun(Shape):
    stack: Name
    inputs: Inputs = Field(default_factory=dict, max_length=50)
    reason: Reason


class Answer(Shape):
    plan_hash: PlanHash
    """Of the plan that was looked at: at least its first 12 digits. Another plan is not answered."""
    reason: Reason


class Because(Shape):
    reason: Reason


class HandOn(Shape):
    to: Annotated[str, StringConstraints(max_length=300, pattern=r"^arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:.+$")]
    """A person or a team: the ARN of a user, a role or an assumed role that is an approver."""
    reason: Reason


class UndoRun(Shape):
    reason: Reason
    plan: bool = False
    """Only show what it would put back."""


class StopWhat(Shape):
    stack: Name | None = None
    """None: everything."""
    reason: Reason


class ResumeWhat(Shape):
    stack: Name | None = None
    incident: RunId | None = None
    """Lets Steward act again on an incident that waits for people; nothing else is resumed then."""
    reason: Reason


class FreezeWhat(Shape):
    stack: Name | None = None
    lasts: Duration = 7200
    """Counted from now."""
    until: Time | None = None
    """Where it is given, it counts, and not `lasts`."""
    reason: Reason


class ListQuery(Shape):
    stack: Name | None = None
    since: Time | None = None
    until: Time | None = None
    limit: int = Field(default=50, ge=1, le=200)
    cursor: Cursor | None = None


class RunsQuery(ListQuery):
    status: RunStatus | None = None


class IncidentsQuery(ListQuery):
    state: IncidentState | None = None


class DecisionsQuery(ListQuery):
    outcome: Outcome | None = None
    alarm: Annotated[str, StringConstraints(max_length=255)] | None = None
    """The name of the alarm, or of whatever the event was about."""


class AuditQuery(Shape):
    since: Time | None = None
    limit: int = Field(default=50, ge=1, le=200)
    cursor: Cursor | None = None


class SinceQuery(Shape):
    after: int = Field(default=0, ge=0, le=10**9)
    """The `seq` of the last answer: only what came later is told."""


class NoQuery(Shape):
    pass


# -- what is answered ------------------------------------------------------------------------------


class Health(Shape):
    status: Literal["ok"] = "ok"
    version: str


class RunBrief(Shape):
    id: str
    stack: str
    runbook: str
    status: RunStatus
    verdict: Verdict | None
    outcome: str | None
    mode: Mode
    started_by: str
    created_at: Utc
    ended_at: Utc | None


class RunWhole(RunBrief):
    incident: str | None
    inputs: dict[str, Any]
    plan_hash: str | None
    approval: dict[str, Any] | None
    preflight: tuple[dict[str, Any], ...]
    steps: tuple[dict[str, Any], ...]
    verification: dict[str, Any] | None
    timeline: tuple[dict[str, Any], ...]
    progress: dict[str, Any] | None = None
    """Of long work under way: done, total, percent, rate and seconds left."""


class PlanShown(Shape):
    run: str
    runbook: str
    stack: str
    hash: str | None
    status: RunStatus
    outcome: str | None
    changes: tuple[dict[str, Any], ...]
    known_later: tuple[dict[str, Any], ...]
    skipped: tuple[dict[str, Any], ...]
    preflight: tuple[dict[str, Any], ...]


class News(Shape):
    """What came after a cursor; ask again with `seq`."""

    run: RunBrief
    moments: tuple[dict[str, Any], ...]
    seq: int
    over: bool
    progress: dict[str, Any] | None = None


class Started(Shape):
    """What was decided about the request; `run` and `address` where it became a run."""

    outcome: Outcome
    event: str
    run: str | None
    address: str | None
    reasons: tuple[str, ...]
    guards: tuple[GuardResult, ...] = ()


class Runs(Shape):
    runs: tuple[RunBrief, ...]
    cursor: str | None = None
    """There may be more: ask again with it. None: that was all."""


class IncidentShown(Shape):
    id: str
    stack: str
    state: IncidentState
    title: str
    reason: str | None
    opened_at: Utc
    changed_at: Utc
    run: str | None
    runs: tuple[str, ...]
    reconsider_at: Utc | None


class Incidents(Shape):
    incidents: tuple[IncidentShown, ...]
    cursor: str | None = None


class DecisionShown(Shape):
    event: str
    at: Utc
    outcome: Outcome | None
    principal: str | None
    predecessor: str | None
    parts: tuple[dict[str, Any], ...]


class Decisions(Shape):
    decisions: tuple[DecisionShown, ...]
    cursor: str | None = None


class RunbookShown(Shape):
    runbook: str
    title: str
    description: str | None
    autonomy: str
    on: tuple[dict[str, Any], ...]
    steps: tuple[str, ...]
    by_hand: bool
    inputs: dict[str, Any]
    """JSON Schema of what `inputs` may hold."""


class Runbooks(Shape):
    runbooks: tuple[RunbookShown, ...]


class StackShown(Shape):
    stack: str
    region: str
    account: str | None
    autonomy: str
    version: str
    stopped: str | None
    owners: tuple[str, ...]


class Stacks(Shape):
    stacks: tuple[StackShown, ...]


class Backups(Shape):
    stack: str
    suspicion: dict[str, Any] | None
    """While it stands nothing is pruned, expired or collected."""
    backups: tuple[dict[str, Any], ...]


class Audited(Shape):
    entries: tuple[dict[str, Any], ...]
    cursor: str | None = None


class Said(Shape):
    """What was done, in a sentence."""

    done: str
    runs: tuple[str, ...] = ()
