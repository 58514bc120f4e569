"""Which bytes of an object that is too large to be read back are read all the same. Pure.

Models are the point of a backup and often of many gigabytes. The first and the last stretch, where formats keep their
indexes, and some between, other ones with every seed: what was cut, mixed up or overwritten shows, run by run.
"""

import hashlib

WHOLE_UP_TO = 64 * 1024 * 1024
"""Of one object: up to here it is read in full."""
SPAN = 8 * 1024 * 1024
MOST_SPANS = 8
"""Of one object and run: as much as the largest that is read in full."""

Span = tuple[int, int]
"""First and last byte."""


def spans_of(size: int, seed: str) -> tuple[Span, ...]:
    """In order, none twice. None at all: it is read in full."""
    if size <= WHOLE_UP_TO:
        return ()
    last = (size - 1) // SPAN
    chosen = {0, last}
    number = 0
    while len(chosen) < MOST_SPANS:
        drawn = hashlib.sha256(f"{seed}\0{number}".encode()).digest()
        chosen.add(int.from_bytes(drawn[:8]) % (last + 1))
        number += 1
    return tuple((one * SPAN, min((one + 1) * SPAN, size) - 1) for one in sorted(chosen))


def bytes_in(spans: tuple[Span, ...]) -> int:
    return sum(last - first + 1 for first, last in spans)
