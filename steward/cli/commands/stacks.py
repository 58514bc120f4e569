"""steward stacks: the deployments under care, and whether their files are right."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chalicelib.errors import DocumentError, DocumentErrors, InputError
from steward.cli.answers import answer, json_option, table
from steward.cli.desk import on_option
from steward.cli.folders import read_stacks
from steward.cli.health import check_stack, draw_check

if TYPE_CHECKING:
    from chalicelib.models.stack import Stack

Json = dict[str, Any]


@click.group()
def stacks() -> None:
    """List the stacks under care; check a stack file."""


@stacks.command("list")
@click.option("--stacks", "given", metavar="DIR", help="Where they are. [default: stacks/]")
@json_option
def list_stacks(given: str | None, as_json: bool) -> None:
    """Every stack that has a file."""
    found = [_brief(each) for each in read_stacks(given).values()]
    columns = ("stack", "region", "autonomy", "service", "url", "owners")
    answer({"stacks": found}, as_json, lambda said: table(said["stacks"], columns))


def _brief(stack: "Stack") -> Json:
    return {
        "stack": stack.stack,
        "region": stack.region,
        "account": stack.account,
        "autonomy": stack.autonomy.value,
        "service": stack.service_ref,
        "url": stack.url,
        "owners": list(stack.owners),
        "version": stack.version,
    }


@stacks.command("check")
@click.argument("stack", metavar="STACK")
@on_option
@json_option
def check(stack: str, where: str, as_json: bool) -> int:
    """Look at the whole STACK now, changing nothing: every probe, and what all of it together says."""
    said = check_stack(stack, where)
    answer(said, as_json, draw_check)
    return 0 if said["run"] else 1


@stacks.command("check-file")
@click.argument("file", metavar="FILE")
@json_option
def check_file(file: str, as_json: bool) -> int:
    """Say what is wrong in a stack FILE, with line and field."""
    from chalicelib.catalog.load import load_stack

    mistakes: list[DocumentError] = []
    try:
        text = Path(file).read_bytes()
    except OSError as error:
        raise InputError(f"{file}: {error.strerror or error}") from error
    try:
        load_stack(text, file)
    except DocumentErrors as errors:
        mistakes = errors.errors
    except DocumentError as error:
        mistakes = [error]
    said = {"file": file, "ok": not mistakes, "mistakes": [_mistake(each) for each in mistakes]}
    answer(said, as_json, lambda _: [str(each) for each in mistakes] or [f"{file}: nothing to mend"])
    return 2 if mistakes else 0


def _mistake(error: DocumentError) -> Json:
    return {"line": error.line, "column": error.column, "field": error.field, "what": error.what}
