"""Guards over the live stack: how much a plan touches, whether somebody else is at work, what is lost.

They judge what probes and actions found; what was not found, or cannot be told, refuses.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from chalicelib.guards.results import all_pass, lacks_answer, passes, refuses
from chalicelib.models.change import Change
from chalicelib.models.check import Answer, CheckResult
from chalicelib.models.decision import GuardResult
from chalicelib.models.runbook import BlastRadius

LOOK_AGAIN_S = 300
UNDECLARED_LIMIT = 1
"""What a runbook may touch of a kind for which it declares no blastRadius."""


def blast_radius(radius: BlastRadius | None, changes: Sequence[Change]) -> GuardResult:
    """All Changes of a plan together: five steps that take one task each take five."""
    kinds = sorted({kind for change in changes for kind in change.touches})
    results = [_within(kind, radius if kind == "tasks" else None, changes) for kind in kinds]
    if not results:
        return passes("blast_radius", "nothing that counts is touched")
    because = "; ".join(result.because for result in results if all_pass(results) or not result.passed)
    return (passes if all_pass(results) else refuses)("blast_radius", because)


def _within(kind: str, radius: BlastRadius | None, changes: Sequence[Change]) -> GuardResult:
    touching = [change for change in changes if change.touches.get(kind)]
    if any(change.touches[kind] < 0 for change in touching):
        return refuses("blast_radius", f"lacks a count of {kind} that makes sense")
    touched = sum(change.touches[kind] for change in touching)
    if not touched:
        return passes("blast_radius", f"touches no {kind}")
    unsaid = [change.step for change in touching if kind not in change.out_of]
    if unsaid:
        return refuses("blast_radius", f"lacks out of how many {kind} step {unsaid[0]} takes its own")
    total = min(change.out_of[kind] for change in touching)  # where they differ, some have gone meanwhile
    allowed = radius.of(total) if radius else UNDECLARED_LIMIT
    limit = (
        f"blastRadius allows {allowed}" if radius else f"no blastRadius is declared for {kind}, which allows {allowed}"
    )
    said = f"touches {touched} of {total} {kind}; {limit}"
    return passes("blast_radius", said) if touched <= allowed else refuses("blast_radius", said)


def stand_aside(
    results: Iterable[CheckResult], *, asked: Iterable[str] = (), now: datetime | None = None
) -> tuple[GuardResult, ...]:
    """One answer a check (S6). `asked` are the names that must be among the results; with `now`, what
    stands in the way may be looked at again a while later."""
    found = {result.check: result for result in results}
    missing = tuple(
        refuses(f"stand_aside.{name}", "lacks an answer: the check was not made") for name in asked if name not in found
    )
    return (*(_aside(result, now) for result in found.values()), *missing)


def _aside(result: CheckResult, now: datetime | None) -> GuardResult:
    guard = f"stand_aside.{result.check}"
    match result.answer:
        case Answer.FALSE | Answer.NOT_APPLICABLE:
            return passes(guard, result.because)
        case Answer.TRUE:
            return refuses(guard, result.because, now + timedelta(seconds=LOOK_AGAIN_S) if now else None)
        case Answer.UNKNOWN:
            return lacks_answer(guard, result.because)


def losses(changes: Sequence[Change], *, approved: bool) -> GuardResult:
    """What cannot be brought back needs a person's yes to exactly this plan (S1, S19)."""
    lost = tuple(dict.fromkeys(change.loses for change in changes if change.loses))
    if not lost:
        return passes("losses", "nothing is lost for good")
    if approved:
        return passes("losses", f"approved, though this is lost: {'; '.join(lost)}")
    return refuses("losses", f"needs approval, because this is lost: {'; '.join(lost)}")
