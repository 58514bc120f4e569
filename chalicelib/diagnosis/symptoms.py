"""What a diagnosis may read: log, stop reasons, exit codes, HTTP answers, probe results. Nothing else counts."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_MAX_BODY, _MAX_VALUE, _MAX_FACTS, _MAX_DEPTH = 6000, 2000, 500, 8
_BLOCK_LINES = 500


@dataclass(frozen=True)
class HttpAnswer:
    status: int | None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""

    def as_line(self) -> str:
        """One line that patterns can read, whatever the body holds."""
        headers = " ".join(f"{str(name).lower()}={value}" for name, value in sorted(self.headers.items()))
        body = self.body[:_MAX_BODY].replace('\\"', '"').replace("\\n", " ").replace("\\t", " ")
        return " ".join(f"HTTP {self.status if self.status is not None else 'none'} {headers} :: {body}".split())


@dataclass(frozen=True)
class ProbeReading:
    """What a probe read. One that failed for our own reasons reads nothing and supports nothing (S3)."""

    probe: str
    output: Mapping[str, Any] = field(default_factory=dict)
    failed: str | None = None

    def as_lines(self) -> tuple[str, ...]:
        if self.failed is not None:
            return ()
        lines = (f"{self.probe}.{name}={value}" for name, value in _flat(self.output, "", 0))
        return tuple(line for line, _ in zip(lines, range(_MAX_FACTS), strict=False))


@dataclass(frozen=True)
class Symptoms:
    """`log` comes as blocks of bytes, so that a log of any size is read in constant memory, once."""

    log: Iterable[bytes] = ()
    stop_reasons: tuple[str, ...] = ()
    exit_codes: tuple[int, ...] = ()
    http: tuple[HttpAnswer, ...] = ()
    probes: tuple[ProbeReading, ...] = ()


def log_blocks(lines: Sequence[str]) -> Iterator[bytes]:
    for at in range(0, len(lines), _BLOCK_LINES):
        text = "\n".join(lines[at : at + _BLOCK_LINES]) + "\n"
        yield text.encode("utf-8", errors="replace")


def _flat(value: Any, name: str, depth: int) -> Iterator[tuple[str, str]]:  # noqa: ANN401  # JSON
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else str(key), depth + 1)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _flat(inner, name, depth + 1)
    elif value is not None:
        text = value if isinstance(value, str) else json.dumps(value, default=str)
        yield name, " ".join(text[:_MAX_VALUE].split())
