"""The shapes of a backup: what a listing says of an object, and what a manifest remembers of its copy.

Keys are relative to their Place's prefix, so that source and backup can be compared whatever their prefixes; the
object named exactly like the prefix has the key "". Order is always that of S3: by UTF-8 bytes, which is the order of
code points and so of Python's `str` (not of UTF-16).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

MAX_KEY_BYTES = 1024
"""Longer names no S3 takes."""


class Listed(NamedTuple):
    """One object as ListObjectsV2 tells of it (no version id, no checksum: it knows neither)."""

    key: str
    size: int
    etag: str
    """Without quotes."""


class Entry(NamedTuple):
    """One line of a manifest: an object as it was at the source, and where its copy is."""

    key: str
    size: int
    etag: str
    """The source's when it was copied: an object uploaded in parts has another one after a plain copy."""
    version: str | None
    """The copy's version id as CopyObject answered; None where the bucket has no versions."""
    gone_since: datetime | None = None
    """When it was first missed at the source; its copy stays until the grace period is over."""
    copy_etag: str | None = None
    """The copy's own ETag; None: the same as the source's."""

    @property
    def expected_etag(self) -> str:
        """What a listing of the backup must say."""
        return self.etag if self.copy_etag is None else self.copy_etag


@dataclass(frozen=True, slots=True)
class Place:
    """A bucket and the prefix below which the keys of a backup stand.

    Give the backup the same prefix as the source (or a shorter one): a key of 1,024 bytes has no room for a longer.
    """

    bucket: str
    prefix: str = ""

    def full_key(self, key: str) -> str:
        return self.prefix + key


@dataclass(frozen=True, slots=True)
class Copied:
    """What the server answered to a copy."""

    version: str | None
    etag: str
    """Without quotes."""
