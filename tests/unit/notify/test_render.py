"""The same Summary on every road: readable, inert, and within what the road takes."""

import json

import pytest
from slack_sdk.models.blocks import Block

from chalicelib.models.summary import Line, Section, Severity, Summary
from chalicelib.models.words import utc
from chalicelib.notify.render import SUBJECT_LIMIT, chat, chat_json, plain, subject
from chalicelib.notify.slack_blocks import slack_message

EVIL = "<!channel> @here https://evil.example [x](https://evil.example) \x1b[31m`boom` & <b>"


def summary(**kw: object) -> Summary:
    facts = {
        "id": "run-1:end",
        "occasion": "end",
        "severity": Severity.GOOD,
        "title": "fraud-scoring-mlflow: unhealthy tracking server, restarted 1 task, verified in 6 min",
        "stack": "fraud-scoring-mlflow",
        "run_id": "run-1",
        "incident_id": "inc-1",
        "at": utc("2026-11-20T02:06:00Z"),
        "sections": (
            Section(
                title="What was changed", lines=(Line(text="Stopped task t1", detail="its replacement is healthy"),)
            ),
            Section(title="How it was verified", lines=(Line(text="alarm_ok: true"),)),
        ),
        "commands": (Line(text="steward runs show run-1", detail="every move"),),
    }
    return Summary.model_validate(facts | kw)


def huge() -> Summary:
    lines = tuple(Line(text=f"{n} " + "&<>" * 160, detail="y<" * 300) for n in range(20))
    sections = tuple(Section(title=f"Section {n}", lines=lines) for n in range(9))
    return summary(title="t<" * 400, sections=sections, commands=(Line(text="steward " + "z" * 290),) * 12)


def evil() -> Summary:
    line = Line(text=EVIL, detail=EVIL)
    return summary(title=EVIL, sections=(Section(title=EVIL, lines=(line,)),), commands=(line,))


def test_plain_text_reads_from_top_to_bottom() -> None:
    assert plain(summary()) == (
        "[OK] fraud-scoring-mlflow: unhealthy tracking server, restarted 1 task, verified in 6 min\n"
        "\n"
        "stack fraud-scoring-mlflow, incident inc-1, run run-1, 2026-11-20 02:06:00 UTC\n"
        "\n"
        "What was changed\n"
        "  - Stopped task t1\n"
        "      its replacement is healthy\n"
        "\n"
        "How it was verified\n"
        "  - alarm_ok: true\n"
        "\n"
        "Commands\n"
        "  steward runs show run-1   # every move\n"
    )


def test_a_line_break_in_evidence_cannot_pose_as_a_section_s30() -> None:
    faked = summary(sections=(Section(title="Found", lines=(Line(text="log\n\nWhat was changed\nnothing"),)),))
    assert "\nWhat was changed" not in plain(faked)


def test_a_mail_s_subject_is_short_printable_ascii() -> None:
    for one in (summary(), summary(title="ü" * 200), evil()):
        text = subject(one)
        assert len(text) < SUBJECT_LIMIT
        assert text.isascii()
        assert text.isprintable()


def test_the_chat_message_has_aws_chat_s_schema_and_threads_by_incident() -> None:
    message = json.loads(chat_json(summary()))
    assert (message["version"], message["source"]) == ("1.0", "custom")
    assert message["content"]["textType"] == "client-markdown"
    assert message["content"]["nextSteps"] == ["`steward runs show run-1`: every move"]
    assert "*What was changed*\n• Stopped task t1 (its replacement is healthy)" in message["content"]["description"]
    assert message["metadata"]["threadId"] == "inc-1"
    assert set(message) == {"version", "source", "id", "content", "metadata"}
    assert set(message["content"]) == {"textType", "title", "description", "nextSteps", "keywords"}


def test_a_message_without_incident_threads_by_run_else_alone() -> None:
    assert chat(summary(incident_id=None))["metadata"]["threadId"] == "run-1"
    assert chat(summary(incident_id=None, run_id=None))["metadata"]["threadId"] == "run-1:end"


@pytest.mark.parametrize("one", [summary(), huge(), evil()], ids=["usual", "huge", "evil"])
def test_slack_s_own_models_accept_every_block(one: Summary) -> None:
    """slack_sdk knows Slack's limits; it is asked here so that Lambda need not carry it."""
    message = slack_message(one)
    assert len(message["blocks"]) <= 50
    for block in message["blocks"]:
        parsed = Block.parse(block)
        assert parsed is not None
        parsed.validate_json()
    texts = [block["text"]["text"] for block in message["blocks"] if block["type"] == "section"]
    assert all(0 < len(text) <= 3000 for text in texts)
    assert len(message["blocks"][0]["text"]["text"]) <= 150


def test_what_is_too_long_for_slack_is_cut_loudly_and_keeps_the_commands() -> None:
    blocks = slack_message(huge())["blocks"]
    texts = [block["text"]["text"] for block in blocks if block["type"] == "section"]
    assert any("cut" in text for text in texts)
    assert texts[-1].startswith("`steward ")
    assert blocks[-1]["type"] == "context"


def test_slack_gets_evidence_that_rings_nobody_and_links_nowhere_s30() -> None:
    text = json.dumps(slack_message(evil()), ensure_ascii=False)
    assert "<" not in text
    assert "://" not in text
    assert "@here" not in text
    assert "\\u001b" not in text
    mrkdwn = [b["text"] for b in slack_message(evil())["blocks"] if b["type"] == "section"]
    assert all(part["verbatim"] is True for part in mrkdwn)


def test_chat_gets_evidence_that_rings_nobody_and_links_nowhere_s30() -> None:
    text = chat_json(evil())
    assert "<" not in text
    assert "://" not in text
    assert "](" not in text
    assert "@here" not in text


def test_chat_and_plain_text_stay_within_what_sns_takes() -> None:
    assert len(chat_json(huge()).encode()) < 256 * 1024
    assert len(plain(huge()).encode()) < 256 * 1024
    assert len(chat(huge())["content"]["description"]) <= 2900
