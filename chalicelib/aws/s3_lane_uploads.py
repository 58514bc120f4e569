"""Copies in parts that are not over: what has to be known to go on with one in another process.

Without a book a copy in parts is all or nothing. With one, a copy that is left off for want of time keeps its parts;
whoever keeps the book goes on with it, or aborts it once nobody will.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(slots=True)
class Unfinished:
    bucket: str
    key: str
    """Where the whole will stand."""
    upload: str
    etag: str
    """The source's, and with `size` and `version` what it must still be."""
    size: int
    version: str | None
    part_size: int
    """As it began: other rules in between would cut it elsewhere."""
    parts: dict[int, str] = field(default_factory=dict)
    """ETags by part number, of those that are there."""
    began_at: datetime | None = None
    """By the book's clock; None: nobody noted it."""


class UploadBook(Protocol):
    """Called by many threads."""

    def find(self, bucket: str, key: str) -> Unfinished | None: ...

    def begun(self, unfinished: Unfinished) -> None:
        """Noted before its first part: what is not noted is found by nobody but the bucket's lifecycle."""

    def part(self, unfinished: Unfinished, number: int, etag: str) -> None:
        """One more is there. A book may write this down later: a part that it forgot is copied again."""

    def left_off(self, unfinished: Unfinished) -> None:
        """For want of time; the next slice goes on."""

    def over(self, unfinished: Unfinished) -> None:
        """Complete or aborted."""


class NoBook:
    """Nothing is gone on with: what is left off is aborted."""

    def find(self, bucket: str, key: str) -> Unfinished | None:  # noqa: ARG002 - the port's signature
        return None

    def begun(self, unfinished: Unfinished) -> None: ...

    def part(self, unfinished: Unfinished, number: int, etag: str) -> None:
        unfinished.parts[number] = etag

    def left_off(self, unfinished: Unfinished) -> None: ...

    def over(self, unfinished: Unfinished) -> None: ...
