"""Audit: every call that changes something, with its principal, written before it is carried out.

An entry without a status is a call whose worker died; nothing is carried out that could not be written.
"""

from datetime import datetime

from chalicelib.errors import StaleWrite
from chalicelib.models.audit import AuditEntry
from chalicelib.store.columns import between, stamp
from chalicelib.store.rows import KEPT_FOR, Slice, body_of, load_page
from chalicelib.store.table import Item, Key, Table


class Audit:
    def __init__(self, table: Table) -> None:
        self._table = table

    def begin(self, entry: AuditEntry) -> AuditEntry:
        self._table.create(_item(entry))
        return entry.model_copy(update={"version": 1})

    def end(self, entry: AuditEntry, status: int, detail: str | None) -> None:
        told = entry.model_copy(update={"status": status, "detail": detail[:500] if detail else None})
        try:
            self._table.replace(_item(told))
        except StaleWrite:  # the same request was delivered twice: the first one's end stands
            return

    def recent(self, *, since: datetime | None = None, limit: int = 50, cursor: str | None = None) -> Slice[AuditEntry]:
        page = self._table.listed("AUDIT", **between(since, None), limit=limit, cursor=cursor)
        return load_page(AuditEntry, page)


def _item(entry: AuditEntry) -> Item:
    return Item(
        Key(f"AUDIT#{entry.request_id}", "ENTRY"),
        body_of(entry),
        version=entry.version,
        listed=("AUDIT#all", f"{stamp(entry.at)}#{entry.request_id}"),
        expires=entry.at + KEPT_FOR,
    )
