"""The health check of one stack as people read it: one row a probe, the diagnosis above."""

from collections.abc import Iterable
from typing import Any

from steward.cli.answers import table
from steward.cli.desk import let_it_show, open_desk, principal, watch

Json = dict[str, Any]
RUNBOOK = "health-check"
_FACTS = 6


def check_stack(stack: str, where: str) -> Json:
    """Runs the health check there and gives the stack in one answer."""
    nothing: Json = {"stack": stack, "run": None, "reasons": [], "diagnosis": None, "backups": None, "probes": []}
    with open_desk(where, shown=let_it_show) as desk:
        begun = desk.ask(
            "begin", runbook=RUNBOOK, stack=stack, principal=principal(), inputs={}, mode="live", reason="stacks check"
        )
        if not begun["run"]:
            return {**nothing, "reasons": begun["reasons"]}
        watch(desk, begun["run"])
        run = desk.ask("run", run=begun["run"])
    steps = {step["do"]: step for step in run["steps"]}
    backups = (steps.get("backup.posture") or {}).get("output")
    diagnosis = (steps.pop("mlflow.diagnose", None) or {}).get("output")
    probes = [
        {"probe": name, "status": step["status"], "says": says(step), "output": step["output"]}
        for name, step in steps.items()
    ]
    return {**nothing, "run": run["id"], "diagnosis": diagnosis, "backups": backups, "probes": probes}


def says(step: Json) -> str:
    """The scalars of an output, or why there is none."""
    output = step["output"] or {}
    if output.get("skipped"):
        return str(output["skipped"])
    facts = [f"{key} {value}" for key, value in output.items() if isinstance(value, str | int | float) and value != ""]
    return ", ".join(facts[:_FACTS]) or str(step["detail"] or "nothing")


def draw_check(said: Json) -> Iterable[str]:
    if said["run"] is None:
        yield f"not started: {'; '.join(said['reasons'])}"
        return
    yield from draw_diagnosis(said["diagnosis"] or {})
    yield ""
    yield from draw_backups(said["backups"] or {})
    yield ""
    yield from table(said["probes"], ("probe", "status", "says"))


def draw_backups(backups: Json) -> Iterable[str]:
    """Newest good backups, the last proven restore, what nothing covers; as `backup.posture` words it."""
    yield "backups" + (": LATE" if backups.get("late") else "")
    yield from (f"  {line}" for line in backups.get("lines", ()) or ["not read"])
    if backups.get("skipped"):
        yield f"  not read: {backups['skipped']}"


def draw_diagnosis(diagnosis: Json) -> Iterable[str]:
    cause = diagnosis.get("cause")
    yield f"{cause} ({diagnosis['confidence']:.0%} sure)" if cause else str(diagnosis.get("outcome", "unknown"))
    for finding in diagnosis.get("findings", []):
        yield f"  {finding['cause']}: {finding['remedy']}"
        yield from (f"    {line}" for line in finding["evidence"])
    vetoes = dict.fromkeys(f"  not now: {veto['step']}, {veto['why']}" for veto in diagnosis.get("vetoes", []))
    yield from vetoes
    yield from (f"  not read: {line}" for line in diagnosis.get("blind", []))
