"""From samples to a verdict (S5): an absent answer proves nothing, and one good moment is not a recovery."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.engine.verification import add_sample, all_true, begin, conclude
from chalicelib.models.check import Answer, CheckResult
from chalicelib.models.run import Verdict
from chalicelib.models.runbook import Verify
from chalicelib.models.words import utc

START = utc("2026-11-02T09:00:00+00:00")
EVERY_S = 600
VERIFY = Verify.model_validate({"within": "10m", "hold": "2m", "every": "30s", "that": ["one", "two"]})
T, F, U, N = Answer.TRUE, Answer.FALSE, Answer.UNKNOWN, Answer.NOT_APPLICABLE


def results(*answers: Answer) -> tuple[CheckResult, ...]:
    return tuple(CheckResult(check=f"c{n}", answer=answer, because="so") for n, answer in enumerate(answers))


def judge(*samples: tuple[int, tuple[Answer, ...]], verify: Verify = VERIFY):
    """Each sample is (seconds since the beginning, answers); the first verdict, or None."""
    state = begin(verify, START)
    for at_s, answers in samples:
        state = add_sample(state, results(*answers), START + timedelta(seconds=at_s), EVERY_S)
        if verdict := conclude(state, verify):
            return verdict
    return None


def test_all_true_through_the_hold_is_verified():
    verdict, why = judge((0, (T, T)), (30, (T, T)), (60, (T, T)), (90, (T, T)), (120, (T, T)))
    assert verdict is Verdict.VERIFIED
    assert "120 s" in why


def test_before_the_hold_is_over_nothing_is_said():
    assert judge((0, (T, T)), (30, (T, T)), (119, (T, T))) is None


@pytest.mark.parametrize("bad", [F, U], ids=["false", "unknown"])
def test_s5_any_false_or_unknown_starts_the_hold_again(bad):
    assert judge((0, (T, T)), (60, (T, bad)), (120, (T, T)), (180, (T, T))) is None
    verdict, _ = judge((0, (T, T)), (60, (T, bad)), (120, (T, T)), (240, (T, T)))
    assert verdict is Verdict.VERIFIED


def test_one_sample_is_never_enough_even_without_a_hold():
    no_hold = Verify.model_validate({"within": "10m", "hold": "0s", "that": ["one"]})
    assert judge((0, (T,)), verify=no_hold) is None
    assert judge((0, (T,)), (1, (T,)), verify=no_hold)[0] is Verdict.VERIFIED


def test_a_false_at_the_end_is_failed_even_beside_an_unknown():
    verdict, why = judge((0, (F, U)), (600, (F, U)))
    assert verdict is Verdict.FAILED
    assert "c0" in why


def test_s5_unknown_at_the_end_is_inconclusive():
    verdict, why = judge((0, (T, U)), (600, (T, U)))
    assert verdict is Verdict.INCONCLUSIVE
    assert "c1 unknown" in why


def test_what_does_not_apply_is_left_out_of_the_question():
    verdict, _ = judge((0, (T, N)), (120, (T, N)))
    assert verdict is Verdict.VERIFIED


def test_s5_when_nothing_applies_nothing_is_proven():
    verdict, why = judge((0, (N, N)), (600, (N, N)))
    assert verdict is Verdict.INCONCLUSIVE
    assert "applies" in why
    assert not all_true(results(N, N))
    assert not all_true(())


def test_a_hold_that_begins_in_time_may_end_after_the_deadline():
    verdict, _ = judge((570, (F, T)), (600, (T, T)), (660, (T, T)), (720, (T, T)))
    assert verdict is Verdict.VERIFIED


def test_a_hold_that_begins_after_the_deadline_is_too_late():
    verdict, why = judge((590, (F, T)), (601, (T, T)))
    assert verdict is Verdict.INCONCLUSIVE
    assert "too late" in why


def test_a_hold_that_breaks_after_the_deadline_has_failed():
    verdict, _ = judge((590, (T, T)), (650, (F, T)))
    assert verdict is Verdict.FAILED


def test_without_a_sample_there_is_no_verdict():
    assert conclude(begin(VERIFY, START), VERIFY) is None


ANSWERS = st.lists(st.sampled_from(list(Answer)), min_size=1, max_size=3).map(tuple)


@given(st.lists(st.tuples(st.integers(1, 90), ANSWERS), min_size=1, max_size=60), st.sampled_from(["0s", "1m", "3m"]))
def test_s5_never_verified_without_two_all_true_samples_in_a_row_that_span_the_hold(steps, hold):
    verify = Verify.model_validate({"within": "5m", "hold": hold, "that": ["c"]})
    state, at, taken = begin(verify, START), 0, []
    for gap, answers in steps:
        at += gap
        state = add_sample(state, results(*answers), START + timedelta(seconds=at), EVERY_S)
        taken.append((at, all_true(results(*answers))))
        found = conclude(state, verify)
        if found is None:
            continue
        if found[0] is Verdict.VERIFIED:
            good = [moment for moment, _ in _tail(taken)]
            assert len(good) >= 2
            assert good[-1] - good[0] >= verify.hold
            assert good[0] <= verify.within
        else:
            assert at >= verify.within
        return
    assert at < verify.within + verify.hold or taken[-1][1], "past deadline and hold there is always a verdict"


def _tail(taken: list[tuple[int, bool]]) -> list[tuple[int, bool]]:
    tail: list[tuple[int, bool]] = []
    for entry in reversed(taken):
        if not entry[1]:
            break
        tail.insert(0, entry)
    return tail


def test_a_gap_in_which_nobody_looked_does_not_count_as_held():
    """S5: a worker that was dead for minutes saw nothing of what happened meanwhile."""
    good = results(Answer.TRUE)
    first = add_sample(begin(VERIFY, START), good, START, 30)
    late = add_sample(first, good, START + timedelta(seconds=400), 30)
    assert (late.good_samples, late.holding_since) == (1, START + timedelta(seconds=400))
    soon = add_sample(first, good, START + timedelta(seconds=60), 30)
    assert (soon.good_samples, soon.holding_since) == (2, START)
