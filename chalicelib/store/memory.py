"""MemoryTable: the twin of DynamoTable, for tests, rehearsals, simulator and backtest.

One lock makes every call atomic, as DynamoDB's conditional writes are. Bodies are kept as text, so
nobody holds a reference into the table.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.errors import StaleWrite
from chalicelib.store.columns import cursor_of, pack, read_cursor, unpack
from chalicelib.store.table import Item, Key, Page, family


@dataclass(frozen=True)
class _Row:
    item: Item
    text: str

    def out(self) -> Item:
        return replace(self.item, body=unpack(self.text))


class MemoryTable:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._partitions: dict[str, dict[str, _Row]] = {}

    def get(self, key: Key) -> Item | None:
        with self._lock:
            row = self._row(key)
        return row.out() if row else None

    def create(self, item: Item) -> Item | None:
        text = pack(item)
        with self._lock:
            if old := self._row(item.key):
                return old.out()
            self._put(_Row(replace(item, body={}, version=1, stopped=None), text))
        return None

    def replace(self, item: Item) -> Item:
        text = pack(item)
        with self._lock:
            old = self._row(item.key)
            if (old.item.version if old else 0) != item.version:
                raise StaleWrite(str(item.key))
            stopped = old.item.stopped if old else None
            self._put(_Row(replace(item, body={}, version=item.version + 1, stopped=stopped), text))
        return replace(item, version=item.version + 1)

    def set_stopped(self, key: Key, stopped: str | None) -> None:
        with self._lock:
            row = self._row(key) or _Row(Item(key, {}), "")
            self._put(_Row(replace(row.item, stopped=stopped, version=row.item.version + 1), row.text))

    def query(self, pk: str, *, prefix: str = "", after: str | None = None, limit: int = 200) -> Page:
        with self._lock:
            partition = self._partitions.get(pk, {})
            names = sorted(sk for sk in partition if sk.startswith(prefix) and (after is None or sk > after))
            rows = [partition[sk] for sk in names[:limit]]
        return Page(tuple(row.out() for row in rows), rows[-1].item.key.sk if len(names) > limit else None)

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
        with self._lock:
            rows = [(row.item.listed, row) for row in self._rows()]
            found = [(listed[1], row) for listed, row in rows if listed and _is_in(listed[0], name)]
        wanted = [
            ((sk, row.item.key.pk, row.item.key.sk), row)
            for sk, row in found
            if (since is None or sk >= since) and (until is None or sk <= until)
        ]
        wanted.sort(key=lambda entry: entry[0], reverse=newest_first)
        if cursor is not None:
            sk, key = read_cursor(cursor)
            last = (sk, key.pk, key.sk)
            wanted = [entry for entry in wanted if (entry[0] < last if newest_first else entry[0] > last)]
        page = wanted[:limit]
        more = cursor_of(page[-1][0][0], page[-1][1].item.key) if len(wanted) > limit else None
        return Page(tuple(row.out() for _, row in page), more)

    def due(self, kind: str, now: datetime, *, limit: int = 100) -> tuple[Item, ...]:
        with self._lock:
            rows = [(row.item.due, row) for row in self._rows()]
        ripe = [(due[1], row) for due, row in rows if due and due[0] == kind and due[1] <= now]
        ripe.sort(key=lambda entry: entry[0])
        return tuple(row.out() for _, row in ripe[:limit])

    def _row(self, key: Key) -> _Row | None:
        return self._partitions.get(key.pk, {}).get(key.sk)

    def _rows(self) -> Iterator[_Row]:
        return (row for partition in self._partitions.values() for row in partition.values())

    def _put(self, row: _Row) -> None:
        if row.item.expires:  # DynamoDB keeps whole seconds
            row = replace(row, item=replace(row.item, expires=row.item.expires.replace(microsecond=0)))
        self._partitions.setdefault(row.item.key.pk, {})[row.item.key.sk] = row


def _is_in(list_name: str, wanted: str) -> bool:
    return wanted in {list_name, family(list_name)}
