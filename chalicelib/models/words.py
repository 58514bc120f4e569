"""Small typed words that several models share: ids, durations, times, levels."""

import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, PlainSerializer, StringConstraints, WithJsonSchema

_DURATION = re.compile(r"^(\d{1,6})([smhd])$")
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(value: object) -> int:
    """`15m` to 900. Bare numbers are refused: nobody can tell whether `15` meant seconds."""
    if isinstance(value, str) and (match := _DURATION.match(value)):
        return int(match[1]) * _UNIT_S[match[2]]
    raise ValueError(f"a duration is a number and a unit, like 30s, 15m, 2h or 7d; got {value!r}")


def format_duration(seconds: int) -> str:
    for unit in ("d", "h", "m"):
        if seconds and seconds % _UNIT_S[unit] == 0:
            return f"{seconds // _UNIT_S[unit]}{unit}"
    return f"{seconds}s"


Duration = Annotated[
    int,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,6}[smhd]$", "examples": ["15m", "2h"]}),
]
"""Seconds in the code, `15m` in YAML and in JSON."""

Utc = Annotated[AwareDatetime, AfterValidator(lambda t: t.astimezone(UTC))]

StepId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=80)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$", max_length=64)]
"""Runbooks and stacks: the name is also a file name, a resource name and a URL segment."""


class Autonomy(StrEnum):
    """How far a runbook may go by itself; ordered from least to most."""

    SHADOW = "shadow"
    SUGGEST = "suggest"
    APPROVE = "approve"
    AUTO = "auto"

    @property
    def rank(self) -> int:
        return list(Autonomy).index(self)

    def capped_by(self, ceiling: "Autonomy") -> "Autonomy":
        return self if self.rank <= ceiling.rank else ceiling


class Risk(StrEnum):
    NONE = "none"  # reads only
    LOW = "low"  # undone by itself or trivially
    MEDIUM = "medium"  # users may notice
    HIGH = "high"  # can lose data or an outage is likely if wrong


def utc(text: str) -> datetime:
    """For tests and fixtures: an aware UTC time from ISO text."""
    return datetime.fromisoformat(text).astimezone(UTC)
