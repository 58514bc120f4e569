"""Writes a run together with its timeline: every sentence that people read later is made of these."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from chalicelib.engine.transitions import RUN, follow
from chalicelib.models.run import Moment, Run, RunStatus, StepRecord, StepStatus
from chalicelib.store.runs import Runs

Note = tuple[str, str, dict[str, Any]]
"""What happened, in one word; the sentence; facts."""


def to_status(run: Run, status: RunStatus) -> dict[str, Any]:
    """The fields that change with the status; raises on an illegal pair."""
    before = run.before_sleep if run.status is RunStatus.SLEEPING and run.before_sleep else run.status
    if status is not RunStatus.SLEEPING:
        follow(RUN, before, status)
    return {"status": status, "before_sleep": None}


class Journal:
    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    def save(self, run: Run, now: datetime, moments: Iterable[Note] = (), **update: Any) -> Run:
        """Moments first: a crash in between leaves a line too many, never one too few."""
        seq = run.seq
        for what, text, facts in moments:
            line = Moment(run_id=run.id, seq=seq + 1, at=now, what=what, text=text, facts=facts)
            seq = self._runs.add_moment(line).seq
        # It is awake: whoever dies now is missed soon, and not when a sleep that a ring cut short would have ended.
        awake = {"wake_at": now, "seq": seq, "moves": run.moves + 1, "changed_at": now}
        changed = run.model_copy(update={**awake, **update})
        return self._runs.save(changed)


def step_notes(before: StepRecord, after: StepRecord) -> list[Note]:
    """What became of a step, as lines of the timeline."""
    notes: list[Note] = []
    for change, old, new in zip(after.changes, before.progress, after.progress, strict=False):
        if old.state is not new.state:
            notes.append((f"change_{new.state.value}", f"{change.sentence}: {new.detail or new.state.value}", {}))
    if after.status is not before.status or after.detail != before.detail:
        text = f"{after.id} ({after.do}): {after.status.value}{_because(after)}"
        notes.append((f"step_{after.status.value}", text, {"attempt": after.attempt}))
    return notes


def _because(record: StepRecord) -> str:
    if record.status is StepStatus.PLANNED:
        return f", {len(record.changes)} change(s)"
    why = record.detail or record.known_later or record.diagnosis
    return f", {why}" if why else ""
