"""Finds which lines of a stream match which patterns, in bounded memory and with either engine the same way.

Whole blocks of lines are asked first ("is any pattern in here?"), since nearly all lines match nothing; only then are
lines looked for. Lines longer than 4 KB are cut, so that one line of 10 MB costs no more than others.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from chalicelib.diagnosis.patterns import needles, on_one_line

BLOCK = 64 * 1024
_STRIDE = 2 * 1024
_RE2_MEMORY = 64 << 20
_FULL = 200


class LineHit(NamedTuple):
    pattern: int
    line: int  # from 1
    text: bytes


class Engine(Protocol):
    @property
    def piece(self) -> int:
        """How many bytes to ask about at once; it changes the time and never the answer."""

    def present(self, block: bytes) -> Iterable[int]:
        """The patterns that may be in the block: all that are, perhaps more."""

    def which(self, line: bytes, of: Sequence[int]) -> Iterable[int]:
        """The patterns among these that match this one line."""


class PythonEngine:
    """The fallback: a pattern is tried where one of the words it needs is there. Compiles what it meets."""

    piece = BLOCK  # looking for each word costs a call, however short the text

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = [pattern.encode() for pattern in patterns]
        self._compiled: dict[int, re.Pattern[bytes]] = {}
        by_word: dict[bytes, list[int]] = {}
        for number, pattern in enumerate(patterns):
            for word in needles(pattern) or ():
                by_word.setdefault(word, []).append(number)
        self._by_word = list(by_word.items())

    def present(self, block: bytes) -> Iterable[int]:
        found: set[int] = set()
        for word, numbers in self._by_word:
            if word in block:
                found.update(numbers)
        return sorted(found)

    def which(self, line: bytes, of: Sequence[int]) -> Iterable[int]:
        return [pattern for pattern in of if self._regex(pattern).search(line)]

    def _regex(self, pattern: int) -> re.Pattern[bytes]:
        if pattern not in self._compiled:
            self._compiled[pattern] = re.compile(self._patterns[pattern])
        return self._compiled[pattern]


class Re2Engine:
    """google-re2: linear by construction. Its wheel does not fit every Lambda runtime, hence the fallback."""

    piece = 1024  # one pass finds all patterns, so short texts narrow down the lines

    def __init__(self, patterns: Sequence[str], re2: Any) -> None:  # noqa: ANN401  # a module without types
        options = re2.Options()
        options.max_mem = _RE2_MEMORY
        options.never_capture = True
        options.encoding = re2.Options.Encoding.LATIN1  # bytes; broken UTF-8 is only more of them
        options.log_errors = False
        self._set = re2.Set.SearchSet(options)
        for pattern in patterns:
            self._set.Add(on_one_line(pattern))
        self._set.Compile()

    def present(self, block: bytes) -> Iterable[int]:
        return self._set.Match(block) or ()

    def which(self, line: bytes, of: Sequence[int]) -> Iterable[int]:
        return sorted(set(of).intersection(self._set.Match(line) or ()))


def best_engine(patterns: Sequence[str]) -> Engine:
    try:
        import re2  # type: ignore[import-untyped, import-not-found, unused-ignore]  # its wheel has no types
    except ImportError:
        return PythonEngine(patterns)
    return Re2Engine(patterns, re2)


class Scanner:
    """Patterns, the words each cannot do without, and the engine that decides.

    `plentiful` are patterns that may match every line of a sound log: past _FULL hits one a block is enough of them.
    """

    def __init__(self, patterns: Sequence[str], engine: Engine, plentiful: frozenset[int] = frozenset()) -> None:
        self._words = [tuple(needles(pattern) or ()) for pattern in patterns]
        self._engine = engine
        self._plentiful = plentiful

    @property
    def engine_name(self) -> str:
        return type(self._engine).__name__

    def scan(self, blocks: Iterable[bytes]) -> Iterator[LineHit]:
        """In the order of the lines."""
        counts = dict.fromkeys(self._plentiful, 0)
        before = 0  # lines in the pieces so far
        for block in whole_lines(blocks):
            told: set[int] = set()  # plentiful ones that have had their hit in this block
            for piece in _by_lines(block, self._engine.piece):
                if present := [each for each in self._engine.present(piece) if each not in told]:
                    for hit in self._in_piece(piece, present):
                        if hit.pattern in told:
                            continue
                        if hit.pattern in counts:
                            counts[hit.pattern] += 1
                            if counts[hit.pattern] > _FULL:
                                told.add(hit.pattern)
                        yield hit._replace(line=before + hit.line)
                before += piece.count(b"\n")

    def _in_piece(self, piece: bytes, present: Sequence[int]) -> Iterator[LineHit]:
        line, counted = 1, 0
        for begins, ends in _lines_with(piece, {word for pattern in present for word in self._words[pattern]}):
            line += piece.count(b"\n", counted, begins)
            counted = begins
            text = piece[begins:ends]
            for pattern in self._engine.which(text, present):
                yield LineHit(pattern, line, text)


def _lines_with(piece: bytes, words: Iterable[bytes]) -> list[tuple[int, int]]:
    """Begin and end of each line that holds one of the words, in order."""
    found: set[tuple[int, int]] = set()
    for word in words:
        at = piece.find(word)
        while at >= 0:
            ends = piece.find(b"\n", at)
            ends = len(piece) if ends < 0 else ends
            found.add((piece.rfind(b"\n", 0, at) + 1, ends))
            at = piece.find(word, ends)
    return sorted(found)


def _by_lines(block: bytes, size: int) -> Iterator[bytes]:
    """Pieces of whole lines: big enough that asking costs little, small enough that looking for the line does too."""
    at = 0
    while at < len(block):
        end = block.find(b"\n", at + size) + 1 or len(block)
        yield block[at:end]
        at = end


def whole_lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Blocks that end where a line ends; NUL bytes and carriage returns out, JSON's escaped quotes made plain."""
    carried = b""
    for piece in _pieces(blocks):
        carried += piece
        end = carried.rfind(b"\n") + 1
        if end:
            yield _plain(carried[:end])
            carried = carried[end:]
        if len(carried) > BLOCK:  # one endless line: its beginning is enough
            carried = carried[:BLOCK]
    if carried:
        yield _plain(carried + b"\n")


def _pieces(blocks: Iterable[bytes]) -> Iterator[bytes]:
    for block in blocks:
        for at in range(0, len(block), BLOCK):
            yield block[at : at + BLOCK]


def _plain(block: bytes) -> bytes:
    if b"\\" in block:
        block = block.replace(b'\\"', b'"')
    if b"\0" in block:
        block = block.replace(b"\0", b"")
    if b"\r" in block:
        block = block.replace(b"\r", b"")
    if any(block.find(b"\n", at, at + _STRIDE) < 0 for at in range(0, len(block) - _STRIDE, _STRIDE)):
        block = b"\n".join(line[: 2 * _STRIDE] for line in block.split(b"\n"))
    return block
