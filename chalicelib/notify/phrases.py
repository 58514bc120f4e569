"""The words summaries are made of: durations, verdicts in a sentence, what was done in a few words.

Pure; knows nothing of channels.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from chalicelib.models.change import Change, ChangeProgress, ChangeState
from chalicelib.models.run import Run, StepRecord, Verdict

_PAST = {
    "restart": "restarted",
    "force": "forced",
    "scale": "scaled",
    "roll": "rolled",
    "stop": "stopped",
    "start": "started",
    "run": "ran",
    "delete": "deleted",
    "copy": "copied",
    "put": "put",
}

_MINUTE_S, _HOUR_MIN = 60, 60
_KINDS_TOLD = 2

VERDICT_MEANING = {
    Verdict.VERIFIED: "verified: every check held true for the whole hold time.",
    Verdict.FAILED: "failed: Steward acted, and the checks still say that it is broken.",
    Verdict.INCONCLUSIVE: "inconclusive: Steward acted, and what it could read proves neither way.",
    Verdict.RECOVERED_BEFORE_ACTION: "recovered before action: it was well again before anything was changed.",
}


def duration(seconds: float) -> str:
    """As a person would say it: `40 s`, `6 min`, `2 h 5 min`."""
    whole = max(0, round(seconds))
    if whole < _MINUTE_S:
        return f"{whole} s"
    minutes = round(whole / _MINUTE_S)
    if minutes < _HOUR_MIN:
        return f"{minutes} min"
    hours, rest = divmod(minutes, _HOUR_MIN)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")


def amount(number: int, noun: str) -> str:
    """`1 task`, `2 tasks`; takes the plural, as names of actions do."""
    return f"{number} {noun.removesuffix('s') if number == 1 else noun}"


def with_run(text: str, run_id: str) -> str:
    """`{run}` in a Change stands for the run's id, so that a plan's hash does not depend on it."""
    return text.replace("{run}", run_id)


def changes_with_progress(steps: Iterable[StepRecord]) -> list[tuple[Change, ChangeProgress]]:
    """Each stored Change beside how far it is; one not begun yet has progress `stored`."""
    pairs: list[tuple[Change, ChangeProgress]] = []
    for step in steps:
        missing = len(step.changes) - len(step.progress)
        pairs += zip(step.changes, (*step.progress, *(ChangeProgress(),) * missing), strict=False)
    return pairs


def changes_in(steps: Iterable[StepRecord], *states: ChangeState) -> list[tuple[Change, ChangeProgress]]:
    return [(change, progress) for change, progress in changes_with_progress(steps) if progress.state in states]


def done_in_words(changes: Sequence[Change]) -> str:
    """`restarted 1 task`; more than two kinds of action are only counted."""
    by_action: dict[str, list[Change]] = {}
    for change in changes:
        by_action.setdefault(change.action, []).append(change)
    if not by_action:
        return "nothing changed"
    if len(by_action) > _KINDS_TOLD:
        return f"{len(changes)} changes made"
    return " and ".join(_action_in_words(action, group) for action, group in by_action.items())


def _action_in_words(action: str, changes: Sequence[Change]) -> str:
    verb, _, noun = action.partition(".")[2].partition("_")
    past = _PAST.get(verb)
    if noun.startswith("back_"):  # roll_back_deployment
        past, noun = f"{past} back", noun.removeprefix("back_")
    if not past or not noun:
        return f"ran {action}"
    touched = sum(change.touches.get(noun, 0) for change in changes)
    noun = noun.replace("_", " ")
    return f"{past} {amount(touched, noun)}" if touched else f"{past} the {noun}"


def took(run: Run, began: datetime, now: datetime) -> str:
    return duration(((run.ended_at or now) - began).total_seconds())
