"""Approvals that nobody answers: said once more, handed to somebody else, and in the end refused."""

import json

import pytest

from chalicelib.errors import Refused, WrongState
from chalicelib.flows import approve
from chalicelib.flows.api.door import Asked as Request
from chalicelib.flows.api.door import serve
from chalicelib.flows.api.routes import ROUTES
from chalicelib.models.approval import ApprovalState
from chalicelib.models.run import RunStatus

ACCOUNT = "111122223333"
OPS, BOSS, TEAM, ROOT = (f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("ops", "boss", "team", "root"))
ONE_OF_THE_TEAM = f"arn:aws:sts::{ACCOUNT}:assumed-role/team/anna"


class Asked:
    def __init__(self, make_world) -> None:
        self.world = make_world(runbooks=(make_world.runbook(autonomy="approve", guards={"approvers": "other"}),))
        roles = {"operator": [OPS], "approver": [BOSS, TEAM], "admin": [ROOT]}
        self.world.with_parts(roles=type(self.world.parts.roles).of(roles))
        self.run_id = self.world.fire().parts[0].run_id
        self.world.turn(self.run_id)

    @property
    def approval(self):
        return self.world.parts.engine.approvals.current(self.run_id)

    def titles(self):
        return [summary.title for summary in self.world.channel.sent]

    def hand(self, to=TEAM, by=BOSS):
        return approve.delegate(self.world.parts, self.run_id, to=to, by=by, reason="I am away")

    def answer(self, by, *, yes=True):
        return approve.answer(self.world.parts, self.run_id, approve=yes, by=by, reason="looked at it")


@pytest.fixture
def asked(make_world):
    return Asked(make_world)


def test_before_three_quarters_of_the_time_nobody_is_reminded(asked):
    asked.world.wait(hours=2, minutes=59)
    assert asked.world.sweep().reminded == 0


def test_when_three_quarters_are_gone_the_question_is_told_once_more_and_only_once(asked):
    before = len(asked.world.channel.sent)
    asked.world.wait(hours=3, minutes=1)
    assert (asked.world.sweep().reminded, asked.world.sweep().reminded) == (1, 0)
    (told,) = asked.world.channel.sent[before:]
    assert told.title.startswith("still unanswered, 59 min left: ")
    assert told.question.plan_hash == asked.approval.plan_hash
    assert any("approve" in line.text for line in told.commands)
    assert asked.approval.state is ApprovalState.PENDING


def test_an_answered_question_is_not_repeated(asked):
    asked.answer(BOSS, yes=False)
    asked.world.wait(hours=3, minutes=1)
    assert asked.world.sweep().reminded == 0


def test_when_nobody_answers_in_time_people_are_paged_and_the_run_is_refused_with_nothing_changed(asked):
    asked.world.wait(hours=3, minutes=1)
    asked.world.sweep()
    asked.world.wait(hours=1)
    assert asked.world.sweep().expired == 1
    run = asked.world.finish(asked.run_id)
    assert run.status is RunStatus.STOPPED
    assert run.needs_person
    assert run.outcome.startswith("refused: nobody answered by 2026-11-02 13:00 UTC")
    assert asked.world.channel.sent[-1].severity == "critical"
    assert asked.world.applied == []


def test_a_team_to_whom_it_was_handed_says_yes_and_nobody_else_does(asked):
    asked.hand()
    with pytest.raises(Refused, match=r"was handed to .*role/team by .*role/boss"):
        asked.answer(BOSS)
    assert asked.answer(ONE_OF_THE_TEAM).answered_by == ONE_OF_THE_TEAM
    assert asked.world.finish(asked.run_id).verdict == "verified"


def test_who_handed_it_on_can_still_say_no(asked):
    asked.hand()
    assert asked.answer(BOSS, yes=False).state is ApprovalState.REJECTED


def test_handing_on_is_recorded_and_told(asked):
    asked.hand()
    asked.hand(to=ROOT, by=ONE_OF_THE_TEAM)
    assert [(one.to, one.by, one.reason) for one in asked.approval.delegations] == [
        (TEAM, BOSS, "I am away"),
        (ROOT, ONE_OF_THE_TEAM, "I am away"),
    ]
    assert asked.titles()[-1].startswith(f"handed to {ROOT} by {ONE_OF_THE_TEAM}: ")
    with pytest.raises(Refused, match="only that one says yes"):
        asked.answer(ONE_OF_THE_TEAM)


@pytest.mark.parametrize("to", [OPS, "arn:aws:iam::999999999999:role/boss", "anna", ""])
def test_it_cannot_be_handed_to_somebody_who_may_not_answer(asked, to):
    with pytest.raises(WrongState, match="cannot answer"):
        asked.hand(to=to)
    assert asked.approval.delegations == ()


def test_s27_it_cannot_be_handed_back_to_who_started_the_run_under_another_session_s_name(make_world):
    asked = Asked(make_world)
    bert = f"arn:aws:sts::{ACCOUNT}:assumed-role/team/bert"
    # The record as it is when a person started the run.
    asked.world.parts.engine.approvals._amend(asked.run_id, asked.approval.number, lambda _: {"started_by": bert})
    with pytest.raises(WrongState, match="started run"):
        asked.hand(to=ONE_OF_THE_TEAM)


def test_what_is_answered_or_over_is_handed_to_nobody(asked):
    asked.answer(BOSS, yes=False)
    with pytest.raises(Refused, match="already rejected"):
        asked.hand()
    asked.world.finish(asked.run_id)
    with pytest.raises(WrongState, match="asks nobody"):
        asked.hand()


def test_a_question_is_handed_on_ten_times_at_most(asked):
    for _ in range(10):
        asked.hand()
    with pytest.raises(Refused, match="10 times"):
        asked.hand()


def ask(asked, by, to=TEAM, path="/v1/runs/{id}/delegate"):
    body = json.dumps({"to": to, "reason": "I am away"}).encode()
    given = Request("req-1", by, {"id": asked.run_id}, {}, body, None)
    return serve(lambda: asked.world.parts, ROUTES["POST", path], given, "1.2.3")


def test_the_api_hands_it_on_for_an_approver_and_audits_it(asked):
    assert ask(asked, BOSS).status == 200
    assert asked.approval.delegations[-1].by == BOSS
    (entry,) = asked.world.parts.audit.recent().rows
    assert (entry.principal, entry.what, entry.status) == (BOSS, "POST /v1/runs/{id}/delegate", 200)


@pytest.mark.parametrize(
    ("by", "to", "status"), [(OPS, TEAM, 403), (None, TEAM, 403), (BOSS, OPS, 409), (BOSS, "x", 422)]
)
def test_the_api_refuses_whoever_may_not_and_whatever_does_not_fit(asked, by, to, status):
    assert ask(asked, by, to).status == status
    assert asked.approval.delegations == ()
