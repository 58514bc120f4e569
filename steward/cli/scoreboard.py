"""All scenarios in one table: fault, diagnosis, action or veto, verdict. Every cell is read from runs' records."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from steward.cli.answers import inert
from steward.sandbox import place

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

Json = dict[str, Any]
WIDTH = 100
"""Where nobody says how wide it is: a file, a pipe."""
_MOST = 80
_WITHOUT = {
    "stopped": "nothing done",
    "awaiting_approval": "asks people",
    "finished": "people are told",
    "cancelled": "cancelled",
}
"""How a run without a verdict ended, in words."""
_STYLES = {
    "verified": "bold green",
    "recovered_before_action": "bold green",
    "failed": "bold red",
    "inconclusive": "bold red",
    "asks people": "bold yellow",
}


def row_of(told: Json) -> Json:
    """`told` as a story says it of itself."""
    runs, main = told["runs"], told["run"] or {}
    of_main: Json = next((run for run in runs if run["id"] == main.get("id")), {})
    found: Json = of_main.get("diagnosis") or next((run["diagnosis"] for run in reversed(runs) if run["diagnosis"]), {})
    approval = of_main.get("approval") or {}
    return {
        "scenario": told["scenario"],
        "fault": told["fault"],
        "entered": of_main.get("started_by"),
        "runbook": main.get("runbook"),
        "diagnosis": found.get("cause") or found.get("outcome"),
        "confidence": found.get("confidence") if found.get("cause") else None,
        "vetoes": [run["outcome"] for run in runs if _is_veto(run)],
        "refused": [run["outcome"] for run in runs if run["status"] == "stopped" and not _is_veto(run)],
        "changes": told["changes"],
        "approved_by": approval.get("by") if approval.get("state") == "approved" else None,
        "verdict": told["verdict"],
        "status": main.get("status"),
        "seconds": told["seconds"],
    }


def _is_veto(run: Mapping[str, Any]) -> bool:
    return run["status"] == "stopped" and str(run["outcome"]).startswith("veto: ")


def did(row: Json) -> list[str]:
    """What was vetoed or refused, what was changed, who said yes: a line each."""
    lines = [_short("vetoed", _of_veto(outcome)) for outcome in row["vetoes"]]
    lines += [_short("refused:", outcome) for outcome in row["refused"]]
    if row["changes"]:
        changed = ", ".join(f"{each['count']} {each['operation']}" for each in row["changes"])
        lines.append(f"{changed}; {row['approved_by']} said yes" if row["approved_by"] else changed)
    return lines or ["changes nothing"]


def _of_veto(outcome: str) -> str:
    """`veto: STEP would do harm while CAUSE: WHY`, without the cause, which stands beside it."""
    said, _, why = outcome.removeprefix("veto: ").partition(": ")
    return f"{said.split(' ', 1)[0]}: {why}"


def ended(row: Json) -> str:
    if row["verdict"]:
        return str(row["verdict"])
    return "vetoed" if row["vetoes"] else _WITHOUT.get(row["status"] or "", "no run")


def _short(word: str, text: str) -> str:
    """As much as a table takes; the whole is in the record. Of a failed step, without saying twice that it failed."""
    kept = " ".join(inert(text).split())
    kept = kept.partition(" failed: ")[2] if kept.startswith("step ") else kept
    return f"{word} {kept if len(kept) <= _MOST else kept[:_MOST].rsplit(' ', 1)[0] + ' …'}"


def show(told: Sequence[Json]) -> None:
    """What Steward knows of MLflow comes first, then how it acts; one table, one line between the two."""
    from steward.sandbox.scenarios import OF_MLFLOW, OF_THE_MACHINE

    console = stage_console()
    rows = {each["scenario"]: row_of(each) for each in told}
    parts = ([rows[each.name] for each in part if each.name in rows] for part in (OF_MLFLOW, OF_THE_MACHINE))
    console.print()
    console.print(_drawn([part for part in parts if part]))
    for line in _ending(list(rows.values())):
        console.print(line, highlight=False)


def stage_console() -> "Console":
    import os

    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = WIDTH
    return console


def _drawn(parts: Sequence[Sequence[Json]]) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name, width in (("FAULT, ENTERED BY", 22), ("DIAGNOSIS", 27), ("ACTION OR VETO", 33), ("VERDICT", 10)):
        table.add_column(name, width=width, overflow="fold")
    for part in parts:
        for row in part:
            table.add_row(*_cells(row))
        table.add_section()
    return table


def _cells(row: Json) -> "tuple[Text, ...]":
    from rich.text import Text

    verdict = ended(row)
    shown = Text(verdict.replace("_", " "), style=_STYLES.get(verdict, "bold cyan"))
    diagnosis = _cell(row["diagnosis"] or "-", _sure(row))
    return _cell(row["fault"], _entered(row)), diagnosis, Text("\n".join(did(row))), shown


def _cell(first: str, second: str) -> "Text":
    from rich.text import Text

    text = Text(inert(first), style="bold")
    return text.append(f"\n{inert(second)}", style="dim not bold") if second else text


def _entered(row: Json) -> str:
    """`alarm 5xx`, `ecs.service event`, `by hand`."""
    kind, _, name = str(row["entered"] or "nothing came in").partition(" ")
    if kind.startswith("demo/"):
        return "by hand"
    return f"alarm {name.removeprefix(f'{place.NAME}-')}" if kind == "alarm" else f"{kind} event"


def _sure(row: Json) -> str:
    return f"{row['confidence']:.0%} sure" if row["confidence"] is not None else ""


def _ending(rows: list[Json]) -> Iterable[str]:
    ends = [ended(row) for row in rows]
    counted = ", ".join(f"{end.replace('_', ' ')} {ends.count(end)}" for end in dict.fromkeys(ends))
    yield f"{len(rows)} scenarios in {sum(row['seconds'] for row in rows):.0f} s: {counted}."
    yield "One of them as a story: steward demo --scenario idle-duplicates"
