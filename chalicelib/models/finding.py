"""Finding: a named cause with confidence, the evidence it rests on, and the remedy it suggests."""

from enum import StrEnum

from pydantic import Field

from chalicelib.models.shape import Shape
from chalicelib.models.words import Utc


class Outcome(StrEnum):
    DIAGNOSED = "diagnosed"
    HEALTHY = "healthy"
    UNKNOWN = "unknown"


class Trust(StrEnum):
    """The most trusted source among a finding's evidence, best first (S4)."""

    AWS = "aws"
    PROBE = "probe"
    HTTP = "http"
    LOG = "log"


class Evidence(Shape):
    source: str
    text: str
    at: Utc | None = None
    line: int | None = None


class Finding(Shape):
    cause: str
    confidence: float = Field(ge=0, le=1)
    evidence: tuple[Evidence, ...] = ()
    remedy: str | None = None
    trust: Trust | None = None
    notice: bool = False
    """Worth knowing, and the cause of nothing: drift, a quota near its limit. Comes after every cause, and a
    stack that has nothing else is healthy."""

    @property
    def may_act_alone(self) -> bool:
        """What only log text says may suggest or ask, never start an automatic action (S4)."""
        return not self.notice and self.trust not in {None, Trust.LOG}


class Veto(Shape):
    """A step that the diagnosed cause forbids, and why."""

    step: str
    cause: str
    why: str


class Diagnosis(Shape):
    outcome: Outcome
    findings: tuple[Finding, ...] = ()
    vetoes: tuple[Veto, ...] = ()
