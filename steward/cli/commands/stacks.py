"""steward stacks: the deployments under care, and whether their files are right."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chalicelib.errors import DocumentError, DocumentErrors, InputError
from steward.cli.answers import answer, json_option, print_json, table
from steward.cli.desk import on_option
from steward.cli.folders import read_stacks
from steward.cli.health import check_stack, draw_check

if TYPE_CHECKING:
    from chalicelib.models.stack import Stack

Json = dict[str, Any]


@click.group()
def stacks() -> None:
    """List the stacks under care; find new ones; check a stack file."""


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


@stacks.command("alarms")
@click.argument("name", metavar="STACK")
@click.option("--stacks", "given", metavar="DIR", help="Where stack files are. [default: stacks/]")
@json_option
def alarms(name: str, given: str | None, as_json: bool) -> None:
    """Write the CloudWatch alarms that the runbooks expect of STACK, as a CloudFormation template."""
    from chalicelib.errors import UnknownName
    from steward.packaging.alarms import alarm_template, untied

    known = read_stacks(given)
    if name not in known:
        raise UnknownName("stack", name, list(known))
    template = alarm_template(known[name])
    print_json(template)
    if not as_json and (lost := untied(known[name], template)):
        click.echo(f'steward: add `alarms: ["{name}-*"]` to its file: nothing ties {", ".join(lost)} to it', err=True)


@stacks.command("discover")
@click.option("--out", default="stacks", show_default=True, metavar="DIR", help="Where the files go.")
@click.option("--cluster", metavar="CLUSTER", help="Only this ECS cluster. [default: all of the region]")
@click.option("--show", is_flag=True, help="Print the files and write none.")
@on_option
@json_option
def discover(out: str, cluster: str | None, show: bool, where: str, as_json: bool) -> int:
    """Find the MLflow deployments of an account, reading only, and write a stack file for each that has none.

    With `--on aws` it looks with your own AWS credentials, in your profile's region; no stage is needed.
    """
    from steward.cli.found_stacks import draw_found, keep_found
    from steward.cli.own_account import look_around

    kept = keep_found(look_around(where, cluster), Path(out), write=not show)
    answer(kept, as_json, draw_found)
    return 1 if kept["not_read"] and not kept["found"] else 0


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
