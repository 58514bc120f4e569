"""Which version of the store's layout a table has. Read once a process, before anything else is read or written.

    1  no version was written down; items of lists are in no index over all stacks
    2  they are in the index `every` too

Sweep migrates an older table: it alone may write here, and it has minutes, where others have seconds. Until then the
others work with a version they can read as well, and refuse one that they cannot. A newer one is refused by all.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from chalicelib.errors import SchemaBehind, SchemaUnknown, StaleWrite
from chalicelib.store.table import Item, Key, Table

VERSION = 2
KEY = Key("SCHEMA", "VERSION")
FIRST = 1
_LISTS = ("DECISION", "INCIDENT", "RUN")
_PAGE = 100

Checkpoint = str | None
Migration = Callable[[Table, tuple[str, ...], Checkpoint], Checkpoint]
"""A piece of the way from one version to the next: from where the piece before it ended, to a new checkpoint, or to
None at the end. Any piece may be done again, also by two at once."""


@dataclass(frozen=True)
class Layout:
    version: int
    reads_also: frozenset[int]
    """Older ones whose items are read and written as they are."""
    migrations: Mapping[int, Migration] = field(default_factory=dict)
    """From each version to the one after it."""


def fit_schema(table: Table, stacks: Iterable[str], *, migrates: bool, layout: "Layout | None" = None) -> None:
    """Returns when the table is one to work with; else raises SchemaBehind or SchemaUnknown."""
    wanted, named = layout or LAYOUT, tuple(stacks)
    while True:
        item = table.get(KEY)
        found = version_of(item)
        if found == wanted.version:
            return
        if found > wanted.version or found not in wanted.migrations:
            raise SchemaUnknown(found, wanted.version)
        if not migrates:
            if found in wanted.reads_also:
                return
            raise SchemaBehind(found, wanted.version)
        at = item.body.get("checkpoint") if item else None
        reached = wanted.migrations[found](table, named, at)
        body = {"version": found + 1} if reached is None else {"version": found, "checkpoint": reached}
        with suppress(StaleWrite):  # another worker has come as far, or further: look again
            table.replace(Item(KEY, body, version=item.version if item else 0))


def version_of(item: Item | None) -> int:
    """Before there were versions, nobody wrote one. What is no number is -1, which nobody knows."""
    if item is None:
        return FIRST
    version = item.body.get("version")
    return version if type(version) is int and version > 0 else -1


def into_every_list(table: Table, stacks: tuple[str, ...], at: Checkpoint) -> Checkpoint:
    """One page of one list: an item that is written again gets into all its indexes."""
    names = sorted({"DECISION#-", *(f"{kind}#{stack}" for kind in _LISTS for stack in stacks)})
    name, _, cursor = (at or names[0]).partition(" ")
    page = table.listed(name, newest_first=False, limit=_PAGE, cursor=cursor or None)
    for item in page.items:
        _write_again(table, item)
    if page.cursor is not None:
        return f"{name} {page.cursor}"
    return next((each for each in names if each > name), None)


def _write_again(table: Table, item: Item) -> None:
    """An index may lag behind. Whoever wrote in between may have been of the older version: once more."""
    try:
        table.replace(item)
    except StaleWrite:
        fresh = table.get(item.key)
        if fresh is not None and fresh.listed is not None:
            with suppress(StaleWrite):
                table.replace(fresh)


LAYOUT = Layout(VERSION, frozenset({1}), {1: into_every_list})
