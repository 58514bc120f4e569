"""Weighs what was seen: which causes are supported, how surely, which explains the others, and what nobody may do.

Pure. Roots before symptoms before remnants; of roots the one whose first error came first, since what follows is
often its consequence. One text proves little: certainty needs another surface that says the same, and a cause that
only the log names stays below LOG_CEILING (S4).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chalicelib.diagnosis.hits import Hit, Seen
from chalicelib.diagnosis.knowledge import Cause, Kind, Knowledge, Signature, Surface
from chalicelib.models.finding import Trust

LOG_CEILING = 0.8
CEILING = 0.97
NAMED_FROM = 0.5
"""Less sure than this is not named at all: better an honest `unknown`."""
_CORROBORATION, _MORE_SIGNS = 0.08, 0.02

_TRUST = {
    Surface.STOP: Trust.AWS,
    Surface.EXIT: Trust.AWS,
    Surface.PROBE: Trust.PROBE,
    Surface.HTTP: Trust.HTTP,
    Surface.LOG: Trust.LOG,
}
_FIRST, _LAST = -1, 10**9
"""A stop reason or a reading states what ended things, whatever the log held before; an answer comes after the log."""


@dataclass(frozen=True)
class Case:
    """One cause with all that speaks for it."""

    cause: Cause
    signatures: tuple[Signature, ...]
    hits: tuple[Hit, ...]

    @property
    def surfaces(self) -> frozenset[Surface]:
        return frozenset(hit.surface for hit in self.hits)

    @property
    def trust(self) -> Trust:
        return min((_TRUST[surface] for surface in self.surfaces), key=list(Trust).index)

    @property
    def best(self) -> float:
        return max(each.strength.confidence for each in self.signatures)

    @property
    def confidence(self) -> float:
        sure = self.best + _CORROBORATION * (len(self.surfaces) - 1) + _MORE_SIGNS * (len(self.signatures) - 1)
        return round(min(sure, LOG_CEILING if self.surfaces == {Surface.LOG} else CEILING), 2)

    @property
    def begins(self) -> int:
        """Of the best signatures: a weak hint that came early does not make a cause the first."""
        best = {each.id for each in self.signatures if each.strength.confidence == self.best}
        return min((_begins(hit) for hit in self.hits), default=_LAST) if best else _LAST

    @property
    def order(self) -> tuple[int, int, int, float, str]:
        bucket = 0 if self.best >= 0.8 else 1 if self.best >= NAMED_FROM else 2  # noqa: PLR2004
        return (self.cause.kind.depth if bucket < 2 else 3, bucket, self.begins, -self.confidence, self.cause.cause)  # noqa: PLR2004


def _begins(hit: Hit) -> int:
    if hit.surface is Surface.LOG:
        return hit.line
    return _LAST if hit.surface is Surface.HTTP else _FIRST


def ranked(knowledge: Knowledge, seen: Mapping[str, Seen]) -> list[Case]:
    """Best first; what another excludes, and what was overcome later in the log, is gone."""
    active = {each.id: each for each in knowledge.signatures if each.id in seen}
    kept = _not_overcome(active, seen)
    excluded = {name for name in kept for name in active[name].excludes}
    support: dict[str, list[str]] = {}
    for name in kept:
        cause = active[name].cause
        if cause is not None and cause not in excluded:
            support.setdefault(cause, []).append(name)
    cases = [_case(knowledge.cause[cause], names, active, kept) for cause, names in support.items()]
    return sorted(cases, key=lambda case: case.order)


def _case(cause: Cause, names: list[str], active: Mapping[str, Signature], kept: Mapping[str, Seen]) -> Case:
    signatures = sorted((active[name] for name in names), key=lambda each: (-each.strength.confidence, each.id))
    hits = [hit for each in signatures for hit in kept[each.id].hits]
    return Case(cause, tuple(signatures), tuple(hits))


def _not_overcome(active: Mapping[str, Signature], seen: Mapping[str, Seen]) -> dict[str, Seen]:
    """A start that tried again and went on had no such cause, unless something other than the log says so."""
    cured = _cured(active.values(), seen)
    kept = {}
    for name, signature in active.items():
        mine = seen[name]
        if signature.cause in cured and 0 < mine.last_log_line < cured[signature.cause]:
            mine = mine.without_log()
        if mine.hits:
            kept[name] = mine
    return kept


def _cured(active: Iterable[Signature], seen: Mapping[str, Seen]) -> dict[str, int]:
    """Cause to the last line of the log that says it was overcome."""
    cured: dict[str, int] = {}
    for signature in active:
        for cause in signature.cures:
            cured[cause] = max(cured.get(cause, 0), seen[signature.id].last_log_line)
    return cured


def overcome_until(knowledge: Knowledge, seen: Mapping[str, Seen]) -> int:
    """The line where the last trouble that was really there was over; 0 when nothing was overcome."""
    active = [each for each in knowledge.signatures if each.id in seen]
    cured = _cured(active, seen)
    ends = [cured[each.cause] for each in active if each.cause in cured and each.cause is not None]
    return max(ends, default=0)


def explained(cases: Iterable[Case]) -> list[Case]:
    """What is worth telling: symptoms and remnants stand aside where a root is as sure."""
    named = [case for case in cases if case.confidence >= NAMED_FROM]
    has_root = any(case.cause.kind is Kind.ROOT for case in named)
    return [case for case in named if not (has_root and case.cause.kind is Kind.REMNANT)]
