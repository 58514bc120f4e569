"""What a piece of work on a run starts from, and how it says that the run must not go on."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.engine.planning import index_of
from chalicelib.models.run import Run, StepRecord
from chalicelib.models.runbook import Step
from chalicelib.models.stack import Stack


@dataclass(frozen=True)
class Situation:
    """The run as this piece of work finds it."""

    run: Run
    steps: tuple[StepRecord, ...]
    stack: Stack
    now: datetime
    alarms: tuple[str, ...]
    worker: str

    @property
    def changed(self) -> bool:
        return any(record.changed_anything for record in self.steps)

    def step(self, step_id: str) -> Step:
        return self.run.runbook.steps[index_of(self.run.runbook, step_id)]


@dataclass(frozen=True)
class Halt:
    """The work was not done because something says the run must not go on."""

    refusal: str | None = None
    recovered: bool = False
    cancelled: bool = False
    stopped: bool = False
    """By a person's stop flag: it halts where it is, and nothing is put back (S8)."""
