"""steward bench: measures what is promised about speed."""

from collections.abc import Callable

import click

from chalicelib.errors import UnknownName
from steward.bench.figures import Figure
from steward.cli.answers import json_option, print_json_line


def _import() -> Figure:
    from steward.bench.start_up import import_ratio

    return import_ratio()


def _match() -> Figure:
    from steward.bench.matching import match_ratio

    return match_ratio()


def _duplicate() -> Figure:
    from steward.bench.duplicates import duplicate_calls

    return duplicate_calls()


def _diagnose() -> Figure:
    from steward.bench.diagnose import diagnose_ratio

    return diagnose_ratio()


BENCHES: dict[str, Callable[[], Figure]] = {
    "import": _import,
    "match": _match,
    "duplicate": _duplicate,
    "diagnose": _diagnose,
}


@click.command()
@click.argument("name", required=False)
@json_option
def bench(name: str | None, as_json: bool) -> int:
    """Measure NAME (default: all): import, match, duplicate, diagnose (JSON Lines with --json)."""
    if name is not None and name not in BENCHES:
        raise UnknownName("bench", name, list(BENCHES))
    slow = 0
    for each in [name] if name else BENCHES:
        found = BENCHES[each]()
        slow += int(not found.ok)
        if as_json:
            print_json_line(found.as_json())
        else:
            mark = "ok  " if found.ok else "SLOW"
            click.echo(f"{mark} {found.name}: {found.figure:g} {found.unit}, limit {found.limit:g} ({found.detail})")
    return 1 if slow else 0
