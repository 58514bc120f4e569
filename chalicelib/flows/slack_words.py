"""What Slack's buttons carry and what is said back: inert text, no link that does anything by being opened."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from chalicelib.flows.parts import Parts
from chalicelib.models.run import Run
from chalicelib.models.signal import Signal
from chalicelib.notify.inert import for_slack
from chalicelib.notify.slack_blocks import APPROVE, REJECT
from chalicelib.signals.fields import decode, mapping

_VALUE = re.compile(r"(?P<run>[A-Za-z0-9][A-Za-z0-9._-]{0,127}) (?P<hash>[0-9a-f]{12,64})")
_SHOWN = 10


@dataclass(frozen=True)
class Asked:
    action: str
    run_id: str
    plan_hash: str


def asked_by_button(signal: Signal) -> Asked | None:
    found = _VALUE.fullmatch(str(signal.facts.get("value") or ""))
    if found is None or signal.name not in {APPROVE, REJECT}:
        return None
    return Asked(signal.name, found["run"], found["hash"])


def answer_yourself(run: Run, asked: Asked) -> str:
    verb = "reject" if asked.action == REJECT else "approve"
    return f'Type: steward runs {verb} {run.id} --hash {asked.plan_hash[:12]} --reason "…"'


def link_to(asked: Asked | None, address: str) -> str:
    """Names the request and asks whoever opens it who he is; opening it answers nothing (S27)."""
    return f"\n<{address}/v1/runs/{asked.run_id}|what is asked>" if asked and address else ""


def standing(parts: Parts, stacks: tuple[str, ...]) -> str:
    """What is open and what runs, on the stacks that this workspace may hear of."""
    lines = []
    for stack in stacks:
        open_ones = [incident.title for incident in parts.engine.incidents.open_of(stack)]
        live = [run for run in parts.engine.runs.recent(stack, limit=_SHOWN).rows if run.status.is_live]
        told_runs = [f"run {run.id} of {run.runbook.runbook} is {run.status.value}" for run in live]
        lines.append(f"{stack}: " + ("; ".join([*open_ones[:_SHOWN], *told_runs]) or "nothing is open, nothing runs"))
    return "\n".join(lines)


def told(text: str, link: str = "") -> dict[str, Any]:
    """To the person who asked and to nobody else. `link` is Steward's own; a text's are taken apart (S30)."""
    return {"response_type": "ephemeral", "replace_original": False, "text": for_slack(text, 2000) + link}


def response_address(body: bytes) -> str | None:
    """Slack's own, in a body whose signature was right; any other host is not asked."""
    payload = mapping(decode(parse_qs(body.decode(), max_num_fields=50).get("payload", [""])[0]))
    address = payload.get("response_url")
    if not isinstance(address, str):
        return None
    parts = urlsplit(address)
    return address if parts.scheme == "https" and parts.hostname == "hooks.slack.com" else None
