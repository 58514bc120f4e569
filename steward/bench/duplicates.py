"""What a duplicate delivery costs in calls to the store, counted."""

from typing import Any

from chalicelib.store.memory import MemoryTable
from chalicelib.store.table import Item, Key, Page
from steward.bench.figures import Figure
from steward.bench.matching import alarm_event

LIMIT = 1


class CountingTable:
    """A Table that counts what is asked of it."""

    def __init__(self) -> None:
        self._table = MemoryTable()
        self.calls: list[str] = []

    def get(self, key: Key) -> Item | None:
        self.calls.append("get")
        return self._table.get(key)

    def create(self, item: Item) -> Item | None:
        self.calls.append("create")
        return self._table.create(item)

    def replace(self, item: Item) -> Item:
        self.calls.append("replace")
        return self._table.replace(item)

    def set_stopped(self, key: Key, stopped: str | None) -> None:
        self.calls.append("set_stopped")
        self._table.set_stopped(key, stopped)

    def query(self, pk: str, **how: Any) -> Page:
        self.calls.append("query")
        return self._table.query(pk, **how)

    def listed(self, name: str, **how: Any) -> Page:
        self.calls.append("listed")
        return self._table.listed(name, **how)

    def due(self, kind: str, now: Any, **how: Any) -> tuple[Item, ...]:  # noqa: ANN401 - handed on as it is
        self.calls.append("due")
        return self._table.due(kind, now, **how)


def duplicate_calls() -> Figure:
    from steward.cli.folders import read_runbooks
    from steward.sandbox.simulation import Simulation
    from steward.sandbox.world import World

    event = alarm_event()
    table = CountingTable()
    with World.create() as world:
        sim = Simulation(world, read_runbooks(), table=table)
        sim.deliver(event)
        first = len(table.calls)
        sim.deliver(event)
    second = table.calls[first:]
    detail = f"the first delivery makes {first} calls, the second {', '.join(second) or 'none'}"
    return Figure("duplicate", len(second), "store calls", LIMIT, detail)
