"""Shards: stretches of the key space, each backed up and resumed by itself, many of them side by side.

A border costs up to one LIST page on either side, since pages do not end where shards do. A small set is therefore one
shard; at 100,000 keys a shard the borders cost 1% at most.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from chalicelib.backup.entry import Entry, Listed

KEYS_A_SHARD = 200_000
"""A few minutes of one Lambda, and 200 pages: a border is at most 0.5% of them."""

Keyed = TypeVar("Keyed", Listed, Entry)


@dataclass(frozen=True, slots=True)
class Shard:
    """The keys after `after_key`, up to and including `until_key`. None: from the first, to the last.

    Also a point to resume from: what is left of a shard is a shard.
    """

    after_key: str | None = None
    until_key: str | None = None

    def __post_init__(self) -> None:
        if self.after_key is not None and self.until_key is not None and self.until_key < self.after_key:
            raise ValueError(f"a shard cannot end at {self.until_key!r} before it starts after {self.after_key!r}")

    def __contains__(self, key: str) -> bool:
        return (self.after_key is None or key > self.after_key) and (self.until_key is None or key <= self.until_key)

    def rest(self, done_through: str | None) -> "Shard":
        """What is left once everything up to `done_through` is done (None: nothing is)."""
        return self if done_through is None else replace(self, after_key=done_through)


WHOLE = Shard()


def shards_of(previous: Iterable[Entry], keys_a_shard: int = KEYS_A_SHARD) -> list[Shard]:
    """Split where the last manifest's keys say; without a manifest, or with a small one, a single shard."""
    return list(between(_borders(previous, keys_a_shard)))


def between(borders: Iterable[str]) -> Iterator[Shard]:
    """The shards that sorted border keys make: always one more than there are borders."""
    after: str | None = None
    for border in borders:
        yield Shard(after, border)
        after = border
    yield Shard(after, None)


def within(items: Iterable[Keyed], shard: Shard) -> Iterator[Keyed]:
    """Of a sorted stream what lies in the shard; stops reading at its end."""
    for item in items:
        if shard.until_key is not None and item.key > shard.until_key:
            return
        if shard.after_key is None or item.key > shard.after_key:
            yield item


def _borders(previous: Iterable[Entry], keys_a_shard: int) -> Iterator[str]:
    """The last key is no border: what is new after it belongs to the last shard, however small."""
    last: str | None = None
    for count, entry in enumerate(previous):
        if count and count % keys_a_shard == 0 and last is not None:
            yield last
        last = entry.key
