"""What a backup has to do, as a streaming merge of three sorted streams: source, backup and the last manifest.

Changed means that size or ETag differ from the last manifest, or that the copy is missing or not the one that was
made. ETags of source and copy are never compared with each other: an object uploaded in parts, or encrypted with a KMS
key, has another one after a plain copy and would be copied on every run.

An object without an entry in the manifest is copied even where the backup already holds something of the same size and
ETag: a listing tells no version id, and an entry without one could not be restored as of its time.

Deletions are not mirrored: `Gone` keeps the entry, `Due` says that its grace period is over. Nothing here, and nothing
in the mirror, deletes; `expiry` sets delete markers once the whole run was judged (S17, S18).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from chalicelib.backup.entry import Entry, Listed
from chalicelib.errors import ListingOutOfOrder


class Why(StrEnum):
    NEW = "new"
    CHANGED = "changed"
    COPY_MISSING = "copy_missing"
    COPY_DIFFERS = "copy_differs"
    """Another size or ETag than the copy had when it was made."""
    UNPROVEN = "unproven"
    """The backup has an object of this name, and no manifest says which version of what."""


@dataclass(frozen=True, slots=True)
class Same:
    entry: Entry


@dataclass(frozen=True, slots=True)
class Copy:
    listed: Listed
    why: Why
    before: Entry | None = None
    """What the last manifest has: its copy stays restorable when this one fails."""


@dataclass(frozen=True, slots=True)
class Gone:
    """Vanished at the source, `entry.gone_since` set: stays in the manifest."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Due:
    """Vanished so long ago that its copy may get a delete marker; in the manifest until that is seen to be done."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Dropped:
    """Was due, and the backup lists it no more: leaves the manifest."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Foreign:
    """Only in the backup, in no manifest: not ours, left alone, told of."""

    listed: Listed


Verdict = Same | Copy | Gone | Due | Dropped | Foreign
Keyed = TypeVar("Keyed", Listed, Entry)


def in_order(items: Iterable[Keyed], name: str) -> Iterator[Keyed]:
    """Refuses a stream that is not strictly ascending: merged, it would call objects new or gone that are neither."""
    last: str | None = None
    for item in items:
        key = item.key
        if last is not None and key <= last:
            raise ListingOutOfOrder(name, last, key)
        last = key
        yield item


def merge(
    source: Iterable[Listed],
    backup: Iterable[Listed],
    previous: Iterable[Entry],
    *,
    now: datetime,
    grace: timedelta | None,
) -> Iterator[Verdict]:
    """One verdict a key, in order of keys, holding one item of each stream.

    `grace` None: nothing ever comes due, as for a stack whose backup is suspect (S18).
    """
    sources, backups, entries = in_order(source, "source"), in_order(backup, "backup"), in_order(previous, "manifest")
    s, b, e = next(sources, None), next(backups, None), next(entries, None)
    while s is not None or b is not None or e is not None:
        if s is not None and b is not None and e is not None and s.key == b.key == e.key:  # nearly all of them
            yield _at_source(s, b, e)
            s, b, e = next(sources, None), next(backups, None), next(entries, None)
            continue
        key = min(item.key for item in (s, b, e) if item is not None)
        listed = s if s is not None and s.key == key else None
        copy = b if b is not None and b.key == key else None
        entry = e if e is not None and e.key == key else None
        if listed is not None:
            yield _at_source(listed, copy, entry)
            s = next(sources, None)
        elif entry is not None:
            yield _vanished(entry, copy, now, grace)
        elif copy is not None:
            yield Foreign(copy)
        b = next(backups, None) if copy is not None else b
        e = next(entries, None) if entry is not None else e


def _at_source(listed: Listed, copy: Listed | None, entry: Entry | None) -> Verdict:
    if entry is None:
        return Copy(listed, Why.NEW if copy is None else Why.UNPROVEN)
    if listed.size != entry.size or listed.etag != entry.etag:
        return Copy(listed, Why.CHANGED, entry)
    if copy is None:
        return Copy(listed, Why.COPY_MISSING, entry)
    if copy.size != entry.size or copy.etag != entry.expected_etag:
        return Copy(listed, Why.COPY_DIFFERS, entry)
    return Same(entry if entry.gone_since is None else entry._replace(gone_since=None))


def _vanished(entry: Entry, copy: Listed | None, now: datetime, grace: timedelta | None) -> Verdict:
    if entry.gone_since is None:
        entry = entry._replace(gone_since=now)
    since = entry.gone_since or now
    if grace is None or now - since < grace:
        return Gone(entry)
    return Due(entry) if copy is not None else Dropped(entry)
