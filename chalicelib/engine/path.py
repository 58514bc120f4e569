"""Which steps a run goes through, given what became of them. Pure.

A step that some `onFailure` or `onCancel` names is a fallback: it is done only when jumped to.
"""

from dataclasses import dataclass

from chalicelib.models.change import ChangeState
from chalicelib.models.run import StepRecord, StepStatus
from chalicelib.models.runbook import Runbook


@dataclass(frozen=True)
class Path:
    records: tuple[StepRecord, ...]
    dead_end: StepRecord | None = None
    """The failed step at which the run ends (`abort`, `escalate`)."""


def fallbacks(runbook: Runbook) -> frozenset[str]:
    routes = [route for step in runbook.steps for route in (step.on_failure, step.on_cancel)]
    return frozenset(route.removeprefix("step:") for route in routes if route.startswith("step:"))


def is_past_return(runbook: Runbook, records: tuple[StepRecord, ...]) -> bool:
    """Whether a step that says `onCancel: continue` has begun what cannot be brought back: by then only the end of
    the runbook leaves a service that works, and a cancel no longer ends the run."""
    forward = {step.id for step in runbook.steps if step.on_cancel == "continue"}
    return any(
        bool(change.loses) and one.state in {ChangeState.STARTED, ChangeState.DONE}
        for record in records
        if record.id in forward
        for change, one in zip(record.changes, record.progress, strict=False)
    )


def follow_path(runbook: Runbook, records: tuple[StepRecord, ...]) -> Path:
    by_id = {record.id: record for record in records}
    order = {step.id: number for number, step in enumerate(runbook.steps)}
    aside = fallbacks(runbook)
    taken: list[StepRecord] = []
    number, jumped = 0, False
    while number < len(runbook.steps):
        step = runbook.steps[number]
        if step.id in aside and not jumped:
            number += 1
            continue
        record, jumped = by_id[step.id], False
        taken.append(record)
        number += 1
        # What was refused is not gone past, as if it had only failed: the run goes back or ends.
        if record.status is not StepStatus.FAILED or (step.on_failure == "continue" and not record.refused):
            continue
        target = order.get(step.on_failure.removeprefix("step:"), -1)
        if target < number:  # abort, escalate, or a jump that does not lead forward
            return Path(tuple(taken), record)
        number, jumped = target, True
    return Path(tuple(taken))
