"""Change: one mutation as data. Plan: the ordered Changes a run would make, with a hash."""

from enum import StrEnum
from typing import Any

from pydantic import Field

from chalicelib.models.shape import Shape, content_hash
from chalicelib.models.words import Risk, StepId, Utc


class Undo(Shape):
    """How to put back what a Change changed, and what must still be true to do so (S34)."""

    operation: str
    parameters: dict[str, Any]
    precondition: dict[str, Any] = Field(default_factory=dict)


class Change(Shape):
    step: StepId
    action: str
    """The registered action that applies it: `ecs.restart_tasks`."""
    operation: str
    """The API call behind it, as IAM writes it: `ecs:StopTask`."""
    parameters: dict[str, Any]
    """Exactly what will be sent; `{run}` in a string stands for the run's id."""
    resource: str
    precondition: dict[str, Any] = Field(default_factory=dict)
    """What `look` must find for the Change still to make sense, as field to expected value."""
    undo: Undo | None = None
    sentence: str
    """What it does, in words for the plan and the summary."""
    loses: str | None = None
    """What cannot be brought back once it is done (S1, S19)."""
    serves: bool = False
    """Whether a task that serves users is stopped by it (S9)."""
    touches: dict[str, int] = Field(default_factory=dict)
    """How much it touches, like `{"tasks": 1}`: the core adds these up against the blast radius."""
    out_of: dict[str, int] = Field(default_factory=dict)
    """Out of how many, like `{"tasks": 2}`; missing where `touches` is set means refused."""
    write_back: str | None = None
    """What to write back into infrastructure code, or the next apply undoes it (S13)."""


class ChangeState(StrEnum):
    STORED = "stored"
    STARTED = "started"  # applied at least once and answered Pending, or the worker died in it
    DONE = "done"
    UNCHANGED = "unchanged"  # was already so
    FAILED = "failed"


class HowFar(Shape):
    """How far long work is, for people: percent, rate and remaining time follow from it."""

    done: int
    total: int | None = None
    """None: nobody can know yet."""
    unit: str = "objects"
    rate_per_s: float | None = None

    @property
    def percent(self) -> int | None:
        return min(100, 100 * self.done // self.total) if self.total else None

    @property
    def left_s(self) -> int | None:
        return round(max(0, self.total - self.done) / self.rate_per_s) if self.total and self.rate_per_s else None

    @property
    def _rate(self) -> str:
        """A snapshot comes a hundredth of a percent further in a second: that is not 0."""
        rate = self.rate_per_s or 0.0
        return f"{rate:,.0f}" if rate >= 1 else f"{rate:.2g}"

    def __str__(self) -> str:
        of = f" of {self.total:,}" if self.total else ""
        percent = f" ({self.percent}%)" if self.percent is not None else ""
        rate = f", {self._rate}/s" if self.rate_per_s else ""
        left = f", about {self.left_s} s left" if self.left_s is not None else ""
        return f"{self.done:,}{of} {self.unit}{percent}{rate}{left}"


class ChangeProgress(Shape):
    state: ChangeState = ChangeState.STORED
    detail: str | None = None
    checkpoint: dict[str, Any] = Field(default_factory=dict)
    """Where the next call of `apply` goes on; small, the action's own words."""
    how_far: HowFar | None = None
    facts: dict[str, Any] = Field(default_factory=dict)
    """What `Done` found out, for the step's output."""
    started_at: Utc | None = None
    done_at: Utc | None = None
    before: dict[str, Any] = Field(default_factory=dict)


class PlannedStep(Shape):
    step: StepId
    do: str
    risk: Risk
    changes: tuple[Change, ...] = ()
    known_later: str | None = None
    """Why the Changes of this step cannot be known yet, as `<from steps.X>`."""


class Plan(Shape):
    runbook: str
    runbook_hash: str
    stack: str
    stack_version: str
    inputs: dict[str, Any]
    steps: tuple[PlannedStep, ...]

    @property
    def hash(self) -> str:
        """What an approval is bound to: no run id, no times, so that planning again gives the same."""
        return content_hash(self.model_dump(mode="json"))

    @property
    def changes(self) -> tuple[Change, ...]:
        return tuple(change for step in self.steps for change in step.changes)
