"""Draws a Summary as Slack blocks for an incoming webhook.

Pure, plain dicts: slack_sdk costs 99 ms to import and would only carry them; the tests hold what is
drawn here against its models and their limits.
"""

from collections.abc import Iterator
from typing import Any

from chalicelib.models.summary import Line, Question, Section, Severity, Summary
from chalicelib.notify.inert import cut, for_code, for_plain, for_slack, without_mentions

# Slack's own limits: 50 blocks a message, 150 characters in a header, 3,000 in a section's text.
_BLOCKS, _HEADER, _TEXT = 50, 150, 3_000

APPROVE, REJECT = "steward_approve", "steward_reject"
"""What the buttons are called when Slack tells of them."""

_ICON = {
    Severity.GOOD: ":white_check_mark:",
    Severity.INFO: ":information_source:",
    Severity.WARNING: ":warning:",
    Severity.CRITICAL: ":rotating_light:",
}


def slack_message(summary: Summary, *, buttons: bool = False) -> dict[str, Any]:
    """The whole body of a webhook call. `text` is what a phone's notification shows. `buttons` only where Slack
    calls Steward back: anywhere else they would do nothing."""
    title = f"{_ICON[summary.severity]} {_header(summary.title)}"
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": cut(title, _HEADER), "emoji": True}}
    ]
    blocks += [_mrkdwn(text) for section in summary.sections for text in _chunks(section)]
    if summary.commands:
        commands = "\n".join(_command(command) for command in summary.commands)
        blocks.append(_mrkdwn(cut(commands, _TEXT)))
    # The commands and the context come last and must not be what is left out.
    tail = blocks[-1:] if summary.commands else []
    if summary.question and buttons:
        tail = [*tail, _buttons(summary.question)]
        blocks.append(tail[-1])
    room = _BLOCKS - len(tail) - 1
    head = blocks[: len(blocks) - len(tail)]
    if len(head) > room:
        head = [*head[: room - 1], _mrkdwn("… cut: `steward runs show` has all of it")]
    return {
        "text": f"{_ICON[summary.severity]} {for_slack(summary.title, 200)}",
        "blocks": [*head, *tail, _context(summary)],
    }


def _buttons(question: Question) -> dict[str, Any]:
    """They name the request and what was seen; who presses them is asked by Steward (S27)."""
    value = f"{question.run_id} {question.plan_hash}"
    pairs = ((APPROVE, "Approve this plan", "primary"), (REJECT, "Reject it", "danger"))
    elements = [
        {
            "type": "button",
            "action_id": name,
            "text": {"type": "plain_text", "text": text},
            "value": value,
            "style": style,
        }
        for name, text, style in pairs
    ]
    return {"type": "actions", "elements": elements}


def _header(text: str) -> str:
    # A header is plain text: entities would be shown as they are, so angle brackets become lookalikes.
    return without_mentions(for_plain(text, 120)).replace("<", "\u2039").replace(">", "\u203a")


def _mrkdwn(text: str) -> dict[str, Any]:
    # verbatim: Slack turns no address, name or channel in the text into a link of its own.
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _context(summary: Summary) -> dict[str, Any]:
    facts = [("stack", summary.stack), ("incident", summary.incident_id), ("run", summary.run_id)]
    told = " · ".join(f"{name} {for_slack(value, 120)}" for name, value in facts if value)
    text = f"{told} · {summary.at:%Y-%m-%d %H:%M:%S} UTC"
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text, "verbatim": True}]}


def _chunks(section: Section) -> Iterator[str]:
    """The section's lines under its title, in as many texts as fit Slack's limit; no line is torn apart."""
    text = f"*{for_slack(section.title, 120)}*"
    for entry in map(_entry, section.lines):
        if len(text) + 1 + len(entry) > _TEXT:
            yield text
            text = entry
        else:
            text = f"{text}\n{entry}"
    yield text


def _entry(line: Line) -> str:
    # Escaping can make five characters of one: 400 and 150 stay below a section's 3,000 at worst.
    text = for_slack(line.text, 400).replace("\n", "\n    ")
    return f"• {text}" + (f"\n    {for_slack(line.detail, 150)}".replace("\n", "\n    ") if line.detail else "")


def _command(command: Line) -> str:
    return f"`{for_code(command.text)}`" + (f"  {for_slack(command.detail, 150)}" if command.detail else "")
