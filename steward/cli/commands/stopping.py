"""steward stop, resume, freeze, now (S8): who is stopped, and what is going on."""

from collections.abc import Iterable
from typing import Any

import click

from chalicelib.errors import InputError
from steward.cli.answers import answer, json_option, table
from steward.cli.desk import on_option, open_desk, principal
from steward.cli.remote import find_remote

Json = dict[str, Any]
stack_option = click.option("--stack", metavar="STACK", help="Only this stack. [default: everything]")
reason_option = click.option("--reason", required=True, metavar="TEXT", help="Why; people will read it.")


def _whom(word: str) -> str:
    return "everything" if word == "*" else word


def _warn_if_fresh(where: str) -> None:
    if where == "sandbox" and find_remote() is None:
        click.echo("steward: no sandbox is up, so this was said to a fresh world that is gone again", err=True)


@click.command()
@stack_option
@reason_option
@on_option
@json_option
def stop(stack: str | None, reason: str, where: str, as_json: bool) -> None:
    """Stop: nothing new starts, and what runs halts before its next change and says what is half-done."""
    with open_desk(where) as desk:
        said = desk.ask("stop", stack=stack, principal=principal(), reason=reason)
    _warn_if_fresh(where)
    answer(said, as_json, lambda s: [f"stopped {_whom(s['stopped'])}: {s['reason']}", *_halted(s["runs"])])


def _halted(runs: list[str]) -> Iterable[str]:
    yield from (f"  run {run} was told to halt; see `steward runs show {run}`" for run in runs)


@click.command()
@stack_option
@click.option("--incident", metavar="INCIDENT", help="Instead: let Steward act again on one that waits for a person.")
@click.option("--reason", default="", metavar="TEXT", help="Why; people will read it.")
@on_option
@json_option
def resume(stack: str | None, incident: str | None, reason: str, where: str, as_json: bool) -> None:
    """Take a stop back. What was halted is not taken up again by itself."""
    if stack and incident:
        raise InputError("give --stack or --incident, not both")
    with open_desk(where) as desk:
        if incident:
            said = desk.ask("resume_incident", incident=incident, principal=principal(), reason=reason)
        else:
            said = desk.ask("resume", stack=stack, principal=principal(), reason=reason)
    _warn_if_fresh(where)
    answer(said, as_json, lambda s: [f"resumed {_whom(s['resumed'])}"])


@click.command()
@stack_option
@reason_option
@click.option("--for", "lasts", metavar="DURATION", help="Like 30m, 2h or 7d. [default: 2h]")
@click.option("--until", metavar="TIME", help="Instead of --for: a time like 2026-11-03T06:00:00Z.")
@on_option
@json_option
def freeze(*, stack: str | None, reason: str, lasts: str | None, until: str | None, where: str, as_json: bool) -> None:
    """Freeze: for a while nothing starts by itself; people still can."""
    if lasts and until:
        raise InputError("give --for or --until, not both")
    given = {"until": until} if until else {"lasts": lasts or "2h"}
    with open_desk(where) as desk:
        said = desk.ask("freeze", stack=stack, principal=principal(), reason=reason, **given)
    _warn_if_fresh(where)
    answer(said, as_json, lambda s: [f"froze {_whom(s['frozen'])} until {s['until']}: {s['reason']}"])


@click.command()
@on_option
@json_option
def now(where: str, as_json: bool) -> None:
    """What is stopped, what runs, which incidents are open, what was changed in the last day."""
    with open_desk(where) as desk:
        said = desk.ask("now")
    answer(said, as_json, _drawn)


_SHOWN = {
    "stopped": ("stack", "by", "reason"),
    "frozen": ("stack", "by", "until", "reason"),
    "running": ("id", "runbook", "status", "started_by"),
    "incidents": ("id", "state", "title", "reason"),
    "changed": ("at", "run", "what"),
}


def _drawn(said: Json) -> Iterable[str]:
    yield f"at {said['at']}"
    for name, columns in _SHOWN.items():
        yield ""
        yield f"{name}: {'nothing' if not said[name] else ''}".rstrip()
        if said[name]:
            yield from (f"  {line}" for line in table(said[name], columns))
