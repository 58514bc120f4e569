"""The conductor where people are asked: each test is one row of ENGINE.md's table."""

from datetime import timedelta

import pytest

from chalicelib.engine import moves as m
from chalicelib.engine.conductor import next_move
from chalicelib.engine.planning import changes_hash
from chalicelib.models.approval import ApprovalState
from chalicelib.models.run import RunStatus
from tests.unit.engine.views import NOW, STORED, D, P, X, approval, record, runbook, view


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
