"""What of a raw event is kept (S32): all of it but what looks like a secret (S29)."""

import json

from chalicelib.redact import redact

MOST_BYTES = 512 * 1024


def redacted(payload: object) -> bytes:
    data = json.dumps(redact(payload), separators=(",", ":")).encode()
    if len(data) <= MOST_BYTES:
        return data
    kept = data[: MOST_BYTES // 2].decode(errors="replace")
    return json.dumps({"cut": f"{len(data)} bytes; the first {MOST_BYTES // 2} are kept", "text": kept}).encode()
