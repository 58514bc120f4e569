"""Slack's buttons and commands: who presses is asked, what was seen is compared, and a signature is good once."""

import json
from dataclasses import replace
from urllib.parse import urlencode

import pytest
from slack_sdk.signature import SignatureVerifier

from chalicelib.errors import HttpFailure
from chalicelib.flows.webhook import Knock
from chalicelib.flows.webhook_door import knocked
from chalicelib.models.approval import ApprovalState
from chalicelib.models.decision import Outcome
from chalicelib.models.webhook import SecretPair, Source, WebhookCredential
from chalicelib.net.http import HttpAnswer

SIGNING = "slack-signing-secret-01"
BOSS, OPS = (f"arn:aws:iam::111122223333:role/{name}" for name in ("boss", "ops"))
CREDENTIAL = WebhookCredential(
    source=Source.SLACK, secret="s/slack", stacks=("prod",), people={"T1/UBOSS": BOSS, "T1/UOPS": OPS}
)
ANSWER_AT = "https://hooks.slack.com/actions/T1/1/abc"


class Told:
    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.fails: str | None = None

    def ask(self, request):
        if self.fails:
            raise HttpFailure(self.fails, "no")
        self.sent.append((request.url, json.loads(request.body)["text"]))
        assert request.allow_hosts == ("hooks.slack.com",)
        return HttpAnswer(200, {}, b"ok", 0.1)


class Slack:
    def __init__(self, make_world, stack="prod") -> None:
        runbook = make_world.runbook(
            on=[{"alarm": {"name": "*-down"}}], autonomy="approve", guards={"approvers": "other"}
        )
        self.world = make_world(runbooks=(runbook,), stacks=(make_world.stack(stack),))
        self.told = Told()
        self.world.with_parts(
            webhooks={"slack": CREDENTIAL},
            secret_pair=lambda _: SecretPair(SIGNING),
            engine=replace(self.world.parts.engine, http=self.told),
        )
        decision = self.world.fire(name=f"{stack}-down")
        self.run_id = decision.parts[0].run_id
        self.world.turn(self.run_id)
        self.approval = self.world.parts.engine.approvals.current(self.run_id)

    def press(self, user="UBOSS", action="steward_approve", *, value=None, team="T1", url=ANSWER_AT, **more):
        payload = {
            "type": "block_actions", "user": {"id": user}, "team": {"id": team}, "response_url": url,
            "actions": [{"action_id": action, "value": value or f"{self.run_id} {self.approval.plan_hash}"}],
        }  # fmt: skip
        return self.send(urlencode({"payload": json.dumps(payload)}).encode(), **more)

    def send(self, body, *, stamp=None, secret=SIGNING, tamper=b"", headers=None):
        stamp = stamp or str(int(self.world.now().timestamp()))
        at = type("At", (), {"now": lambda _: float(stamp)})()
        signature = SignatureVerifier(secret, at).generate_signature(timestamp=stamp, body=body)
        signed = {"x-slack-signature": signature, "x-slack-request-timestamp": stamp}
        knock = Knock(Source.SLACK, body + tamper, signed if headers is None else headers, address="https://api/prod")
        answered = knocked(lambda: self.world.parts, knock)
        return answered.status, answered.as_json()

    def state(self):
        return self.world.parts.engine.approvals.current(self.run_id).state

    def last(self):
        return self.world.parts.decisions.recent(limit=1).rows[0]


@pytest.fixture
def slack(make_world):
    return Slack(make_world)


def test_s27_a_button_of_a_mapped_approver_answers_as_that_principal_and_is_audited(slack):
    assert slack.press()[0] == 200
    approval = slack.world.parts.engine.approvals.current(slack.run_id)
    assert (approval.state, approval.answered_by) == (ApprovalState.APPROVED, BOSS)
    (entry,) = slack.world.parts.audit.recent().rows
    assert (entry.principal, entry.what, entry.status) == (BOSS, "slack button approve", 200)
    assert slack.world.finish(slack.run_id).verdict == "verified"


def test_a_rejection_ends_the_run_and_nothing_is_changed(slack):
    slack.press(action="steward_reject")
    assert slack.state() is ApprovalState.REJECTED
    slack.world.finish(slack.run_id)
    assert slack.world.applied == []


