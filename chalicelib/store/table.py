"""Table: the port to the one DynamoDB table. `dynamodb.py` is the real one, `memory.py` its twin.

Every item has a version; every write is conditional on it; the loser gets StaleWrite and decides
again. Three attributes are columns of their own because others must see or write them without
reading the body: `stopped` (the plain `aws` command of S8), `listed` and `due` (the two indexes).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True)
class Key:
    pk: str
    sk: str

    def __str__(self) -> str:
        return f"{self.pk}/{self.sk}"


@dataclass(frozen=True)
class Item:
    key: Key
    body: dict[str, Any]
    version: int = 0
    """0 means: not stored yet."""
    stopped: str | None = None
    """Somebody's stop, as text; written by `stop`, or by hand with a plain `aws` command."""
    listed: tuple[str, str] | None = None
    """Index by list and time: (`RUN#stack`, iso time + id)."""
    due: tuple[str, datetime] | None = None
    """Index of what wants attention again: (kind, when). None takes it off the index."""
    expires: datetime | None = None
    """DynamoDB may delete it after this (TTL)."""


@dataclass(frozen=True)
class Page:
    """A cursor says that there may be more, not that there is: read on until it is None."""

    items: tuple[Item, ...]
    cursor: str | None = None


class Table(Protocol):
    def get(self, key: Key) -> Item | None:
        """Strongly consistent."""

    def create(self, item: Item) -> Item | None:
        """Writes it as version 1 if there is none; else changes nothing and returns the old one.
        One call either way."""

    def replace(self, item: Item) -> Item:
        """Writes body and indexes if the stored version is still `item.version` (0: not there yet);
        raises StaleWrite otherwise. Never touches `stopped`. Returns the item with its new version."""

    def set_stopped(self, key: Key, stopped: str | None) -> None:
        """Writes only the `stopped` column and raises the version, so that whoever decided on the
        older state loses its write."""

    def query(self, pk: str, *, prefix: str = "", after: str | None = None, limit: int = 200) -> Page:
        """Items of one partition in sk order, strongly consistent. `after`, which need not exist, and
        the page's cursor are sort keys."""

    def listed(
        self,
        name: str,
        *,
        newest_first: bool = True,
        since: str | None = None,
        until: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page:
        """One page of a list, one call. `since` and `until` are both included. `RUN#stack` is one list,
        `RUN` are all lists of that family together."""

    def due(self, kind: str, now: datetime, *, limit: int = 100) -> tuple[Item, ...]:
        """What is due at or before now, oldest first."""


def is_one_list(name: str) -> bool:
    return "#" in name


def family(name: str) -> str:
    return name.partition("#")[0]


def walk(table: Table, pk: str, *, prefix: str = "", after: str | None = None) -> Iterator[Item]:
    """All items of one partition, page by page: a page that ends early never looks like the end (S5)."""
    while True:
        page = table.query(pk, prefix=prefix, after=after)
        yield from page.items
        if page.cursor is None:
            return
        after = page.cursor
