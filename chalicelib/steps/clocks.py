"""Times from the future: one wrong client makes one row useless, a wrong server or Steward makes all of them.

What a client wrote (a run's start and end) is looked at row by row: such a run is never old enough, and is named.
What a server wrote (an object's date), and most rows together, say that old and young have changed places.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chalicelib.errors import StepRefused
from chalicelib.steps.mlflow_shapes import Run

AHEAD = timedelta(hours=1)
_MOST_NAMED = 15


def refuse_the_future(at: datetime | None, now: datetime, what: str) -> None:
    """Of a server's own date."""
    if at is not None and at > now + AHEAD:
        said = f"{what} is from {at:%Y-%m-%d %H:%M}, and it is {now:%Y-%m-%d %H:%M} UTC: one of the clocks is wrong"
        raise StepRefused(said)


def is_ahead(run: Run, now: datetime) -> bool:
    return any(at is not None and at > now + AHEAD for at in (run.started_at, run.ended_at))


@dataclass
class AheadRuns:
    """Among all runs that were read, those that began or ended in the future."""

    read: int = 0
    count: int = 0
    named: list[str] = field(default_factory=list)
    """The first of them."""

    def note(self, run: Run, now: datetime) -> None:
        self.read += 1
        if is_ahead(run, now):
            self.count += 1
            self.named += [run.id] if len(self.named) < _MOST_NAMED else []

    def refuse_most(self, now: datetime) -> None:
        """One row alone is never most of them: it is left out, whatever there is beside it."""
        if self.count > 1 and 2 * self.count > self.read:
            said = f"{self.count:,} of {self.read:,} runs are from after {now:%Y-%m-%d %H:%M} UTC"
            raise StepRefused(f"{said}: one of the clocks is wrong")

    def __str__(self) -> str:
        """Empty where there are none."""
        if not self.count:
            return ""
        more = ", …" if self.count > len(self.named) else ""
        said = f"{self.count:,} runs are from the future by their client's clock and are never old enough"
        return f"{said}: {', '.join(self.named)}{more}"
