"""How that is called which Steward makes at a database: by a stack's mark, run and step. Pure.

The mark comes first and is of one length, so that a right on `MARK-*` reaches nothing of another stack,
also not of one whose name begins with this one's (S16).
"""

import re
from typing import Final

from chalicelib.models.shape import content_hash

INSTANCE_NAME: Final = 63
SNAPSHOT_NAME: Final = 255
"""What RDS takes: letters, digits and single hyphens, a letter first, no hyphen last."""
_READABLE = 20
_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")


def slug(text: str) -> str:
    return _NOT_IN_NAMES.sub("-", text.lower()).strip("-")


def mark_of(stack: str) -> str:
    return f"steward-{content_hash(stack)[:8]}"


def made_name(stack: str, run: str, what: str) -> str:
    """The stack's name is in it for people alone, and cut; the mark is what tells stacks apart."""
    return f"{mark_of(stack)}-{slug(slug(stack)[:_READABLE])}-{run}-{slug(what)}"


def fitted(name: str, most: int) -> str:
    """What is too long keeps its beginning; its end becomes a hash, since two steps may begin alike."""
    if len(name) <= most:
        return name.rstrip("-")
    tail = content_hash(name)[:8]
    return f"{name[: most - len(tail) - 1].rstrip('-')}-{tail}"
