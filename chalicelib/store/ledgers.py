"""Ledgers: a stack's guard state and the fleet's. The stop flag is a column, written by itself.

A stop raises the version, so an admission that was decided without it loses its write and decides
again. Outboxes need no index: stacks are few, and sweep reads each one's ledger (`read_all`).
"""

import json
import shlex
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TypeVar

from chalicelib.models.ledger import Fleet, Ledger, Stop
from chalicelib.store.columns import stamp
from chalicelib.store.rows import body_of, contend, load
from chalicelib.store.table import Item, Key, Table

R = TypeVar("R")

_FLEET = Key("FLEET", "LEDGER")


class Ledgers:
    def __init__(self, table: Table) -> None:
        self._table = table

    def read(self, stack: str) -> Ledger:
        item = self._table.get(_key(stack))
        return load(Ledger, item, stack=stack, stop=read_stop(item.stopped)) if item else Ledger(stack=stack)

    def read_all(self, stacks: Iterable[str]) -> Iterator[Ledger]:
        return (self.read(stack) for stack in stacks)

    def write(self, ledger: Ledger) -> Ledger:
        """Everything but the stop, which only `stop` and `resume` write."""
        stored = self._table.replace(_item(_key(ledger.stack), ledger))
        return ledger.model_copy(update={"version": stored.version})

    def update(self, stack: str, change: Callable[[Ledger], tuple[Ledger, R]]) -> R:
        """Admission and everything else that must see the ledger as it is when it is written."""
        return contend(lambda: self.read(stack), self.write, change, f"changing the ledger of {stack}")[1]

    def stop(self, stack: str, stop: Stop) -> None:
        self._table.set_stopped(_key(stack), write_stop(stop))

    def resume(self, stack: str) -> None:
        self._table.set_stopped(_key(stack), None)

    def read_fleet(self) -> Fleet:
        item = self._table.get(_FLEET)
        return load(Fleet, item, stop=read_stop(item.stopped)) if item else Fleet()

    def write_fleet(self, fleet: Fleet) -> Fleet:
        stored = self._table.replace(_item(_FLEET, fleet))
        return fleet.model_copy(update={"version": stored.version})

    def update_fleet(self, change: Callable[[Fleet], tuple[Fleet, R]]) -> R:
        return contend(self.read_fleet, self.write_fleet, change, "changing the fleet's ledger")[1]

    def stop_fleet(self, stop: Stop) -> None:
        self._table.set_stopped(_FLEET, write_stop(stop))

    def resume_fleet(self) -> None:
        self._table.set_stopped(_FLEET, None)

    def mark_paged(self, now: datetime) -> bool:
        """Whether the caller is the one who pages for this episode of the fleet brake (S7)."""

        def page(fleet: Fleet) -> tuple[Fleet, bool]:
            first = fleet.paged_at is None
            return (fleet.model_copy(update={"paged_at": now}) if first else fleet), first

        return self.update_fleet(page)


def write_stop(stop: Stop) -> str:
    return f"{stop.by.replace('|', '/')}|{stop.reason}|{stamp(stop.at) if stop.at else ''}"


def read_stop(text: str | None) -> Stop | None:
    """Any text stops, also an empty one: whoever typed it by hand in an emergency meant it (S8)."""
    if text is None:
        return None
    by, _, rest = text.partition("|")
    reason, _, at = rest.rpartition("|")
    if by and reason and (not at or _is_time(at)):
        return Stop(by=by, reason=reason, at=datetime.fromisoformat(at) if at else None)
    return Stop(by="aws command", reason=text or "no reason given")


def stop_command(table: str, stack: str | None = None, reason: str = "WHY") -> str:
    """The plain command that stops a stack, or everything, when Steward's API is down (S8).
    Raising the version is part of it: an admission under way then loses its write."""
    key = _key(stack) if stack else _FLEET
    parts = {
        "--table-name": table,
        "--key": json.dumps({"pk": {"S": key.pk}, "sk": {"S": key.sk}}),
        "--update-expression": "SET stopped = :why ADD version :one",
        "--expression-attribute-values": json.dumps({":why": {"S": reason}, ":one": {"N": "1"}}),
    }
    return " ".join(["aws dynamodb update-item", *(f"{flag} {shlex.quote(value)}" for flag, value in parts.items())])


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _key(stack: str) -> Key:
    return Key(f"STACK#{stack}", "LEDGER")


def _item(key: Key, model: Ledger | Fleet) -> Item:
    body = body_of(model)
    del body["stop"]
    return Item(key, body, version=model.version)
