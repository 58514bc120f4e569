"""How the command answers: JSON for programs, plain lines for people, and never a live control character."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import click

from chalicelib.redact import strip_hidden

Json = Any

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")


def inert(text: object) -> str:
    """Names and reasons can come from events and logs; none of them may steer a terminal (S30)."""
    return strip_hidden(str(text))


def answer(data: Json, as_json: bool, draw: Callable[[Json], Iterable[str]]) -> None:
    if as_json:
        print_json(data)
        return
    for line in draw(data):
        click.echo(inert(line))


def print_json(data: Json) -> None:
    click.echo(json.dumps(data, indent=2))


def print_json_line(data: Json) -> None:
    click.echo(json.dumps(data, separators=(", ", ": ")))


def table(rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> Iterable[str]:
    """Columns as wide as their widest cell; the last one runs on."""
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(name), *(len(row[n]) for row in cells)) if cells else len(name) for n, name in enumerate(columns)]
    widths[-1] = 0
    for row in ([column.upper().replace("_", " ") for column in columns], *cells):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _cell(value: object) -> str:
    if value is None:
        return "-"
    text = ", ".join(str(part) for part in value) if isinstance(value, list | tuple) else str(value)
    return " ".join(inert(text).split())
