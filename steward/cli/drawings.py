"""Plain lines for people, made from the same JSON that `--json` prints. Only text goes out of here."""

import json
from collections.abc import Iterable
from typing import Any

from steward.cli.answers import table

Json = dict[str, Any]


def clock_of(moment: str) -> str:
    return moment[11:19]


def moment_line(moment: Json) -> str:
    return f"{clock_of(moment['at'])}  {moment['what']:<16} {moment['text']}"


def draw_plan(plan: Json) -> Iterable[str]:
    yield f"plan of {plan['runbook']} for {plan['stack']}, hash {plan['hash'] or '(none)'}"
    if not plan["changes"]:
        yield f"  no changes: {plan['outcome']}"
    for number, change in enumerate(plan["changes"], 1):
        yield f"  {number}. {change['sentence']}"
        yield f"     {change['operation']} on {change['resource']}"
        yield f"     with {json.dumps(change['parameters'])}"
        yield f"     undo {change['undo']['operation'] if change['undo'] else 'not possible'}"
        if change["loses"]:
            yield f"     LOSES {change['loses']}"
    yield from (f"  later: step {each['step']}: {each['why']}" for each in plan["known_later"])
    yield from (f"  skipped: step {each['step']}: {each['why']}" for each in plan["skipped"])
    yield "nothing was changed"


def draw_run(run: Json) -> Iterable[str]:
    yield f"run {run['id']} of {run['runbook']} on {run['stack']}, started by {run['started_by']}"
    yield f"  {run['status']}{', verdict ' + run['verdict'] if run['verdict'] else ''}: {run['outcome'] or 'under way'}"
    if run["plan_hash"]:
        yield f"  plan {run['plan_hash']}"
    approval = run["approval"]
    if approval:
        yield f"  approval {approval['number']} {approval['state']}: {approval['question']}"
    yield ""
    yield from table(run["steps"], ("id", "do", "status", "attempt", "detail"))
    changes = [(c, p) for step in run["steps"] for c, p in zip(step["changes"], step["progress"], strict=True)]
    for change, progress in changes:
        yield f"  {progress['state']}: {change['sentence']}"
    yield ""
    yield from (moment_line(moment) for moment in run["timeline"])


def draw_decisions(said: Json) -> Iterable[str]:
    if not said["decisions"]:
        yield "no decisions"
    for decision in said["decisions"]:
        about = decision["parts"][0]["signal"] if decision["parts"] else {}
        what = " ".join(str(about[key]) for key in ("kind", "state", "name") if about.get(key))
        runbook = f" {decision['runbook']}" if decision["runbook"] else ""
        yield f"{clock_of(decision['at'])}  {decision['outcome']}{runbook}  {what}"
        yield from (f"          {reason}" for reason in decision["reasons"])
