"""What a tracking store holds: rows of MLflow's own tables and the newest run. To compare one with another.

Table names are constants; nothing from outside becomes SQL.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

TABLES = (
    "experiments",
    "runs",
    "registered_models",
    "model_versions",
    "tags",
    "params",
    "latest_metrics",
    "metrics",
)
"""Small ones first: the time may not do for all of them."""
NEWEST_RUN = "SELECT run_uuid, start_time FROM runs WHERE start_time IS NOT NULL ORDER BY start_time DESC LIMIT 1"
Rows = tuple[tuple[Any, ...], ...] | list[Any]


@dataclass(frozen=True)
class Contents:
    rows: Mapping[str, int] = field(default_factory=dict)
    """By table; one that is not here could not be counted in time, or is not there."""
    newest_run: str | None = None
    newest_run_at_ms: int | None = None


def read_contents(ask: Callable[[str], Rows | None]) -> Contents:
    """`ask` answers None for what the server refuses or does not do in time."""
    rows: dict[str, int] = {}
    for table in TABLES:
        found = ask(f"SELECT count(*) FROM {table}")  # noqa: S608 - a constant of this file
        if found:
            rows[table] = int(found[0][0])
    newest = ask(NEWEST_RUN)
    if not newest:
        return Contents(rows)
    return Contents(rows, str(newest[0][0])[:64], int(newest[0][1]))
