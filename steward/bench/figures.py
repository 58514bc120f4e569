"""A Figure: one promise about speed, measured, and whether it holds."""

from dataclasses import asdict, dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Figure:
    name: str
    figure: float
    unit: str
    limit: float | None
    """None: nothing is promised; it is told all the same."""
    detail: str

    @property
    def ok(self) -> bool:
        return self.limit is None or self.figure <= self.limit

    def as_json(self) -> dict[str, Any]:
        body = asdict(self)
        return {key: body[key] for key in ("name", "figure", "unit", "limit")} | {"ok": self.ok, "detail": self.detail}


def median_ratio(pairs: list[tuple[float, float]]) -> float:
    """Of pairs measured one after the other, so that what slows the machine slows both."""
    return round(median(ours / theirs for ours, theirs in pairs), 2)
