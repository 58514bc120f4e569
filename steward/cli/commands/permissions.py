"""steward permissions: each right of a stack's roles in a sentence: who needs it, on what, and why."""

from typing import Any

import click

from chalicelib.errors import InputError, UnknownName
from steward.cli.answers import answer, json_option
from steward.cli.folders import read_runbooks, read_stacks

Json = dict[str, Any]


@click.command()
@click.argument("runbook", required=False)
@click.option("--stack", "name", metavar="STACK", help="Whose roles. [default: the first of stacks/]")
@click.option("--stacks", "stacks_dir", metavar="DIR", help="Where stack files are. [default: stacks/]")
@click.option("--dir", "given", metavar="DIR", help="Where runbooks are. [default: runbooks/]")
@json_option
def permissions(
    runbook: str | None, name: str | None, stacks_dir: str | None, given: str | None, as_json: bool
) -> None:
    """Explain what `steward package` would allow Steward on a stack, or the part of it that RUNBOOK needs."""
    from steward.packaging.rights_words import explained

    known, stacks = read_runbooks(given), read_stacks(stacks_dir)
    if runbook is not None and runbook not in known:
        raise UnknownName("runbook", runbook, list(known))
    if not stacks:
        raise InputError("there is no stack file; `steward stacks discover` writes one")
    stack = next(iter(stacks.values())) if name is None else stacks.get(name)
    if stack is None:
        raise UnknownName("stack", name or "", list(stacks))
    found = explained(stack, known, runbook)
    said = {"stack": stack.stack, "autonomy": stack.autonomy.value, "runbook": runbook, "grants": found}
    answer(said, as_json, _drawn)


def _drawn(said: Json) -> list[str]:
    lines = [f"What Steward may do on {said['stack']} (autonomy {said['autonomy']})"]
    for role in dict.fromkeys(each["role"] for each in said["grants"]):
        mine = [each for each in said["grants"] if each["role"] == role]
        changes = sum(each["changes"] for each in mine)
        lines += ["", f"role {role}: {len(mine)} rights, {changes} of them change something", ""]
        lines += [f"  {each['sentence']}" for each in mine]
    return lines
