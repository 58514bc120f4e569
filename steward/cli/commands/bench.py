"""steward bench: measures what is promised about speed."""

from collections.abc import Callable, Iterator

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


def _diagnosis() -> Figure:
    from steward.bench.diagnose_stack import diagnosis_ratio

    return diagnosis_ratio()


def _backup() -> Iterator[Figure]:
    from steward.bench.backup import backup_figures

    yield from backup_figures()


def _gc() -> Iterator[Figure]:
    from steward.bench.collection import gc_figures

    yield from gc_figures()


def _prune() -> Iterator[Figure]:
    from steward.bench.prune import prune_figures

    yield from prune_figures()


def _cold() -> Iterator[Figure]:
    from steward.bench.cold import cold_figures

    yield from cold_figures()


BENCHES: dict[str, Callable[[], Figure]] = {
    "import": _import,
    "match": _match,
    "duplicate": _duplicate,
    "diagnose": _diagnose,
    "diagnosis": _diagnosis,
}

SLOW: dict[str, Callable[[], Iterator[Figure]]] = {"backup": _backup, "gc": _gc, "cold": _cold, "prune": _prune}
"""Several figures and some minutes each: measured only when asked for by name."""


def _figures(name: str | None) -> Iterator[Figure]:
    if name in SLOW:
        yield from SLOW[name]()
        return
    for each in [name] if name else BENCHES:
        yield BENCHES[each]()


@click.command()
@click.argument("name", required=False)
@json_option
def bench(name: str | None, as_json: bool) -> int:
    """Measure NAME (default: all): import, match, duplicate, diagnose, diagnosis (JSON Lines with --json).

    Only when named, since it takes minutes: backup.
    """
    if name is not None and name not in {*BENCHES, *SLOW}:
        raise UnknownName("bench", name, [*BENCHES, *SLOW])
    slow = 0
    for found in _figures(name):
        slow += int(not found.ok)
        if as_json:
            print_json_line(found.as_json())
        else:
            mark = "ok  " if found.ok else "SLOW"
            limit = "" if found.limit is None else f", limit {found.limit:g}"
            click.echo(f"{mark} {found.name}: {found.figure:g} {found.unit}{limit} ({found.detail})")
    return 1 if slow else 0
