"""Draws a Summary as plain text (SNS, mail, log) and as AWS chat's custom notification.

Pure. Slack has its own file. Every text of the Summary passes through `inert` on its way; only the
markup written here is markup.
"""

import json
from typing import Any

from chalicelib.models.summary import Line, Section, Severity, Summary
from chalicelib.notify.inert import cut, for_chat, for_code, for_plain

PLAIN_LIMIT = 30_000  # SNS takes 256 KiB of UTF-8, four bytes a character at worst; nobody reads that much
SUBJECT_LIMIT = 100  # SNS: fewer than 100 printable ASCII characters, starting with one that is not a space

# AWS documents the fields of a custom notification but no sizes; Slack draws 3,000 characters a section,
# and the message as a whole has to fit SNS.
_CHAT_TITLE, _CHAT_DESCRIPTION, _CHAT_STEP, _CHAT_STEPS = 200, 2_900, 300, 8

MARK = {Severity.GOOD: "OK", Severity.INFO: "INFO", Severity.WARNING: "WARNING", Severity.CRITICAL: "CRITICAL"}


def plain(summary: Summary, limit: int = PLAIN_LIMIT) -> str:
    parts = [f"[{MARK[summary.severity]}] {for_plain(summary.title, 200)}", _about(summary)]
    parts += [_plain_section(section) for section in summary.sections]
    if summary.commands:
        parts.append("\n".join(["Commands", *(_plain_command(command) for command in summary.commands)]))
    return cut("\n\n".join(parts), limit) + "\n"


def subject(summary: Summary) -> str:
    """What SNS takes as the subject of a mail: short, printable ASCII, one line."""
    text = f"[{MARK[summary.severity]}] {for_plain(summary.title, 200)}"
    ascii_only = "".join(c if " " <= c <= "~" else "?" for c in text)
    return ascii_only if len(ascii_only) < SUBJECT_LIMIT else f"{ascii_only[: SUBJECT_LIMIT - 4]}..."


def chat(summary: Summary) -> dict[str, Any]:
    """Schema `custom`, version 1.0, of AWS chat (Amazon Q Developer in chat applications).

    Messages of one run, else one incident, share a thread.
    """
    description = "\n\n".join(_chat_section(section) for section in summary.sections)
    return {
        "version": "1.0",
        "source": "custom",
        "id": summary.id,
        "content": {
            "textType": "client-markdown",
            "title": f"[{MARK[summary.severity]}] {for_chat(summary.title, _CHAT_TITLE)}",
            "description": cut(description, _CHAT_DESCRIPTION),
            "nextSteps": [_chat_step(command) for command in summary.commands[:_CHAT_STEPS]],
            "keywords": [summary.stack, summary.occasion, summary.severity.value],
        },
        "metadata": {
            "threadId": summary.incident_id or summary.run_id or summary.id,
            "summary": for_chat(summary.title, _CHAT_TITLE),
            "eventType": f"steward.{summary.occasion}",
        },
    }


def chat_json(summary: Summary) -> str:
    return json.dumps(chat(summary), ensure_ascii=False, separators=(",", ":"))


def _about(summary: Summary) -> str:
    facts = [("stack", summary.stack), ("incident", summary.incident_id), ("run", summary.run_id)]
    told = ", ".join(f"{name} {for_plain(value, 120)}" for name, value in facts if value)
    return f"{told}, {summary.at:%Y-%m-%d %H:%M:%S} UTC"


def _plain_section(section: Section) -> str:
    return "\n".join([for_plain(section.title, 120), *(_plain_line(line) for line in section.lines)])


def _plain_line(line: Line) -> str:
    # Every line of an entry is indented, so that a line break in evidence cannot pose as a new section.
    entry = "  - " + for_plain(line.text).replace("\n", "\n    ")
    return entry + ("\n      " + for_plain(line.detail).replace("\n", "\n      ") if line.detail else "")


def _plain_command(command: Line) -> str:
    return f"  {for_plain(command.text, 300)}" + (f"   # {for_plain(command.detail, 200)}" if command.detail else "")


def _chat_section(section: Section) -> str:
    return "\n".join([f"*{for_chat(section.title, 120)}*", *(_chat_line(line) for line in section.lines)])


def _chat_line(line: Line) -> str:
    text = for_chat(line.text).replace("\n", " ")
    return f"• {text}" + (f" ({for_chat(line.detail, 300)})".replace("\n", " ") if line.detail else "")


def _chat_step(command: Line) -> str:
    code = f"`{for_code(command.text, _CHAT_STEP - 100)}`"
    return f"{code}: {for_chat(command.detail, 90)}" if command.detail else code
