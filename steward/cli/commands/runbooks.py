"""steward runbooks: what there is, whether it is right, and how it flies."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chalicelib.errors import InputError, UnknownName
from steward.cli.answers import answer, inert, json_option, print_json, table
from steward.cli.folders import PROJECT, folder, read_runbooks, yaml_files

if TYPE_CHECKING:
    from chalicelib.catalog.finding import LintFinding
    from chalicelib.models.runbook import Runbook, Trigger

Json = dict[str, Any]
dir_option = click.option("--runbooks", "given", metavar="DIR", help="Where they are. [default: runbooks/]")


@click.group()
def runbooks() -> None:
    """List, show, lint and rehearse runbooks; print their JSON Schema."""


@runbooks.command("list")
@dir_option
@json_option
def list_runbooks(given: str | None, as_json: bool) -> None:
    """Every runbook: what it reacts to and how far it may go."""
    found = [_brief(each) for each in read_runbooks(given).values()]
    columns = ("runbook", "autonomy", "reacts_to", "acts", "title")
    answer({"runbooks": found}, as_json, lambda said: table(said["runbooks"], columns))


def _brief(runbook: "Runbook") -> Json:
    return {
        "runbook": runbook.runbook,
        "title": runbook.title,
        "autonomy": runbook.autonomy.value,
        "reacts_to": [_trigger(each) for each in runbook.on],
        "acts": [step.do or f"include {step.include}" for step in runbook.steps],
        "verifies": list(runbook.verify.that) if runbook.verify else [],
        "hash": runbook.content_hash,
    }


def _trigger(trigger: "Trigger") -> str:
    body = trigger.model_dump(mode="json", by_alias=True, exclude_none=True)
    source, given = next(iter(body.items()))
    first = next((str(value) for value in given.values() if value), "")
    return f"{source} {first}".strip()


@runbooks.command()
@click.argument("name", metavar="RUNBOOK")
@dir_option
@json_option
def show(name: str, given: str | None, as_json: bool) -> None:
    """One runbook as Steward understands it, defaults filled in and includes in place."""
    from chalicelib.wiring import pinned

    known = read_runbooks(given)
    if name not in known:
        raise UnknownName("runbook", name, list(known))
    whole = pinned(known)[name].model_dump(mode="json", by_alias=True, exclude_none=True)
    answer({**whole, "hash": known[name].content_hash}, as_json, _as_yaml)


def _as_yaml(body: Json) -> Iterable[str]:
    import yaml

    shown = {key: value for key, value in body.items() if key != "hash"}
    yield from yaml.safe_dump(shown, sort_keys=False, width=110, allow_unicode=True).splitlines()
    yield f"# hash {body['hash']}"


@runbooks.command()
@click.argument("files", nargs=-1, metavar="[FILE…]")
@dir_option
@json_option
def lint(files: tuple[str, ...], given: str | None, as_json: bool) -> int:
    """Say what is wrong in runbook FILEs (default: all): `file:line: what; write … instead`."""
    from chalicelib.catalog.lint import lint_text
    from chalicelib.wiring import step_index

    paths = [Path(file) for file in files] or yaml_files(folder("runbooks", given))
    texts = {path: _text(path) for path in paths}
    known = _loadable([*yaml_files(folder("runbooks", given)), *paths])
    index = step_index()
    found = [finding for path, text in texts.items() for finding in lint_text(text, str(path), index, known)]
    answer(
        {"files": len(paths), "findings": [_finding(each) for each in found]}, as_json, lambda _: _linted(found, paths)
    )
    return 2 if any(each.level == "error" for each in found) else 0


def _text(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error


def _loadable(paths: list[Path]) -> "dict[str, Runbook]":
    """Those that load, for `include`; why others do not is found when they are linted."""
    from chalicelib.catalog.load import load_runbook

    known = {}
    for path in paths:
        try:
            runbook = load_runbook(path.read_bytes(), str(path))
        except InputError:
            continue
        known[runbook.runbook] = runbook
    return known


def _finding(found: "LintFinding") -> Json:
    return {
        "file": found.file,
        "line": found.line,
        "what": found.what,
        "instead": found.instead,
        "level": found.level,
    }


def _linted(found: "list[LintFinding]", paths: list[Path]) -> Iterable[str]:
    yield from (f"{each}{' (warning)' if each.level == 'warning' else ''}" for each in found)
    if not found:
        yield f"{len(paths)} runbook{'s' if len(paths) != 1 else ''}, nothing to mend"


@runbooks.command()
@json_option
def schema(as_json: bool) -> None:  # noqa: ARG001 - a schema is JSON either way
    """Print the JSON Schema of runbook files, for editors."""
    from chalicelib.catalog.schema import runbook_schema
    from chalicelib.wiring import step_index

    print_json(runbook_schema(step_index()))


@runbooks.command()
@click.argument("name", metavar="[RUNBOOK]", required=False)
@click.option("--rehearsals", "cases_dir", metavar="DIR", help="Where the cases are. [default: tests/rehearsals/]")
@dir_option
@json_option
def rehearse(name: str | None, cases_dir: str | None, given: str | None, as_json: bool) -> int:
    """Fly the rehearsals of RUNBOOK (default: all) on the sandbox and compare with what they expect."""
    from steward.sandbox.rehearsals import find_rehearsals, fly

    known = read_runbooks(given)
    if name is not None and name not in known:
        raise UnknownName("runbook", name, list(known))
    cases = find_rehearsals(_cases(cases_dir), name)
    if not cases:
        raise InputError(f"there are no rehearsals of {name or 'any runbook'} in {_cases(cases_dir)}")
    flown = []
    for file, case in cases:
        began = time.monotonic()
        result = fly(file, case, known)
        flown.append(
            {
                "file": file,
                "runbook": case.runbook,
                "rehearsal": case.rehearsal,
                "ok": result.ok,
                "problems": list(result.problems),
                "virtual_s": result.virtual_s,
                "seconds": round(time.monotonic() - began, 2),
                "verdict": result.run.verdict.value if result.run and result.run.verdict else None,
                "status": result.run.status.value if result.run else None,
                "changes": dict(result.changes),
            }
        )
        if not as_json:
            _print_flown(flown[-1])
    failed = sum(not each["ok"] for each in flown)
    said = {"rehearsals": flown, "failed": failed}
    answer(said, as_json, lambda _: [f"{len(flown)} rehearsals, {failed} not as expected"])
    return 1 if failed else 0


def _cases(given: str | None) -> Path:
    here = Path(given) if given else Path("tests") / "rehearsals"
    return here if given or here.is_dir() else PROJECT / here


def _print_flown(flown: Json) -> None:
    mark = "ok  " if flown["ok"] else "FAIL"
    end = flown["verdict"] or flown["status"] or "no run"
    click.echo(inert(f"{mark} {flown['runbook']}: {flown['rehearsal']} [{end}, {flown['seconds']} s]"))
    for problem in flown["problems"]:
        click.echo(inert(f"       {problem}"))
