"""Where each signature was seen: patterns applied to every surface, context (near, with, without) taken in."""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from chalicelib.diagnosis.knowledge import Knowledge, Signature, Surface
from chalicelib.diagnosis.scan import Engine, PythonEngine, Scanner, best_engine
from chalicelib.diagnosis.symptoms import Symptoms

_KEPT = 400
SMALL_LOG = 128 * 1024
"""Below this, compiling the few patterns that occur is quicker than compiling a set of all."""


@dataclass(frozen=True)
class Hit:
    surface: Surface
    line: int  # in its surface, from 1
    text: bytes


@dataclass
class Seen:
    """Of one signature. Texts of the first few, line numbers of many, and the last one."""

    hits: list[Hit] = field(default_factory=list)
    count: int = 0
    last_log_line: int = 0

    def add(self, hit: Hit) -> None:
        self.count += 1
        if hit.surface is Surface.LOG:
            self.last_log_line = max(self.last_log_line, hit.line)
        if len(self.hits) < _KEPT:
            self.hits.append(hit)

    def without_log(self) -> "Seen":
        kept = [hit for hit in self.hits if hit.surface is not Surface.LOG]
        return Seen(kept, len(kept), 0)


class PatternIndex:
    """Patterns of the signatures that read one surface, numbered, each with its signature."""

    def __init__(self, signatures: Sequence[Signature], surface: Surface) -> None:
        rows = [(pattern, each) for each in signatures if surface in each.surfaces for pattern in each.match]
        self.surface = surface
        self.patterns = [pattern for pattern, _ in rows]
        self._owner = [each for _, each in rows]
        self._unless: dict[str, list[re.Pattern[bytes]]] = {}

    def scanner(self, engine: Callable[[Sequence[str]], Engine]) -> Scanner:
        facts = frozenset(number for number, owner in enumerate(self._owner) if owner.cause is None)
        return Scanner(self.patterns, engine(self.patterns), plentiful=facts)

    def apply(self, blocks: Iterable[bytes], scanner: Scanner, seen: dict[str, Seen]) -> None:
        marked: dict[str, set[int]] = {}
        for found in scanner.scan(blocks):
            signature = self._owner[found.pattern]
            lines = marked.setdefault(signature.id, set())
            if found.line in lines or self._is_void(signature, found.text):
                continue
            if len(lines) < _KEPT:  # two patterns of one signature on the same line count once
                lines.add(found.line)
            seen.setdefault(signature.id, Seen()).add(Hit(self.surface, found.line, found.text))

    def _is_void(self, signature: Signature, text: bytes) -> bool:
        if not signature.unless:
            return False
        if signature.id not in self._unless:
            self._unless[signature.id] = [re.compile(pattern.encode()) for pattern in signature.unless]
        return any(pattern.search(text) for pattern in self._unless[signature.id])


class SignatureMatcher:
    """Compiled once, used for many diagnoses."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._signatures = knowledge.signatures
        self._by_id = {each.id: each for each in knowledge.signatures}
        self._index = {surface: PatternIndex(knowledge.signatures, surface) for surface in Surface}
        self._small = {surface: self._index[surface].scanner(PythonEngine) for surface in Surface}
        self._large: Scanner | None = None

    def match(self, symptoms: Symptoms) -> dict[str, Seen]:
        seen: dict[str, Seen] = {}
        self._match_log(symptoms.log, seen)
        for surface, lines in _short_texts(symptoms).items():
            if lines:
                blocks = [("\n".join(lines) + "\n").encode("utf-8", errors="replace")]
                self._index[surface].apply(blocks, self._small[surface], seen)
        for each in seen.values():
            each.hits.sort(key=lambda hit: (hit.surface, hit.line))
        return {name: each for name, each in seen.items() if self._holds(self._by_id[name], seen)}

    def _match_log(self, log: Iterable[bytes], seen: dict[str, Seen]) -> None:
        blocks, held, size = iter(log), [], 0
        for block in blocks:
            held.append(block)
            size += len(block)
            if size > SMALL_LOG:
                self._large = self._large or self._index[Surface.LOG].scanner(best_engine)
                self._index[Surface.LOG].apply(_chained(held, blocks), self._large, seen)
                return
        self._index[Surface.LOG].apply(held, self._small[Surface.LOG], seen)

    def _holds(self, signature: Signature, seen: Mapping[str, Seen]) -> bool:
        if seen[signature.id].count < signature.at_least:
            return False
        if any(name in seen for name in signature.without) or not all(name in seen for name in signature.with_):
            return False
        return not signature.near or self._is_near(signature, seen)

    def _is_near(self, signature: Signature, seen: Mapping[str, Seen]) -> bool:
        """On a short surface everything is near; in the log, a line within the window."""
        others = [hit for name in signature.near if name in seen for hit in seen[name].hits]
        log_lines = sorted(hit.line for hit in others if hit.surface is Surface.LOG)
        mine = seen[signature.id].hits
        return any(
            _within(log_lines, hit.line, signature.window)
            if hit.surface is Surface.LOG
            else any(other.surface is hit.surface for other in others)
            for hit in mine
        )


def _chained(held: list[bytes], rest: Iterable[bytes]) -> Iterable[bytes]:
    yield from held
    held.clear()
    yield from rest


def _within(lines: list[int], line: int, window: int) -> bool:
    at = bisect_left(lines, line - window)
    return at < len(lines) and lines[at] <= line + window


def _short_texts(symptoms: Symptoms) -> dict[Surface, list[str]]:
    return {
        Surface.STOP: [" ".join(reason.split()) for reason in symptoms.stop_reasons],
        Surface.EXIT: [f"exit={code}" for code in symptoms.exit_codes],
        Surface.HTTP: [answer.as_line() for answer in symptoms.http],
        Surface.PROBE: [line for reading in symptoms.probes for line in reading.as_lines()],
    }
