"""steward diagnose: from a log, or from recorded signals, to a named cause and what to do about it."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from chalicelib.diagnosis.diagnose import Diagnoser
from chalicelib.diagnosis.signals import KEYS, read_signals
from chalicelib.diagnosis.symptoms import Symptoms
from chalicelib.errors import InputError
from chalicelib.models.finding import Diagnosis, Evidence, Finding
from steward.cli.answers import answer, inert, json_option, print_json, print_json_line
from steward.cli.desk import on_option
from steward.cli.health import check_stack, draw_diagnosis
from steward.cli.knowledge import read_knowledge

Json = dict[str, Any]
_BLOCK = 64 * 1024
_MAX_CASE = 32 << 20
_SURE = 0.75


@click.command()
@click.argument("file", required=False)
@click.option("--cases", metavar="CASES.jsonl", help="Recorded cases, one a line; only their `signals` are read.")
@click.option("--stack", metavar="STACK", help="Ask the stack itself, with every probe; nothing is changed.")
@on_option
@json_option
def diagnose(file: str | None, cases: str | None, stack: str | None, where: str, as_json: bool) -> int:
    """Name what is wrong, from FILE: a log, or a JSON object of signals (logs, ecs_stopped_reason, exit_code, http)."""
    if sum(each is not None for each in (file, cases, stack)) != 1:
        raise click.UsageError("give a FILE, --cases CASES.jsonl or --stack STACK", click.get_current_context())
    if stack is not None:
        said = check_stack(stack, where)
        answer(said["diagnosis"] or {"outcome": "unknown", "reasons": said["reasons"]}, as_json, draw_diagnosis)
        return 0 if said["run"] else 1
    diagnoser = Diagnoser(read_knowledge())
    if cases is not None:
        for case, symptoms in _cases(cases):
            _show_case(case, diagnoser.diagnose(symptoms), as_json)
        return 0
    found = diagnoser.diagnose(_symptoms(str(file)))
    if as_json:
        print_json(
            {"outcome": found.outcome.value, "findings": [*map(_full, found.findings)], "vetoes": _vetoes(found)}
        )
    else:
        for line in _drawn(found, diagnoser):
            click.echo(inert(line))
    return 0


def _cases(file: str) -> Iterator[tuple[object, Symptoms]]:
    with Path(file).open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            where = f"{file}:{number}"
            case = _parsed(line, where)
            if not isinstance(case, dict) or "signals" not in case:
                raise InputError(f"{where}: a case is a JSON object with `id` and `signals`")
            yield case.get("id", number), read_signals(case["signals"], where)


def _parsed(text: bytes, where: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise InputError(f"{where}: not JSON ({exc})") from exc


def _symptoms(file: str) -> Symptoms:
    """A JSON object that holds signals is read as such; anything else is a log, of any size."""
    path = Path(file)
    with path.open("rb") as stream:
        begins = stream.read(256).lstrip()
    if begins.startswith(b"{") and path.stat().st_size <= _MAX_CASE:
        try:
            data = json.loads(path.read_bytes())
        except (ValueError, RecursionError):
            data = None  # a log whose lines are JSON
        if isinstance(data, dict):
            signals = data.get("signals", data)
            if isinstance(signals, dict) and KEYS & signals.keys():
                return read_signals(signals, file)
    return Symptoms(log=_blocks(path))


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            yield block


def _show_case(case: object, found: Diagnosis, as_json: bool) -> None:
    if as_json:
        print_json_line({"id": case, "outcome": found.outcome.value, "findings": [*map(_short, found.findings)]})
        return
    best = found.findings[0] if found.findings else None
    click.echo(inert(f"{case}: {best.cause} ({best.confidence:.2f})" if best else f"{case}: {found.outcome.value}"))


def _short(finding: Finding) -> Json:
    return finding.model_dump(mode="json", include={"cause", "confidence", "evidence", "remedy"})


def _full(finding: Finding) -> Json:
    return finding.model_dump(mode="json") | {"may_act_alone": finding.may_act_alone}


def _vetoes(found: Diagnosis) -> list[Json]:
    return [veto.model_dump(mode="json") for veto in found.vetoes]


def _drawn(found: Diagnosis, diagnoser: Diagnoser) -> Iterable[str]:
    if not found.findings:
        yield {"healthy": "healthy: nothing is wrong in what was given"}.get(
            found.outcome.value, "unknown: what was given does not say what is wrong"
        )
    for number, finding in enumerate(found.findings, 1):
        cause = diagnoser.cause(finding.cause)
        sure = "" if finding.confidence >= _SURE else ", not sure"
        yield f"{number}. {finding.cause} ({finding.confidence:.2f}{sure}): {cause.means}"
        yield from (f"     {_where(each)}: {each.text}" for each in finding.evidence)
        yield f"   do: {finding.remedy}"
        yield f"   does not help: {cause.does_not_help}"
        if not finding.may_act_alone:
            yield "   this rests on log text alone: reason to look, not to act by itself"
    for veto in found.vetoes:
        yield f"not now: {veto.step}, for {veto.cause}: {veto.why}"


def _where(evidence: Evidence) -> str:
    return f"{evidence.source}:{evidence.line}" if evidence.line is not None else evidence.source
