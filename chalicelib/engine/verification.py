"""Verification: from samples of checks to a verdict. Pure.

`verified` needs every applicable check true from some sample at or before `within`, through `hold`,
with at least two samples; anything false or unknown starts the hold again (S5).
"""

from datetime import datetime, timedelta

from chalicelib.models.check import Answer, CheckResult
from chalicelib.models.run import Sample, Verdict, Verification
from chalicelib.models.runbook import Verify

LEAST_SAMPLES = 2
"""One good look can be luck."""

MOST_MISSED = 3
"""Samples in a row that may be late before the hold starts again."""


def begin(verify: Verify, now: datetime) -> Verification:
    return Verification(began_at=now, deadline=now + timedelta(seconds=verify.within))


def add_sample(state: Verification, results: tuple[CheckResult, ...], now: datetime, every_s: int) -> Verification:
    """A gap (a worker that died) was not watched, so what came before it does not count as held."""
    good = all_true(results)
    watched = state.last is None or now - state.last.at <= timedelta(seconds=every_s * MOST_MISSED)
    held, so_far = (state.holding_since, state.good_samples) if watched else (None, 0)
    return state.model_copy(
        update={
            "samples": state.samples + 1,
            "good_samples": so_far + 1 if good else 0,
            "holding_since": (held or now) if good else None,
            "last": Sample(at=now, results=results),
        }
    )


def applicable(results: tuple[CheckResult, ...]) -> tuple[CheckResult, ...]:
    return tuple(result for result in results if result.answer is not Answer.NOT_APPLICABLE)


def all_true(results: tuple[CheckResult, ...]) -> bool:
    asked = applicable(results)
    return bool(asked) and all(result.answer is Answer.TRUE for result in asked)


def conclude(state: Verification, verify: Verify) -> tuple[Verdict, str] | None:
    """The verdict with its reason, or None while it is still open."""
    if state.last is None:
        return None
    at = state.last.at
    if state.holding_since:
        if at - state.holding_since >= timedelta(seconds=verify.hold) and state.good_samples >= LEAST_SAMPLES:
            return Verdict.VERIFIED, f"all checks true for {int((at - state.holding_since).total_seconds())} s"
        if state.holding_since <= state.deadline:
            return None
    elif at < state.deadline:
        return None
    return _why_not(state.last.results, verify)


def _why_not(results: tuple[CheckResult, ...], verify: Verify) -> tuple[Verdict, str]:
    asked = applicable(results)
    wrong = [result for result in asked if result.answer is Answer.FALSE]
    if wrong:
        return Verdict.FAILED, "; ".join(f"{result.check}: {result.because}" for result in wrong)
    unsure = [result for result in asked if result.answer is Answer.UNKNOWN]
    if unsure:
        return Verdict.INCONCLUSIVE, "; ".join(f"{result.check} unknown: {result.because}" for result in unsure)
    if not asked:
        return Verdict.INCONCLUSIVE, f"none of {', '.join(verify.that)} applies to this stack"
    return Verdict.INCONCLUSIVE, "the checks became true too late to hold"
