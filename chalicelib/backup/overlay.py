"""Entries of copies that were made since a manifest, laid over it: what is known twice counts as made last."""

from collections.abc import Iterable, Iterator
from heapq import merge

from chalicelib.backup.entry import Entry


def laid_over(base: Iterable[Entry], *newer: Iterable[Entry]) -> Iterator[Entry]:
    """All in order of keys, later ones over earlier ones. Holds one entry of each."""
    ranked = [_ranked(entries, -rank) for rank, entries in enumerate((base, *newer))]
    last: str | None = None
    for key, _, entry in merge(*ranked, key=lambda each: each[:2]):
        if key != last:
            last = key
            yield entry


def _ranked(entries: Iterable[Entry], rank: int) -> Iterator[tuple[str, int, Entry]]:
    for entry in entries:
        yield entry.key, rank, entry
