"""How values are spelt in the columns, the same for both tables: bodies, times, cursors.

A body is one JSON text, so that what comes back from the twin is exactly what comes back from
DynamoDB. Times are fixed-width UTC text, so that their order as text is their order in time.
"""

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import Any, TypedDict

from chalicelib.errors import NotACursor, RecordTooLarge, StoreError
from chalicelib.store.table import Item, Key

BODY_LIMIT = 350_000
"""Bytes. DynamoDB takes 400 KB an item; the rest is room for keys and indexes."""


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


AFTER_ALL = "~"
"""Sorts behind whatever follows a time in a list's order."""


class Bounds(TypedDict):
    since: str | None
    until: str | None


def between(since: datetime | None, until: datetime | None) -> Bounds:
    """What lists take; both ends are included."""
    return {"since": stamp(since) if since else None, "until": stamp(until) + AFTER_ALL if until else None}


def pack(item: Item) -> str:
    try:
        text = json.dumps(item.body, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as exc:
        raise StoreError(f"{item.key} holds what JSON cannot say: {exc}") from exc
    # ensure_ascii is on, so characters are bytes.
    if len(text) > BODY_LIMIT:
        raise RecordTooLarge(str(item.key), len(text), BODY_LIMIT)
    return text


def unpack(text: str | None) -> dict[str, Any]:
    """An item made by hand (`aws dynamodb update-item … SET stopped`) has no body yet."""
    body: dict[str, Any] = json.loads(text) if text else {}
    return body


def cursor_of(list_sk: str, key: Key) -> str:
    return base64.urlsafe_b64encode(json.dumps([list_sk, key.pk, key.sk]).encode()).decode()


def read_cursor(cursor: str) -> tuple[str, Key]:
    """Cursors travel through URLs and come back from outside."""
    try:
        list_sk, pk, sk = json.loads(base64.urlsafe_b64decode(cursor.encode()))
    except (binascii.Error, ValueError, TypeError) as exc:
        raise NotACursor(cursor) from exc
    if not all(isinstance(part, str) for part in (list_sk, pk, sk)):
        raise NotACursor(cursor)
    return list_sk, Key(pk, sk)
