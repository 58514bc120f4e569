"""The conductor and what cuts in (a stop, a cancellation, a recovery, worse news): rows of ENGINE.md's table."""

from datetime import timedelta

import pytest

from chalicelib.engine import moves as m
from chalicelib.engine.conductor import next_move
from chalicelib.models.run import Mode, RunStatus, Verdict
from tests.unit.engine.views import DONE, NOW, STARTED, STORED, A, D, P, approval, record, runbook, view

LIVE = [status for status in RunStatus if status.is_live]


@pytest.mark.parametrize("status", LIVE)
def test_s8_a_stop_ends_every_live_run_where_it_is(status):
    move = next_move(view(status, halted="ada stopped prod: upgrade"))
    assert isinstance(move, m.Finish)
    assert (move.status, move.verdict) == (RunStatus.STOPPED, None)
    assert "ada stopped prod" in move.outcome


def test_s8_a_stopped_run_says_what_is_half_done():
    move = next_move(view(RunStatus.RUNNING, record("mend", A, DONE, STARTED), halted="ada stopped prod"))
    assert isinstance(move, m.Finish)
    assert (move.verdict, move.needs_person) == (Verdict.INCONCLUSIVE, True)
    assert "half done: mend a by mend" in move.outcome


def test_a_stop_does_not_keep_anybody_from_looking_at_a_plan():
    assert next_move(view(RunStatus.ADMITTED, halted="ada stopped prod", mode=Mode.PLAN)) == m.Preflight()


@pytest.mark.parametrize("status", [RunStatus.ADMITTED, RunStatus.PLANNING, RunStatus.AWAITING_APPROVAL])
def test_a_cancelled_run_that_changed_nothing_is_over_at_once(status):
    move = next_move(view(status, record("mend", P, STORED), cancel_requested_by="ada", cancel_reason="not now"))
    assert isinstance(move, m.Finish)
    assert (move.status, move.verdict, move.needs_person) == (RunStatus.CANCELLED, None, False)
    assert "ada" in move.outcome
    assert "not now" in move.outcome


def test_the_change_in_flight_is_finished_before_a_run_is_cancelled():
    flying = record("mend", A, STARTED, STORED)
    assert next_move(view(RunStatus.RUNNING, flying, cancel_requested_by="ada")) == m.BeginCancel()
    assert next_move(view(RunStatus.CANCELLING, flying, cancel_requested_by="ada")) == m.DoStep("mend")
    later = NOW + timedelta(seconds=5)
    slow = record("mend", A, STARTED, STORED, retry_at=later, detail="stopping")
    assert next_move(view(RunStatus.CANCELLING, slow, cancel_requested_by="ada")) == m.SleepUntil(later, "stopping")
    landed = record("mend", A, DONE, STORED)
    move = next_move(view(RunStatus.CANCELLING, landed, cancel_requested_by="ada"))
    assert isinstance(move, m.Finish)
    assert (move.status, move.verdict, move.needs_person) == (RunStatus.CANCELLED, Verdict.INCONCLUSIVE, True)
    assert "1 not begun" in move.outcome


ON_CANCEL = runbook(
    {"id": "mend", "do": "fake.mend", "onCancel": "step:tidy"}, {"id": "more", "do": "fake.mend"},
    {"id": "tidy", "do": "fake.mend"},
)  # fmt: skip


def test_on_cancel_is_done_for_a_step_that_changed_something():
    at = (record("mend", D, DONE), record("more"))
    asked = {"of": ON_CANCEL, "cancel_requested_by": "ada"}
    assert next_move(view(RunStatus.RUNNING, *at, record("tidy"), **asked)) == m.BeginCancel()
    assert next_move(view(RunStatus.CANCELLING, *at, record("tidy"), **asked)) == m.DoStep("tidy")
    assert next_move(view(RunStatus.CANCELLING, *at, record("tidy", P, STORED), **asked)) == m.DoStep("tidy")
    move = next_move(view(RunStatus.CANCELLING, *at, record("tidy", D, DONE), **asked))
    assert isinstance(move, m.Finish)
    assert move.status is RunStatus.CANCELLED


def test_on_cancel_is_not_done_for_a_step_that_changed_nothing():
    at = (record("mend", P, STORED), record("more"), record("tidy"))
    assert isinstance(next_move(view(RunStatus.RUNNING, *at, of=ON_CANCEL, cancel_requested_by="ada")), m.Finish)


@pytest.mark.parametrize("status", [RunStatus.PLANNING, RunStatus.AWAITING_APPROVAL, RunStatus.RUNNING])
def test_a_recovery_before_the_first_change_ends_it(status):
    move = next_move(view(status, record("look", D), record("mend", P, STORED), recovered=True, approval=approval()))
    assert isinstance(move, m.Finish)
    assert (move.status, move.verdict) == (RunStatus.FINISHED, Verdict.RECOVERED_BEFORE_ACTION)


def test_a_recovery_after_the_first_change_is_for_the_verification_to_say():
    flying = view(RunStatus.RUNNING, record("look", D), record("mend", A, DONE, STORED), recovered=True)
    assert next_move(flying) == m.DoStep("mend")


WAITS = runbook(
    {"id": "out", "do": "fake.mend"}, {"id": "quiet", "do": "wait_until", "with": {"checks": ["ok"]}},
    {"id": "back", "do": "fake.mend"},
)  # fmt: skip


def test_what_is_only_waiting_makes_room_for_worse_news():
    at = (record("out", D, DONE), record("quiet", do="wait_until"), record("back"))
    assert next_move(view(RunStatus.RUNNING, *at, of=WAITS)) == m.DoStep("quiet")
    assert next_move(view(RunStatus.RUNNING, *at, of=WAITS, rivals=1)) == m.BeginVerify()
