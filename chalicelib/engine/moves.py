"""Move: what the conductor says comes next. Plain data; the executor carries it out."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.models.run import RunStatus, Verdict


@dataclass(frozen=True)
class Preflight:
    """Confirm the signal, stand aside for others: before anything is planned."""


@dataclass(frozen=True)
class PlanStep:
    """Read with a probe, or let an action plan its Changes; nothing is changed."""

    step: str


@dataclass(frozen=True)
class SealPlan:
    """All that can be known up front is known: hash it and decide how to go on."""


@dataclass(frozen=True)
class DoStep:
    """Carry a step one piece further: one probe, one plan, or one Change."""

    step: str


@dataclass(frozen=True)
class Ask:
    """Put the plan, or one step's Changes, to people."""

    scope: str
    question: str


@dataclass(frozen=True)
class TakeAnswer:
    """An approval was answered, or ran out."""


@dataclass(frozen=True)
class BeginVerify:
    """The last step is over and something was changed."""


@dataclass(frozen=True)
class TakeSample:
    """Ask all checks once."""


@dataclass(frozen=True)
class SleepUntil:
    at: datetime
    why: str


@dataclass(frozen=True)
class BeginCancel:
    """Somebody asked to end it; the Change in flight is finished first."""


@dataclass(frozen=True)
class Finish:
    status: RunStatus
    verdict: Verdict | None
    outcome: str
    needs_person: bool = False


@dataclass(frozen=True)
class Release:
    """After the end: `ledger`, then `incident`, then `summary`; each done once, repeated until recorded."""

    part: str


@dataclass(frozen=True)
class Nothing:
    """The run is over and everything is recorded."""


Move = (
    Preflight
    | PlanStep
    | SealPlan
    | DoStep
    | Ask
    | TakeAnswer
    | BeginVerify
    | TakeSample
    | SleepUntil
    | BeginCancel
    | Finish
    | Release
    | Nothing
)
