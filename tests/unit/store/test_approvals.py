"""Approvals: one winner, bound to one plan, used once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.errors import Refused, UnknownName
from chalicelib.models.approval import Approval, ApprovalState
from chalicelib.store.approvals import Approvals, same_person
from chalicelib.store.memory import MemoryTable

NOW = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)
YES, NO = ApprovalState.APPROVED, ApprovalState.REJECTED
SSO = "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Ops_0a1b/"
ROLE = "arn:aws:sts::123456789012:assumed-role/ops/"


@pytest.fixture
def approvals():
    return Approvals(MemoryTable())


def pending(number: int = 1, **facts) -> Approval:
    given = {"plan_hash": "h1", "asked_at": NOW, "expires_at": NOW + timedelta(hours=4), "question": "restart?"}
    return Approval(run_id="r1", number=number, **{**given, **facts})


def answer(approvals, state=YES, *, by="anna", plan_hash="h1", now=NOW, number=1) -> Approval:
    return approvals.answer("r1", number, plan_hash, state, by, "because", now)


def test_asking_again_gets_what_stands(approvals):
    approvals.ask(pending())
    answered = answer(approvals)
    assert approvals.ask(pending()) == answered


@pytest.mark.parametrize("state", [YES, NO])
def test_an_answer_is_kept_with_who_when_and_why(approvals, state):
    approvals.ask(pending())
    answered = answer(approvals, state)
    assert (answered.state, answered.answered_by, answered.answered_at) == (state, "anna", NOW)
    assert approvals.current("r1") == answered


def test_of_sixteen_people_at_once_one_answers_and_the_others_hear_who_s27(approvals):
    approvals.ask(pending())

    def try_it(n: int) -> str:
        try:
            return answer(approvals, [YES, NO][n % 2], by=f"person {n}").answered_by or ""
        except Refused as refused:
            return refused.reason

    with ThreadPoolExecutor(16) as pool:
        said = list(pool.map(try_it, range(16)))
    winner = approvals.current("r1").answered_by
    assert said.count(winner) == 1
    assert all(f"already {approvals.current('r1').state} by {winner}" in text for text in said if text != winner)


def test_a_rejection_cannot_be_turned_into_an_approval(approvals):
    approvals.ask(pending())
    answer(approvals, NO)
    with pytest.raises(Refused, match="already rejected by anna"):
        answer(approvals, YES, by="ben")


def test_an_answer_for_another_plan_is_refused(approvals):
    approvals.ask(pending())
    with pytest.raises(Refused, match="for plan h1, not h2"):
        answer(approvals, plan_hash="h2")
    assert approvals.current("r1").state is ApprovalState.PENDING


def test_an_answer_that_comes_too_late_is_refused(approvals):
    approvals.ask(pending())
    with pytest.raises(Refused, match="expired at 2026-11-03 13:00 UTC"):
        answer(approvals, now=NOW + timedelta(hours=4))


def test_where_another_person_is_wanted_the_starter_may_reject_but_not_approve_s27(approvals):
    approvals.ask(pending(approvers="other", started_by="anna"))
    with pytest.raises(Refused, match="needs another person than anna"):
        answer(approvals, YES)
    assert answer(approvals, NO).state is NO


def test_where_another_person_is_wanted_another_person_may_approve_s27(approvals):
    approvals.ask(pending(approvers="other", started_by="anna"))
    assert answer(approvals, YES, by="ben").state is YES


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (ROLE + "anna", ROLE + "ben", True),  # the session name is anybody's choice
        (SSO + "anna@example.com", SSO + "ben@example.com", False),  # here the identity provider gives it
        (SSO + "anna@example.com", SSO + "anna@example.com", True),
        ("arn:aws:iam::123456789012:user/anna", "arn:aws:iam::123456789012:user/ben", False),
        (ROLE + "anna", ROLE.replace("123456789012", "210987654321") + "anna", False),
        ("anna", "anna", True),
    ],
)
def test_people_are_told_apart_by_account_role_and_provider_name_s27(one, other, same):
    assert same_person(one, other) is same


def test_an_approval_is_only_ever_answered_with_yes_or_no(approvals):
    approvals.ask(pending())
    with pytest.raises(Refused, match="approved or rejected, not superseded"):
        answer(approvals, ApprovalState.SUPERSEDED)


def test_what_was_never_asked_cannot_be_answered(approvals):
    with pytest.raises(UnknownName, match="r1/1"):
        answer(approvals)
    assert approvals.current("r1") is None


def test_expiring_waits_for_the_time_and_leaves_answers_alone(approvals):
    approvals.ask(pending(1))
    approvals.ask(pending(2))
    answer(approvals, number=2)
    late = NOW + timedelta(hours=4)
    assert approvals.expire("r1", 1, late - timedelta(seconds=1)).state is ApprovalState.PENDING
    assert approvals.expire("r1", 1, late).state is ApprovalState.EXPIRED
    assert approvals.expire("r1", 2, late).state is YES


def test_a_superseded_question_can_no_longer_be_answered(approvals):
    approvals.ask(pending())
    approvals.supersede("r1", 1)
    with pytest.raises(Refused, match="already superseded"):
        answer(approvals)


def test_only_what_was_approved_can_be_used_and_using_it_again_changes_nothing(approvals):
    approvals.ask(pending())
    with pytest.raises(Refused, match="is pending, not approved"):
        approvals.mark_used("r1", 1)
    answer(approvals)
    used = approvals.mark_used("r1", 1)
    assert used.used
    assert approvals.mark_used("r1", 1) == used


def test_what_nobody_answered_is_due_when_it_expires(approvals):
    approvals.ask(pending(1))
    approvals.ask(pending(2))
    answer(approvals, number=2)
    assert approvals.pending_due(NOW) == ()
    assert [found.number for found in approvals.pending_due(NOW + timedelta(hours=4))] == [1]
    assert approvals.current("r1").number == 2
