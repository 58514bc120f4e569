"""What a restore does with each object: bring it back, leave what is so already, keep what is newer. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from chalicelib.backup.entry import Entry


class There(Protocol):
    """An object as it stands at the destination; `key` is relative, like the entry's."""

    @property
    def key(self) -> str: ...

    @property
    def size(self) -> int: ...

    @property
    def etag(self) -> str: ...

    @property
    def changed_at(self) -> datetime: ...


class Fate(StrEnum):
    ABSENT = "absent"
    ALREADY = "already"
    NEWER = "newer"
    """Written after the backup: kept, unless told otherwise."""
    OLDER = "older"
    """Differs, and was there before the backup was made."""


@dataclass(frozen=True, slots=True)
class Fated:
    entry: Entry
    fate: Fate
    over: str | None = None
    """The ETag of what is there."""


def fates(
    entries: Iterable[Entry], there: Iterable[There], *, as_of: datetime, ours_since: datetime | None
) -> Iterator[Fated]:
    """Both in order of keys. `ours_since`: what was written from then on, of the right size, is this restore's own."""
    standing = iter(there)
    one = next(standing, None)
    for entry in entries:
        while one is not None and one.key < entry.key:
            one = next(standing, None)
        if one is None or one.key != entry.key:
            yield Fated(entry, Fate.ABSENT)
            continue
        same = one.size == entry.size and one.etag in {entry.etag, entry.expected_etag}
        ours = ours_since is not None and one.size == entry.size and one.changed_at >= ours_since
        if same or ours:
            yield Fated(entry, Fate.ALREADY, one.etag)
        else:
            yield Fated(entry, Fate.NEWER if one.changed_at > as_of else Fate.OLDER, one.etag)
