"""Which bytes of an object that is too large to be read back are read all the same. Pure.

Models are the point of a backup and often of many gigabytes. The first and the last stretch, where formats keep their
indexes, and some between, other ones with every seed: what was cut, mixed up or overwritten shows, run by run.
"""

import hashlib
from dataclasses import dataclass

WHOLE_UP_TO = 64 * 1024 * 1024
"""Of one object: up to here it is read in full."""
SPAN = 8 * 1024 * 1024
MOST_SPANS = 8
"""Of one object and run: as much as the largest that is read in full."""

Span = tuple[int, int]
"""First and last byte."""


@dataclass(frozen=True)
class ReadSizes:
    """What counts as large. The product has one; tests have a small one too, since bodies cost them seconds."""

    whole_up_to: int = WHOLE_UP_TO
    span: int = SPAN


READ_SIZES = ReadSizes()


def spans_of(size: int, seed: str, sizes: ReadSizes = READ_SIZES) -> tuple[Span, ...]:
    """In order, none twice. None at all: it is read in full."""
    if size <= sizes.whole_up_to:
        return ()
    last = (size - 1) // sizes.span
    chosen = {0, last}
    number = 0
    while len(chosen) < MOST_SPANS:
        drawn = hashlib.sha256(f"{seed}\0{number}".encode()).digest()
        chosen.add(int.from_bytes(drawn[:8]) % (last + 1))
        number += 1
    return tuple((one * sizes.span, min((one + 1) * sizes.span, size) - 1) for one in sorted(chosen))


def bytes_in(spans: tuple[Span, ...]) -> int:
    return sum(last - first + 1 for first, last in spans)
