"""Reads single values out of events that nobody here wrote.

AWS leaves fields out, writes numbers as text and null as `"null"`; people put control characters
into names. Every function answers None for what it cannot read and never raises. Text comes out
inert (S30): no control, bidi or terminal sequences, and cut at a limit.
"""

import hashlib
import json
import math
import re
from datetime import UTC, datetime
from itertools import islice
from typing import Any

NAME_LIMIT = 256
REASON_LIMIT = 1024
ID_LIMIT = 128
MOST_LABELS = 50

Body = dict[str, Any]

# CSI (ESC [ … letter), OSC (ESC ] … BEL or ESC \), two-character escapes, and the one-byte C1 forms.
_TERMINAL = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[@-_]"
)
# No `#` and no `/`: ids become parts of store keys and of object names.
_PLAIN_ID = re.compile(rf"[A-Za-z0-9._:=+-]{{1,{ID_LIMIT}}}")
_BIGGEST = 2**53  # beyond it JSON readers disagree about the value
_LONGEST_NUMBER = 40
_EPOCH_IN_MS = 10**11  # as seconds this would be the year 5138


def text(value: object, limit: int = NAME_LIMIT) -> str | None:
    if type(value) is str and len(value) <= limit and value.isprintable():  # nearly all that comes
        return value.strip() or None
    if isinstance(value, str):
        raw = value
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) < _BIGGEST:
        raw = str(value)
    else:
        return None
    raw = (raw if raw.isprintable() else _inert(raw[: 8 * limit])).strip()
    if len(raw) > limit:
        raw = raw[: limit - 1] + "…"
    return raw or None


def _inert(raw: str) -> str:
    """`isprintable` is false for exactly what must go: Cc, Cf (bidi, zero width), Cs, Co, Cn, line ends."""
    kept = (c if c.isprintable() else " " if c.isspace() else "" for c in _TERMINAL.sub("", raw))
    return " ".join("".join(kept).split())


def number(value: object) -> int | float | None:
    if type(value) is int:
        return value if abs(value) < _BIGGEST else None
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        if len(value) > _LONGEST_NUMBER:
            return None
        try:
            value = float(value)
        except ValueError:
            return None
        if value.is_integer() and abs(value) < _BIGGEST:
            return int(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return None


def integer(value: object) -> int | None:
    found = number(value)
    if type(found) is int:
        return found
    return int(found) if found is not None and abs(found) < _BIGGEST and found == int(found) else None


def flag(value: object) -> bool | None:
    """Also for `"true"` and `"false"`, as ECS writes some of its flags since 2025."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return value if isinstance(value, bool) else None


def moment(value: object) -> datetime | None:
    """ISO 8601 (also `+0000` and without zone), the RFC 2822 dates of Health, epoch seconds or ms."""
    try:
        return _moment(value)
    except (ValueError, OverflowError, TypeError, IndexError, OSError):  # OSError: a year the C library cannot hold
        return None


def _moment(value: object) -> datetime | None:
    if isinstance(value, str):
        if value[:1].isalpha():
            from email.utils import parsedate_to_datetime

            found = parsedate_to_datetime(value[:64])
        else:
            found = datetime.fromisoformat(value[:64])
    elif (seconds := number(value)) is not None:
        found = datetime.fromtimestamp(seconds / 1000 if seconds > _EPOCH_IN_MS else seconds, UTC)
    else:
        return None
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    # `0001-01-01` is how Go writes "never", 1970 how others do: no event happened then.
    return found if found.year > 1970 else None  # noqa: PLR2004  # the epoch


def mapping(value: object) -> Body:
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> list[Body]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def texts(value: object, limit: int = NAME_LIMIT) -> list[str]:
    if not isinstance(value, list):
        return []
    return [found for one in value[:MOST_LABELS] if (found := text(one, limit))]


def labels(value: object, *, inert: bool = True) -> dict[str, str]:
    """A flat dict of text from `{name: value}` or from `[{name: …, value: …}]`, in either spelling."""
    if isinstance(value, list):
        named = [(one.get("name", one.get("Name")), one.get("value", one.get("Value"))) for one in mappings(value)]
        pairs = islice(named, MOST_LABELS)
    else:
        pairs = islice(mapping(value).items(), MOST_LABELS)
    if not inert:
        return {name: one for name, one in pairs if isinstance(name, str) and isinstance(one, str)}
    return {name: found for key, one in pairs if (name := text(key)) and (found := text(one)) is not None}


def decode(value: object) -> object:
    """JSON inside of JSON; None when it is none. Nested too deep is none either."""
    if not isinstance(value, str):
        return None
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def event_id(given: object, content: object) -> str:
    """The event's own id where it has a usable one, else one made of its content: a redelivery gets the same."""
    if isinstance(given, str) and _PLAIN_ID.fullmatch(given):
        return given
    try:
        # Not `content_hash`: what arrives may hold NaN, which JSON writers of other languages let through.
        spelled = json.dumps([given if isinstance(given, str) else None, content], sort_keys=True)
    except (ValueError, TypeError, RecursionError):
        spelled = f"{type(content).__name__} {sorted(map(ascii, mapping(content)))}"
    return "h-" + hashlib.sha256(spelled.encode()).hexdigest()[:40]
