"""A keyed fingerprint: tells whether two values that nobody may see are the same (S29). Pure.

Keyed, because a plain hash of a short password can be found by trying.
"""

import hashlib
import hmac

_LENGTH = 12


def fingerprint(key: bytes, place: str, value: str) -> str | None:
    """`#` and 12 hex digits; `place` is a part of it, so that equal values in two places look different.
    None without a key: then nothing can be shown."""
    if not key:
        return None
    digest = hmac.new(key, f"{place}\0{value}".encode(), hashlib.sha256).hexdigest()
    return f"#{digest[:_LENGTH]}"
