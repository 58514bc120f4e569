"""How far the long work of a run is: percent, rate and time left, as the record has it and people read it."""

from collections.abc import Iterable
from typing import Any

from chalicelib.models.change import ChangeState
from chalicelib.models.run import StepRecord


def progress_of(records: Iterable[StepRecord]) -> dict[str, Any] | None:
    """Of the Change that is under way; None where nothing long is."""
    for record in records:
        for progress in record.progress:
            far = progress.how_far
            if progress.state is ChangeState.STARTED and far is not None:
                counts = far.model_dump(mode="json")
                return {"step": record.id, **counts, "percent": far.percent, "left_s": far.left_s, "text": str(far)}
    return None
