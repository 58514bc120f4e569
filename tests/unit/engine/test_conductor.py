"""The conductor: states in, moves out. Each test is one row of ENGINE.md's table."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.engine import moves as m
from chalicelib.engine.conductor import View, next_move
from chalicelib.engine.planning import changes_hash
from chalicelib.models.approval import Approval, ApprovalState
from chalicelib.models.change import Change, ChangeProgress, ChangeState
from chalicelib.models.check import Answer, CheckResult
from chalicelib.models.run import (
    Mode,
    Released,
    Run,
    RunStatus,
    Sample,
    StepRecord,
    StepStatus,
    Verdict,
    Verification,
)
from chalicelib.models.runbook import Runbook
from chalicelib.models.words import utc

NOW = utc("2026-11-02T09:00:00+00:00")
W, C, P, A = StepStatus.WAITING, StepStatus.CLAIMED, StepStatus.PLANNED, StepStatus.APPLYING
D, U, S, X = StepStatus.DONE, StepStatus.UNCHANGED, StepStatus.SKIPPED, StepStatus.FAILED
STORED, STARTED, DONE = ChangeState.STORED, ChangeState.STARTED, ChangeState.DONE


def runbook(*steps: dict[str, Any], verify: bool = True) -> Runbook:
    proof = {"within": "10m", "hold": "1m", "every": "30s", "that": ["ok"]}
    return Runbook.model_validate(
        {
            "runbook": "mend",
            "title": "Mend it",
            "on": [{"manual": {}}],
            "verify": proof if verify else None,
            "steps": list(steps) or [{"id": "look", "do": "fake.look"}, {"id": "mend", "do": "fake.mend"}],
        }  # fmt: skip
    )


def change(step: str = "mend", *, loses: str | None = None) -> Change:
    return Change(
        step=step, action="fake.mend", operation="fake:Mend", parameters={}, resource="a", sentence=f"mend a by {step}",
        loses=loses,
    )  # fmt: skip


def record(step: str, status: StepStatus = W, *progress: ChangeState, **more: Any) -> StepRecord:
    do = more.pop("do", f"fake.{step}")
    loses = more.pop("loses", None)
    return StepRecord(
        run_id="r", id=step, do=do, status=status, changes=tuple(change(step, loses=loses) for _ in progress),
        progress=tuple(ChangeProgress(state=state) for state in progress), **more,
    )  # fmt: skip


def view(status: RunStatus, *records: StepRecord, of: Runbook | None = None, **more: Any) -> View:
    names = {"now", "approval", "halted", "recovered", "rivals", "high_risk"}
    around = {name: more.pop(name) for name in list(more) if name in names}
    run = Run(
        id="r", stack="prod", stack_version="v", runbook=of or runbook(), runbook_hash="h", event_id="e",
        started_by="alarm down", created_at=NOW, changed_at=NOW, status=status, incident_id="i", **more,
    )  # fmt: skip
    return View(run=run, steps=records, **{"now": NOW, **around})


def approval(state: ApprovalState = ApprovalState.PENDING, *, expires_s: int = 3600) -> Approval:
    return Approval(
        run_id="r", number=1, plan_hash="h", state=state, asked_at=NOW, question="may I?",
        expires_at=NOW + timedelta(seconds=expires_s),
    )  # fmt: skip


def verification(answer: Answer | None, *, seconds: int = 0, holding: int | None = None, good: int = 0) -> Verification:
    last = None
    if answer:
        result = CheckResult(check="ok", answer=answer, because="so")
        last = Sample(at=NOW + timedelta(seconds=seconds), results=(result,))
    since = NOW + timedelta(seconds=holding) if holding is not None else None
    return Verification(
        began_at=NOW, deadline=NOW + timedelta(minutes=10), last=last, holding_since=since, good_samples=good, samples=1
    )


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


# -- people ------------------------------------------------------------------------------------


def test_an_ask_approval_step_asks_its_own_message_once():
    of = runbook({"id": "ask", "do": "ask_approval", "with": {"message": "Restart in office hours?"}})
    ask = record("ask", do="ask_approval")
    assert next_move(view(RunStatus.RUNNING, ask, of=of)) == m.Ask("ask", "Restart in office hours?")
    assert next_move(view(RunStatus.RUNNING, ask, of=of, approved={"ask": "h"})) == m.DoStep("ask")


def test_a_late_step_of_high_risk_asks_again_when_it_gets_there():
    late = record("mend", P, STORED, known_later="<from steps.look>")
    move = next_move(view(RunStatus.RUNNING, record("look", D), late, high_risk=frozenset({"fake.mend"})))
    assert isinstance(move, m.Ask)
    assert move.scope == "mend"


def test_a_late_step_of_low_risk_goes_on():
    late = record("mend", P, STORED, known_later="<from steps.look>")
    assert next_move(view(RunStatus.RUNNING, record("look", D), late)) == m.DoStep("mend")


def test_s1_a_late_step_that_loses_something_asks_whatever_its_risk():
    late = record("mend", P, STORED, known_later="<from steps.look>", loses="the users")
    assert isinstance(next_move(view(RunStatus.RUNNING, record("look", D), late)), m.Ask)


def test_s1_a_fallback_that_loses_something_asks_since_no_plan_had_it():
    of = runbook({"id": "mend", "do": "fake.mend", "onFailure": "step:rescue"}, {"id": "rescue", "do": "fake.mend"})
    rescue = record("rescue", P, STORED, loses="the users")
    asked = view(RunStatus.RUNNING, record("mend", X), rescue, of=of, approved={"plan": "p"}, plan_hash="p")
    assert next_move(asked) == m.Ask("rescue", "step rescue now knows what it would change")


def test_the_yes_to_a_late_step_is_bound_to_exactly_its_changes():
    late = record("mend", P, STORED, known_later="<from steps.look>", loses="the users")
    yes = {"mend": changes_hash(late.changes)}
    assert next_move(view(RunStatus.RUNNING, record("look", D), late, approved=yes)) == m.DoStep("mend")
    other = view(RunStatus.RUNNING, record("look", D), late, approved={"mend": "another"})
    assert isinstance(next_move(other), m.Ask)


def test_while_people_are_asked_the_run_sleeps_until_the_question_expires():
    move = next_move(view(RunStatus.AWAITING_APPROVAL, approval=approval()))
    assert move == m.SleepUntil(NOW + timedelta(seconds=3600), "waiting for approval")


@pytest.mark.parametrize("state", [ApprovalState.APPROVED, ApprovalState.REJECTED, ApprovalState.EXPIRED])
def test_an_answer_is_taken(state):
    assert next_move(view(RunStatus.AWAITING_APPROVAL, approval=approval(state))) == m.TakeAnswer()


def test_a_question_nobody_answered_in_time_is_an_answer():
    assert next_move(view(RunStatus.AWAITING_APPROVAL, approval=approval(expires_s=0))) == m.TakeAnswer()


def test_a_question_that_was_lost_is_asked_again():
    assert isinstance(next_move(view(RunStatus.AWAITING_APPROVAL)), m.Ask)


# -- what cuts in ------------------------------------------------------------------------------

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
