"""The conductor: states in, moves out. Each test is one row of ENGINE.md's table."""

from datetime import timedelta

import pytest

from chalicelib.engine import moves as m
from chalicelib.engine.conductor import next_move
from chalicelib.models.check import Answer
from chalicelib.models.run import Released, RunStatus, Verdict
from tests.unit.engine.views import DONE, NOW, STARTED, STORED, A, C, D, P, S, U, X, record, runbook, verification, view

# -- planning ----------------------------------------------------------------------------------


def test_an_admitted_run_confirms_its_signal_first():
    assert next_move(view(RunStatus.ADMITTED)) == m.Preflight()


def test_steps_are_planned_in_the_runbook_s_order():
    assert next_move(view(RunStatus.PLANNING, record("look"), record("mend"))) == m.PlanStep("look")
    assert next_move(view(RunStatus.PLANNING, record("look", D), record("mend"))) == m.PlanStep("mend")


def test_a_step_whose_planner_died_is_planned_again():
    assert next_move(view(RunStatus.PLANNING, record("look", C), record("mend"))) == m.PlanStep("look")


@pytest.mark.parametrize("status", [D, U, S])
def test_when_all_that_can_be_known_is_known_the_plan_is_sealed(status):
    late = record("mend", known_later="<from steps.look>")
    assert next_move(view(RunStatus.PLANNING, record("look", status), late)) == m.SealPlan()
    assert next_move(view(RunStatus.PLANNING, record("look", D), record("mend", P, STORED))) == m.SealPlan()


def test_a_probe_that_is_tried_again_sleeps_until_then_and_not_longer():
    later = NOW + timedelta(seconds=10)
    waiting = record("look", retry_at=later, detail="throttled")
    assert next_move(view(RunStatus.PLANNING, waiting, record("mend"))) == m.SleepUntil(later, "throttled")
    assert next_move(view(RunStatus.PLANNING, waiting, record("mend"), now=later)) == m.PlanStep("look")


def test_a_step_that_others_fall_back_on_is_not_planned_in_the_main_road():
    of = runbook({"id": "mend", "do": "fake.mend", "onFailure": "step:rescue"}, {"id": "rescue", "do": "fake.mend"})
    assert next_move(view(RunStatus.PLANNING, record("mend"), record("rescue"), of=of)) == m.PlanStep("mend")
    assert next_move(view(RunStatus.PLANNING, record("mend", P, STORED), record("rescue"), of=of)) == m.SealPlan()


@pytest.mark.parametrize(("route", "person"), [("abort", True), ("escalate", True)])
def test_a_failure_before_the_first_change_stops_the_run(route, person):
    of = runbook({"id": "look", "do": "fake.look", "onFailure": route}, {"id": "mend", "do": "fake.mend"})
    move = next_move(view(RunStatus.PLANNING, record("look", X, detail="no rights"), record("mend"), of=of))
    assert isinstance(move, m.Finish)
    assert (move.status, move.verdict, move.needs_person) == (RunStatus.STOPPED, None, person)
    assert "no rights" in move.outcome


def test_a_probe_that_may_fail_is_passed_by():
    of = runbook({"id": "look", "do": "fake.look", "onFailure": "continue"}, {"id": "mend", "do": "fake.mend"})
    assert next_move(view(RunStatus.PLANNING, record("look", X), record("mend"), of=of)) == m.PlanStep("mend")


# -- running -----------------------------------------------------------------------------------


def test_the_next_unfinished_step_is_done():
    assert next_move(view(RunStatus.RUNNING, record("look", D), record("mend", P, STORED))) == m.DoStep("mend")
    assert next_move(view(RunStatus.RUNNING, record("look", D), record("mend", A, STARTED))) == m.DoStep("mend")


def test_a_pending_change_sleeps_until_it_is_looked_at_again():
    later = NOW + timedelta(seconds=20)
    waiting = record("mend", A, STARTED, retry_at=later, detail="task is stopping")
    assert next_move(view(RunStatus.RUNNING, record("look", D), waiting)) == m.SleepUntil(later, "task is stopping")


def test_a_sleeping_run_is_judged_by_where_it_lay_down():
    asleep = view(RunStatus.SLEEPING, record("look"), record("mend"), before_sleep=RunStatus.PLANNING)
    assert next_move(asleep) == m.PlanStep("look")


