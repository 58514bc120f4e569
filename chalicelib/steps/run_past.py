"""What Steward knows of deleted runs and MLflow's API does not tell: when it hid them itself, and which of them
gc has asked MLflow for already. With it gc comes to every run in the end, whatever MLflow keeps (S14 stays with
MLflow's own veto: this only says whom to ask for first).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from chalicelib.models.history import MarkKind, RunsMark
from chalicelib.steps.mlflow_shapes import Run
from chalicelib.steps.step import StepContext

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Past:
    hidden: Mapping[str, datetime] = field(default_factory=dict)
    """By run, when Steward last deleted it as MLflow does."""
    tried: Mapping[str, datetime] = field(default_factory=dict)
    """By run, when gc last asked for it; if it is still there, MLflow kept it."""

    @classmethod
    def of(cls, ctx: StepContext) -> "Past":
        return cls(*(_by_run(ctx, kind) for kind in (MarkKind.HIDDEN, MarkKind.TRIED)))

    def turn(self, run: Run) -> tuple[datetime, datetime, str]:
        """Whose turn it is: those that were never asked for, the oldest first, then those asked for longest ago."""
        return self.tried.get(run.id, _NEVER), run.last_seen_at or _NEVER, run.id

    def is_fresh(self, run: Run, cutoff: datetime) -> bool:
        return self.hidden.get(run.id, _NEVER) > cutoff


def mark_runs(ctx: StepContext, kind: MarkKind, run_ids: list[str], at: datetime) -> None:
    ctx.history.mark_runs(
        RunsMark(stack=ctx.stack.stack, kind=kind, run_id=ctx.run_id, at=at, runs=tuple(sorted(run_ids)))
    )


def _by_run(ctx: StepContext, kind: MarkKind) -> dict[str, datetime]:
    """The latest of each: marks come in the order of their times."""
    return {run: mark.at for mark in ctx.history.run_marks(ctx.stack.stack, kind) for run in mark.runs}
