"""Takes secrets and hidden characters out of text and data before people or logs can read them (S29, S30).

Pure. It is the net below the rule that secrets are in no record at all: what a key's name or a value's
shape gives away is dropped. It cannot know a secret that looks like any other word.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

DROPPED = "[dropped]"
TOO_DEEP = "[too deep]"
_MAX_DEPTH = 12

# Compared with a key's letters and digits in lower case, anywhere in it: DB_PASSWORD, adminSecret, x-api-key.
_SECRET_KEYS = (
    "password",
    "passwd",
    "pwd",
    "secret",
    "token",
    "authorization",
    "cookie",
    "apikey",
    "accesskey",
    "privatekey",
    "credential",
    "signature",
    "connectionstring",
    "webhookurl",
    "dsn",
)
# Under these keys names are kept and every value is dropped: environment values are secret (S29).
_ENVIRONMENT_KEYS = frozenset({"environment", "env", "environ", "environmentvariables", "secrets"})

# Terminal sequences first, as wholes: taking only their escape character would leave `[31m` behind.
_TERMINAL = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_].*?(?:\x1b\\|\x07|$)|[@-Z\\^_])|\x9b[0-?]*[ -/]*[@-~]", re.DOTALL
)

_SECRET_TEXT = (
    # user:password in an address, up to the last @ before the path: passwords hold @ too
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/?#]+@", re.IGNORECASE), rf"\1{DROPPED}@"),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), DROPPED),
    (re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9+/=._~-]{8,}", re.IGNORECASE), rf"\1 {DROPPED}"),
    (re.compile(r"(hooks\.slack\.com/)[^\s\"'<>]+", re.IGNORECASE), rf"\1{DROPPED}"),
    (re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{8,}"), DROPPED),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), DROPPED),
    (
        re.compile(
            r"((?:password|passwd|pwd|secret(?:[_-]?(?:access)?[_-]?key)?|token|api[_-]?key|x-amz-signature)"
            r"[\"']?\s*[=:]\s*)(?:\"[^\"]*\"|'[^']*'|[^\s\"',;&}]+)",
            re.IGNORECASE,
        ),
        rf"\1{DROPPED}",
    ),
)


def strip_hidden(text: str) -> str:
    """Removes terminal sequences, control, bidi and zero-width characters; keeps line breaks and tabs."""
    text = _TERMINAL.sub("", text.replace("\r\n", "\n"))
    return "".join(
        c for c in text if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    )


def mask(text: str) -> str:
    """Drops what by its shape is a credential, and keeps the words around it."""
    for pattern, instead in _SECRET_TEXT:
        text = pattern.sub(instead, text)
    return text


def redact(value: object, *, depth: int = 0) -> Any:  # noqa: ANN401  # JSON in, JSON out
    """The same data without values that are secret by their key or by their shape."""
    if depth > _MAX_DEPTH:
        return TOO_DEEP
    if isinstance(value, str):
        return mask(strip_hidden(value))
    if isinstance(value, Mapping):
        return {strip_hidden(str(key)): _redact_entry(str(key), item, depth) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(item, depth=depth + 1) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return mask(strip_hidden(str(value)))


def is_secret_key(key: str) -> bool:
    letters = re.sub(r"[^a-z0-9]", "", key.lower())
    return any(word in letters for word in _SECRET_KEYS)


def _redact_entry(key: str, value: object, depth: int) -> object:
    if re.sub(r"[^a-z0-9]", "", key.lower()) in _ENVIRONMENT_KEYS:
        return _names_only(value)
    if is_secret_key(key) and value is not None and not isinstance(value, bool):
        return DROPPED
    return redact(value, depth=depth + 1)


def _names_only(value: object) -> object:
    if isinstance(value, Mapping):
        return dict.fromkeys((strip_hidden(str(key)) for key in value), DROPPED)
    if isinstance(value, list | tuple):
        return [
            {"name": strip_hidden(str(entry["name"])), "value": DROPPED}
            if isinstance(entry, Mapping) and "name" in entry
            else DROPPED
            for entry in value
        ]
    return DROPPED
