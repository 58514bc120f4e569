"""Prometheus' text format, as far as counters and histograms of one server need it. Pure, linear, bounded.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r'\s*([a-zA-Z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(,|\})')
_ESCAPED = {r"\n": "\n", r"\\": "\\", r"\"": '"'}
_MOST_LINES = 20_000


@dataclass(frozen=True)
class Sample:
    name: str
    labels: Mapping[str, str]
    value: float


def samples(text: str, names: frozenset[str]) -> Iterator[Sample]:
    """Those of the metrics named; lines that are none are passed over."""
    for line in text.splitlines()[:_MOST_LINES]:
        name = _NAME.match(line)
        if name is None or name[0] not in names:
            continue
        labels, end = _labels(line, name.end())
        if labels is None:
            continue
        try:
            value = float(line[end:].split(maxsplit=2)[0])
        except (ValueError, IndexError):
            continue
        yield Sample(name[0], labels, value)


def _labels(line: str, at: int) -> tuple[dict[str, str] | None, int]:
    if at >= len(line) or line[at] != "{":
        return {}, at
    found: dict[str, str] = {}
    at += 1
    if line[at : at + 1] == "}":
        return found, at + 1
    while match := _LABEL.match(line, at):
        found[match[1]] = re.sub(r"\\.", lambda m: _ESCAPED.get(m[0], m[0]), match[2])
        at = match.end()
        if match[3] == "}":
            return found, at
        if line[at : at + 1] == "}":  # a comma may end the list
            return found, at + 1
    return None, at


def quantile(share: float, buckets: Iterable[Sample]) -> float | None:
    """Between the bounds of its bucket in proportion, as Prometheus does; the last finite bound beyond that."""
    counts: dict[float, float] = {}
    for bucket in buckets:
        try:
            bound = float(bucket.labels.get("le", ""))
        except ValueError:
            continue
        counts[bound] = counts.get(bound, 0.0) + bucket.value
    ordered = sorted(counts.items())
    if not ordered or not math.isinf(ordered[-1][0]) or not ordered[-1][1] > 0:
        return None
    rank, below, under = share * ordered[-1][1], 0.0, 0.0
    for bound, count in ordered:
        if count >= rank:
            if math.isinf(bound):
                return below
            inside = (rank - under) / (count - under) if count > under else 1.0
            return below + (bound - below) * inside
        below, under = bound, count
    return below
