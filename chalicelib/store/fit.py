"""Keeping items small, loudly: a step's output is cut to its limit and says what was cut.

Cutting shortens lists, and a short list must never read as "all gone" (S5): a probe gives its counts
as fields of their own, and whoever shows an output shows the note with it.
"""

import json
from typing import Any

OUTPUT_LIMIT = 8 * 1024
DETAIL_LIMIT = 4 * 1024
"""Characters of what a step says of itself: an error may quote a whole document."""
STEP_LIMIT = 250_000
"""Bytes of a step's progress and output; the rest of its item is for its Changes, its lease and its detail."""
RUN_LIMIT = 32 * 1024
RUN_LIMIT_AT_BIRTH = 24 * 1024
"""A run grows by its samples, preflight and reasons; what is too near the limit is refused before it starts."""


def size_of(value: object) -> int:
    return len(json.dumps(value, separators=(",", ":")))


def fit_output(output: dict[str, Any], limit: int = OUTPUT_LIMIT) -> tuple[dict[str, Any], str | None]:
    """The output within `limit` bytes of JSON, and what was cut from it. The heaviest field gives first."""
    fitted, cut = dict(output), dict[str, str]()
    while fitted and size_of(fitted) > limit:
        field = max(fitted, key=lambda name: size_of(fitted[name]) + len(name))
        value = _half(fitted[field])
        if value is None:
            del fitted[field]
            cut[field] = f"{field} left out"
        else:
            fitted[field] = value
            cut[field] = f"{field}: {len(value)} of {len(output[field])} {_unit(value)} kept"
    if not cut:
        return output, None
    return fitted, f"output cut to {limit} bytes: {'; '.join(sorted(cut.values())[:20])}"


def _half(value: object) -> str | list[Any] | dict[str, Any] | None:
    """The first half of what can be halved; None where nothing is left to take."""
    if isinstance(value, (str, list)) and value:
        return value[: len(value) // 2]
    if isinstance(value, dict) and value:
        return dict(list(value.items())[: len(value) // 2])
    return None


def _unit(value: object) -> str:
    return "characters" if isinstance(value, str) else "entries"