@pytest.mark.parametrize(
    ("user", "team", "says"), [("UGUEST", "T1", "nobody"), ("UBOSS", "T2", "nobody"), ("UOPS", "T1", "operator")]
)
def test_s27_anybody_else_gets_the_request_s_name_and_is_asked_to_answer_as_himself(slack, user, team, says):
    assert slack.press(user, team=team)[0] == 200
    assert slack.state() is ApprovalState.PENDING
    ((url, text),) = slack.told.sent
    assert url == ANSWER_AT
    assert says in text
    assert f"steward runs approve {slack.run_id} --hash {slack.approval.plan_hash[:12]}" in text
    assert f"https://api/prod/v1/runs/{slack.run_id}" in text
    assert slack.last().outcome is Outcome.REFUSE


def test_an_approval_for_another_plan_is_refused_and_changes_nothing(slack):
    slack.press(value=f"{slack.run_id} {'0' * 64}")
    assert slack.state() is ApprovalState.PENDING
    assert "look at the plan again" in slack.told.sent[0][1]
    assert slack.world.parts.audit.recent().rows[0].status == 409


def test_two_answers_at_once_have_one_winner(slack):
    slack.press()
    slack.press(action="steward_reject")
    assert slack.state() is ApprovalState.APPROVED
    assert "already approved" in slack.told.sent[1][1]


def test_a_replayed_button_is_refused_recorded_and_answers_nothing_twice(slack):
    slack.press()
    status, said = slack.press()
    assert (status, "heard before" in said["detail"]) == (409, True)
    assert slack.last().outcome is Outcome.INVALID
    assert len(slack.world.parts.audit.recent().rows) == 1


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"headers": {}}, "not signed"),
        ({"secret": "forged-forged-forged"}, "another secret"),
        ({"tamper": b" "}, "another body"),
        ({"stamp": "1531420618"}, "old"),
    ],
)
def test_unsigned_forged_changed_and_late_calls_are_401_recorded_and_change_nothing(slack, change, why):
    status, said = slack.press(**change)
    assert (status, why in said["detail"]) == (401, True)
    assert slack.last().outcome is Outcome.INVALID
    assert slack.state() is ApprovalState.PENDING


@pytest.mark.parametrize("body", [b"a=b", b"payload=no+json", b"payload=%7B%7D", b"=".join([b"a&"] * 99), b""])
def test_a_signed_body_that_says_nothing_is_400_and_recorded(slack, body):
    assert slack.send(body)[0] == 400
    assert slack.last().outcome is Outcome.INVALID


@pytest.mark.parametrize("value", ["x", "nope 0123456789ab", "../../x 0123456789ab", "r" * 500])
def test_a_button_that_names_no_request_does_nothing(slack, value):
    assert slack.press(value=value)[0] == 200
    assert slack.state() is ApprovalState.PENDING


def test_s2_a_workspace_cannot_answer_for_a_stack_that_it_does_not_speak_for(make_world):
    slack = Slack(make_world, stack="other")
    slack.press()
    assert slack.state() is ApprovalState.PENDING
    assert slack.last().outcome is Outcome.INVALID


@pytest.mark.parametrize(
    "url", ["https://evil.example/x", "http://hooks.slack.com/x", None, 7, "https://hooks.slack.com.evil.example/"]
)
def test_s25_the_answer_goes_to_slack_s_own_host_or_nowhere(slack, url):
    assert slack.press("UGUEST", url=url)[0] == 200
    assert slack.told.sent == []


def test_slack_that_cannot_be_told_holds_nothing(slack):
    slack.told.fails = "timeout"
    assert slack.press()[0] == 200
    assert slack.state() is ApprovalState.APPROVED


def command(user: str) -> bytes:
    return urlencode({"command": "/steward", "text": "status", "user_id": user, "team_id": "T1"}).encode()


def test_a_command_tells_how_the_stacks_stand_to_people_who_are_known(slack):
    status, said = slack.send(command("UOPS"))
    assert (status, said["response_type"]) == (200, "ephemeral")
    assert f"run {slack.run_id} of mend is awaiting_approval" in said["text"]


def test_a_command_tells_nobody_else_anything(slack):
    _, said = slack.send(command("UGUEST"))
    assert said["text"] == "You are nobody that Steward knows here."
