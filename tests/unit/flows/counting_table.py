"""Steward's table, which counts what is asked of it and can kill whoever asks."""

from collections.abc import Callable
from typing import Any

from chalicelib.store.memory import MemoryTable
from chalicelib.store.table import Item, Key, Page


class Died(BaseException):
    """A worker's end: no boundary may catch it."""


class CountingTable(MemoryTable):
    """Counts calls, and can kill the worker before or after its n-th write."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []
        self.writes = 0
        self.die_before: int | None = None
        self.die_after: int | None = None
        self.fails: Callable[[str, Key], Exception | None] = lambda _call, _key: None

    def get(self, key: Key) -> Item | None:
        self._called("get", key)
        return super().get(key)

    def query(self, pk: str, *, prefix: str = "", after: str | None = None, limit: int = 200) -> Page:
        self._called("query", Key(pk, prefix))
        return super().query(pk, prefix=prefix, after=after, limit=limit)

    def create(self, item: Item) -> Item | None:
        return self._write("create", item.key, lambda: super(CountingTable, self).create(item))

    def replace(self, item: Item) -> Item:
        return self._write("replace", item.key, lambda: super(CountingTable, self).replace(item))

    def _called(self, call: str, key: Key) -> None:
        self.calls.append(f"{call} {key}")
        if error := self.fails(call, key):
            raise error

    def _write(self, call: str, key: Key, work: Callable[[], Any]) -> Any:
        self._called(call, key)
        self.writes += 1
        if self.writes == self.die_before:
            raise Died(f"before {call} {key}")
        done = work()
        if self.writes == self.die_after:
            raise Died(f"after {call} {key}")
        return done
