"""Incidents: the incident, its signals, and the pointer that says which one is open.

Opening writes the pointer first and the incident after it; closing the other way round. Whatever
crashes in between is mended by whoever comes next: a pointer without its incident gets one, a pointer
to a closed incident is turned to the new one. A pointer is never deleted but emptied, so its version
only grows and an old write can never win.
"""

from datetime import datetime, timedelta

from chalicelib.errors import StaleWrite, StoreUnavailable
from chalicelib.models.incident import Incident, IncidentState
from chalicelib.models.shape import Shape
from chalicelib.models.signal import Signal
from chalicelib.store.columns import between, stamp
from chalicelib.store.rows import KEPT_FOR, MAX_LOSSES, Slice, body_of, load, load_page
from chalicelib.store.table import Item, Key, Table, walk

_EMPTY_POINTER_KEPT_FOR = timedelta(days=7)
_NOBODY_ON_IT_AFTER = timedelta(minutes=10)
"""An open incident whose worker died is found by sweep (S31)."""


class _Pointer(Shape):
    incident_id: str | None = None
    version: int = 0


class Incidents:
    def __init__(self, table: Table) -> None:
        self._table = table

    def open_or_get(self, candidate: Incident) -> Incident:
        """The open incident of this fingerprint, or the candidate as such. Two calls either way."""
        incident_id = self._point(candidate, stale=None)
        incident = self._ensure(candidate, incident_id)
        if incident.state is not IncidentState.CLOSED or incident_id == candidate.id:
            return incident
        return self._ensure(candidate, self._point(candidate, stale=incident_id))

    def get(self, incident_id: str) -> Incident | None:
        item = self._table.get(_key(incident_id))
        return load(Incident, item) if item else None

    def open_with(self, stack: str, fingerprint: str) -> Incident | None:
        item = self._table.get(_pointer_key(stack, fingerprint))
        return self._behind(item) if item else None

    def open_of(self, stack: str) -> tuple[Incident, ...]:
        pointers = walk(self._table, f"STACK#{stack}", prefix="INCIDENT#")
        return tuple(incident for item in pointers if (incident := self._behind(item)))

    def save(self, incident: Incident, due_at: datetime | None = None) -> Incident:
        """`due_at`: when sweep should look at it again; left out, it follows from the incident."""
        stored = self._table.replace(_item(incident, due_at))
        return incident.model_copy(update={"version": stored.version})

    def close(self, incident: Incident, now: datetime, reason: str | None = None) -> Incident:
        """Idempotent: closing again only finishes what a crash left."""
        if incident.state is not IncidentState.CLOSED:
            facts = {"state": IncidentState.CLOSED, "changed_at": now, "reason": reason or incident.reason}
            incident = self.save(incident.model_copy(update={**facts, "reconsider_at": None}))
        key = _pointer_key(incident.stack, incident.fingerprint)
        item = self._table.get(key)
        if item and item.body.get("incident_id") == incident.id:
            # Losing this write means that a new incident has taken the pointer: as good as removed.
            self._turn(Item(key, body_of(_Pointer()), item.version, expires=now + _EMPTY_POINTER_KEPT_FOR))
        return incident

    def append_signal(self, incident_id: str, signal: Signal) -> bool:
        """Whether it is news; the same signal twice is kept once."""
        key = Key(f"INCIDENT#{incident_id}", f"SIGNAL#{stamp(signal.occurred_at)}#{signal.id}")
        return self._table.create(Item(key, body_of(signal), expires=signal.occurred_at + KEPT_FOR)) is None

    def signals(self, incident_id: str) -> tuple[Signal, ...]:
        """In the order in which they happened."""
        items = walk(self._table, f"INCIDENT#{incident_id}", prefix="SIGNAL#")
        return tuple(Signal.model_validate(item.body) for item in items)

    def due(self, now: datetime) -> tuple[Incident, ...]:
        return tuple(load(Incident, item) for item in self._table.due("incident", now))

    def recent(
        self,
        stack: str | None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Slice[Incident]:
        """Newest first; of all stacks where none is named. One call."""
        name = f"INCIDENT#{stack}" if stack else "INCIDENT"
        return load_page(Incident, self._table.listed(name, **between(since, until), limit=limit, cursor=cursor))

    def _point(self, candidate: Incident, *, stale: str | None) -> str:
        """Makes the pointer name an incident other than `stale`, and says which."""
        key = _pointer_key(candidate.stack, candidate.fingerprint)
        item = Item(key, body_of(_Pointer(incident_id=candidate.id)))
        for _ in range(MAX_LOSSES):
            old = self._table.create(item)
            if old is None:
                return candidate.id
            pointer = load(_Pointer, old)
            if pointer.incident_id not in {None, stale}:
                return str(pointer.incident_id)
            if self._turn(Item(key, item.body, old.version)):
                return candidate.id
        raise StoreUnavailable(f"opening {candidate.id}", f"lost {MAX_LOSSES} writes in a row to others")

    def _turn(self, pointer: Item) -> bool:
        try:
            self._table.replace(pointer)
        except StaleWrite:
            return False
        return True

    def _ensure(self, candidate: Incident, incident_id: str) -> Incident:
        incident = candidate.model_copy(update={"id": incident_id, "version": 0})
        old = self._table.create(_item(incident, None))
        return load(Incident, old) if old else incident.model_copy(update={"version": 1})

    def _behind(self, pointer: Item) -> Incident | None:
        incident_id = load(_Pointer, pointer).incident_id
        incident = self.get(incident_id) if incident_id else None
        return incident if incident and incident.state is not IncidentState.CLOSED else None


def _key(incident_id: str) -> Key:
    return Key(f"INCIDENT#{incident_id}", "META")


def _pointer_key(stack: str, fingerprint: str) -> Key:
    return Key(f"STACK#{stack}", f"INCIDENT#{fingerprint}")


def _attention_at(incident: Incident) -> datetime | None:
    """When somebody must look at it again; a run that is on it is looked after as a run."""
    if incident.run_id:
        return None
    if incident.quiet_since and not incident.firing:
        return incident.quiet_since + timedelta(seconds=incident.settles_after_s)
    if incident.state is IncidentState.NEEDS_HUMAN:
        return None  # people know; the next signal puts it back
    return incident.reconsider_at or incident.changed_at + _NOBODY_ON_IT_AFTER


def _item(incident: Incident, due_at: datetime | None) -> Item:
    is_closed = incident.state is IncidentState.CLOSED
    due_at = None if is_closed else due_at or _attention_at(incident)
    return Item(
        _key(incident.id),
        body_of(incident),
        version=incident.version,
        listed=(f"INCIDENT#{incident.stack}", f"{stamp(incident.opened_at)}#{incident.id}"),
        due=("incident", due_at) if due_at else None,
        expires=incident.changed_at + KEPT_FOR if is_closed else None,
    )
