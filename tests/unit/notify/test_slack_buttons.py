"""Buttons: only where Slack calls back, only where something is asked, and they carry no more than the request."""

from slack_sdk.models.blocks import Block

from chalicelib.models.summary import Line, Question, Section, Severity, Summary
from chalicelib.models.words import utc
from chalicelib.notify.slack_blocks import APPROVE, REJECT, slack_message

QUESTION = Question(run_id="r-1", plan_hash="a" * 64)


def summary(**changes) -> Summary:
    given = {
        "id": "r-1:approval:1", "occasion": "approval", "severity": Severity.WARNING, "title": "needs an approval",
        "stack": "prod", "run_id": "r-1", "at": utc("2026-11-02T09:00:00Z"), "question": QUESTION,
    }  # fmt: skip
    return Summary.model_validate({**given, **changes})


def actions(message: dict) -> list[dict]:
    return [block for block in message["blocks"] if block["type"] == "actions"]


def test_a_question_has_buttons_that_name_run_and_plan():
    (drawn,) = actions(slack_message(summary(), buttons=True))
    assert [each["action_id"] for each in drawn["elements"]] == [APPROVE, REJECT]
    assert {each["value"] for each in drawn["elements"]} == {f"r-1 {'a' * 64}"}
    assert Block.parse(drawn).to_dict()["type"] == "actions"


def test_there_are_none_where_nobody_calls_back_or_nothing_is_asked():
    assert actions(slack_message(summary())) == []
    assert actions(slack_message(summary(question=None), buttons=True)) == []


def test_a_message_of_many_sections_keeps_its_buttons_and_slack_s_limit():
    sections = tuple(Section(title=f"s{n}", lines=(Line(text="x" * 400),) * 8) for n in range(60))
    message = slack_message(summary(sections=sections, commands=(Line(text="steward runs show r-1"),)), buttons=True)
    assert len(message["blocks"]) <= 50
    assert len(actions(message)) == 1
    assert message["blocks"][-1]["type"] == "context"
    assert message["blocks"][-2]["type"] == "actions"
