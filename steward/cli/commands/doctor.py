"""steward doctor: whether Steward can work, and what to do where it cannot."""

from collections.abc import Iterable
from typing import Any

import click

from steward.cli.answers import answer, json_option
from steward.cli.desk import on_option

Json = dict[str, Any]
_MARKS = {"ok": "  ok     ", "note": "  note   ", "unknown": "  ?      ", "wrong": "  WRONG  "}


@click.command()
@click.option("--stacks", "stacks_dir", metavar="DIR", help="Where the stack files are. [default: stacks/]")
@on_option
@json_option
def doctor(stacks_dir: str | None, where: str, as_json: bool) -> int:
    """Look, changing nothing, whether Steward can work: here, in the account, in its stage, for each stack.

    Exit code 0: well, 1: something is wrong, 2: the question was.
    """
    from steward.cli.own_account import examine

    said = examine(where, stacks_dir)
    answer(said, as_json, draw)
    return 0 if said["well"] else 1


def draw(said: Json) -> Iterable[str]:
    about = None
    for each in said["findings"]:
        if each["about"] != about:
            about = each["about"]
            yield str(about)
        yield f"{_MARKS[each['state']]}{each['what']}: {each['says']}"
        if each["remedy"]:
            yield f"           do: {each['remedy']}"
    counted = ", ".join(f"{count} {state}" for state, count in said["counts"].items() if count)
    yield ""
    yield f"{'well' if said['well'] else 'NOT WELL'}: {counted}"
