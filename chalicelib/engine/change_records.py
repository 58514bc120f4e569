"""A step's Changes and how far they are: which comes next, what came of all of them. Pure."""

from typing import Any

from chalicelib.models.change import ChangeState
from chalicelib.models.run import StepRecord

_OVER = frozenset({ChangeState.DONE, ChangeState.UNCHANGED, ChangeState.FAILED})


def next_number(record: StepRecord) -> int | None:
    """Of the Change that is to be made, or followed up; None: all are over."""
    return next((number for number, one in enumerate(record.progress) if one.state not in _OVER), None)


def count_made(record: StepRecord) -> int:
    return sum(one.state is ChangeState.DONE for one in record.progress)


def not_made(record: StepRecord) -> str:
    """What was given up, in words; only a step that puts back goes on after that."""
    pairs = zip(record.changes, record.progress, strict=True)
    return "; ".join(f"{change.sentence} ({one.detail})" for change, one in pairs if one.state is ChangeState.FAILED)


def facts_of(record: StepRecord) -> dict[str, Any]:
    """For its Output: of several Changes the later ones win."""
    facts: dict[str, Any] = {name: value for one in record.progress for name, value in one.facts.items()}
    made = count_made(record)
    details = tuple(one.detail or "" for one in record.progress)
    return {**facts, "changed": made, "unchanged": len(record.progress) - made, "details": details}


def half_done(records: tuple[StepRecord, ...]) -> str:
    """What was begun and what was left, in words: nobody should have to guess (S8)."""
    done = sum(count_made(record) for record in records)
    started = [
        change.sentence
        for record in records
        for change, one in zip(record.changes, record.progress, strict=False)
        if one.state is ChangeState.STARTED
    ]
    left = sum(one.state is ChangeState.STORED for record in records for one in record.progress)
    if not done and not started:
        return ""
    parts = [f"{done} change(s) done"]
    if started:
        parts.append(f"half done: {'; '.join(started)}")
    if left:
        parts.append(f"{left} not begun")
    return f" ({', '.join(parts)})"