def test_when_all_is_done_it_is_proven():
    assert next_move(view(RunStatus.RUNNING, record("look", D), record("mend", D, DONE))) == m.BeginVerify()


@pytest.mark.parametrize("mend", [record("mend", S), record("mend", U)])
def test_a_run_that_changed_nothing_has_no_verdict_and_a_confirmed_signal_goes_to_people(mend):
    move = next_move(view(RunStatus.RUNNING, record("look", D), mend))
    assert isinstance(move, m.Finish)
    assert (move.status, move.verdict, move.needs_person) == (RunStatus.FINISHED, None, True)


def test_a_failure_after_a_change_is_a_failed_run_that_says_what_is_half_done():
    of = runbook({"id": "mend", "do": "fake.mend", "onFailure": "escalate"})
    move = next_move(view(RunStatus.RUNNING, record("mend", X, DONE, STARTED, STORED, detail="it broke"), of=of))
    assert isinstance(move, m.Finish)
    assert (move.status, move.verdict, move.needs_person) == (RunStatus.FINISHED, Verdict.FAILED, True)
    assert "1 change(s) done" in move.outcome
    assert "half done: mend a by mend" in move.outcome
    assert "1 not begun" in move.outcome


def test_a_failure_leads_to_its_fallback_and_only_then_is_that_done():
    of = runbook(
        {"id": "mend", "do": "fake.mend", "onFailure": "step:rescue"}, {"id": "more", "do": "fake.mend"},
        {"id": "rescue", "do": "fake.mend"},
    )  # fmt: skip
    failed = view(RunStatus.RUNNING, record("mend", X, STARTED), record("more"), record("rescue"), of=of)
    assert next_move(failed) == m.DoStep("rescue")
    fine = view(RunStatus.RUNNING, record("mend", D, DONE), record("more", S), record("rescue"), of=of)
    assert next_move(fine) == m.BeginVerify()


def test_a_fallback_that_lies_behind_ends_the_run_instead_of_going_in_circles():
    of = runbook({"id": "rescue", "do": "fake.mend"}, {"id": "mend", "do": "fake.mend", "onFailure": "step:rescue"})
    assert isinstance(next_move(view(RunStatus.RUNNING, record("rescue"), record("mend", X), of=of)), m.Finish)


# -- proving and recording ---------------------------------------------------------------------


def test_the_first_sample_is_taken_at_once_and_the_next_when_it_is_due():
    at = {"status": RunStatus.VERIFYING}
    assert next_move(view(**at, verification=verification(None))) == m.TakeSample()
    open_ = verification(Answer.TRUE, holding=0, good=1)
    assert next_move(view(**at, verification=open_)) == m.SleepUntil(
        NOW + timedelta(seconds=30), "next sample of the verification"
    )
    assert next_move(view(**at, verification=open_, now=NOW + timedelta(seconds=30))) == m.TakeSample()


@pytest.mark.parametrize(
    ("state", "verdict", "person"),
    [
        (verification(Answer.TRUE, seconds=60, holding=0, good=3), Verdict.VERIFIED, False),
        (verification(Answer.FALSE, seconds=600), Verdict.FAILED, True),
        (verification(Answer.UNKNOWN, seconds=600), Verdict.INCONCLUSIVE, True),
    ],
)
def test_the_verdict_comes_from_the_samples(state, verdict, person):
    move = next_move(view(RunStatus.VERIFYING, verification=state))
    assert isinstance(move, m.Finish)
    assert (move.status, move.verdict, move.needs_person) == (RunStatus.FINISHED, verdict, person)


def test_a_runbook_without_verification_is_inconclusive_and_says_so():
    move = next_move(view(RunStatus.VERIFYING, of=runbook(verify=False)))
    assert isinstance(move, m.Finish)
    assert (move.verdict, move.needs_person) == (Verdict.INCONCLUSIVE, True)


@pytest.mark.parametrize("status", [RunStatus.FINISHED, RunStatus.STOPPED, RunStatus.CANCELLED])
def test_the_end_is_recorded_in_order_and_nothing_cuts_in(status):
    def after(**done: bool) -> m.Move:
        around = {"halted": "stopped", "recovered": True, "cancel_requested_by": "ada"}
        return next_move(view(status, released=Released(**done), **around))

    assert after() == m.Release("ledger")
    assert after(ledger=True) == m.Release("incident")
    assert after(ledger=True, incident=True) == m.Release("summary")
    assert after(ledger=True, incident=True, summary=True) == m.Nothing()
