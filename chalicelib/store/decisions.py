"""Decisions: one record per event, put first as `received` and later as `decided`.

An item has one entry in the list index, so a decision is listed under the stack of its first tied
signal, or under `-` when it is tied to none.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from chalicelib.errors import KeyReused, StaleWrite
from chalicelib.models.decision import Decision, DecisionState
from chalicelib.store.columns import between, stamp
from chalicelib.store.rows import KEPT_FOR, Slice, body_of, load, load_page
from chalicelib.store.table import Item, Key, Table

TAKE_OVER_AFTER = timedelta(seconds=60)
NO_STACK = "-"
ASKED = "asked"
"""In `trigger`: the hash of what a person asked for. The id of a request is a key that its sender chose."""
_LONGEST_ID = 200
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


class Received(StrEnum):
    NEW = "new"
    DUPLICATE = "duplicate"  # decided before: nothing to do
    IN_PROGRESS = "in_progress"  # another worker has it, or died with it: have it delivered again later
    TAKE_OVER = "take_over"  # an earlier worker died; it is ours now


@dataclass(frozen=True)
class Claim:
    state: Received
    decision: Decision

    @property
    def is_ours(self) -> bool:
        return self.state in {Received.NEW, Received.TAKE_OVER}


class Decisions:
    def __init__(self, table: Table) -> None:
        self._table = table

    def receive(
        self,
        event_id: str,
        now: datetime,
        *,
        predecessor: str | None = None,
        attempt: int = 1,
        principal: str | None = None,
        trigger: dict[str, Any] | None = None,
    ) -> Claim:
        """Claims an event; a duplicate costs this one store call. IN_PROGRESS must not be dropped:
        raise, so that the event comes again, by when it is a duplicate or ours to take over.

        Raises KeyReused when the id stands for another request of a person."""
        fresh = Decision(
            event_id=event_id,
            state=DecisionState.RECEIVED,
            received_at=now,
            predecessor=predecessor,
            attempt=attempt,
            principal=principal,
            trigger=trigger or {},
        )
        item = self._item(fresh)
        old = self._table.create(item)
        if old is None:
            return Claim(Received.NEW, fresh.model_copy(update={"version": 1}))
        before = load(Decision, old)
        if ASKED in before.trigger and ASKED in fresh.trigger and before.trigger[ASKED] != fresh.trigger[ASKED]:
            raise KeyReused(event_id)
        if before.state is DecisionState.DECIDED:
            return Claim(Received.DUPLICATE, before)
        if now - before.received_at < TAKE_OVER_AFTER:
            return Claim(Received.IN_PROGRESS, before)
        return self._take_over(before, now)

    def decide(self, decision: Decision) -> Decision:
        """Raises StaleWrite when another worker took the event over meanwhile: its decision stands."""
        stored = self._table.replace(self._item(decision))
        return decision.model_copy(update={"version": stored.version})

    def get(self, event_id: str) -> Decision | None:
        item = self._table.get(_key(event_id))
        return load(Decision, item) if item else None

    def stuck(self, now: datetime) -> tuple[Decision, ...]:
        """Events that were received and never decided, though their time is up."""
        return tuple(load(Decision, item) for item in self._table.due("decision", now))

    def recent(
        self,
        stack: str | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Slice[Decision]:
        """Newest first; where no stack is named, of all stacks and of none. One call."""
        name = _list(stack) if stack else "DECISION"
        return load_page(Decision, self._table.listed(name, **between(since, until), limit=limit, cursor=cursor))

    def _take_over(self, before: Decision, now: datetime) -> Claim:
        """Refreshing the time under the version makes one of the heirs the only one."""
        mine = before.model_copy(update={"received_at": now})
        try:
            return Claim(Received.TAKE_OVER, self.decide(mine))
        except StaleWrite:
            return Claim(Received.IN_PROGRESS, before)

    @staticmethod
    def _item(decision: Decision) -> Item:
        is_open = decision.state is DecisionState.RECEIVED
        stack = next((part.signal.stack for part in decision.parts if part.signal.stack), None)
        order = f"{stamp(decision.received_at)}#{_short(decision.event_id)}"
        return Item(
            _key(decision.event_id),
            body_of(decision),
            version=decision.version,
            listed=None if is_open else (_list(stack), order),
            due=("decision", decision.received_at + TAKE_OVER_AFTER) if is_open else None,
            expires=decision.received_at + KEPT_FOR,
        )


def archive_key(event_id: str, at: datetime) -> str:
    """Where the raw event lies (S32), by day. An id that is no plain name is hashed: what comes from
    outside must not choose its own folder."""
    name = event_id if _PLAIN.fullmatch(event_id) else hashlib.sha256(event_id.encode()).hexdigest()
    return f"events/{at.astimezone(UTC):%Y/%m/%d}/{name}.json"


def _key(event_id: str) -> Key:
    return Key(f"EVENT#{_short(event_id)}", "DECISION")


def _short(event_id: str) -> str:
    """Ids come from outside, and a key has a length that DynamoDB takes."""
    return event_id if len(event_id) <= _LONGEST_ID else hashlib.sha256(event_id.encode()).hexdigest()


def _list(stack: str | None) -> str:
    return f"DECISION#{stack or NO_STACK}"
