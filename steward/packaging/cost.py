"""What a quiet month costs: Steward's own resources for one stack and 50 runs, as a sum that can be checked. Pure.

Prices are AWS's list prices for us-east-1, without taxes, as they stood at PRICED; other regions differ by some
per cent. Amounts are counted from the template where it says them, and otherwise measured in the sandbox
(`service-down`, from alarm to summary) and rounded up.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from chalicelib.flows.protection import EVERY_HOURS
from chalicelib.models.stack import Stack
from steward.packaging.keeping import signs_here
from steward.packaging.names import Names
from steward.packaging.watching import alarms, dashboard

PRICED = date(2025, 7, 1)
RUNS = 50
HOURS = 730
MINUTES = HOURS * 60
MOVES = 45
"""Of one run."""
READS, WRITES = 500, 140
"""Calls of the store in one run, the sweeps during it among them."""
SWEEP_READS = 12
READ_UNITS, WRITE_UNITS = 2, 16
"""Units of one call: items of 8 KB, a write also into its indexes."""
AGES = 3
"""Of backups of database and artifacts, and of drills. A metric is billed by the hours in which it is sent."""
SERIES, EVENTS = 6, 300
"""What one run says, in an hour of its own; and decisions about what else happens, ten a day."""
_ROUGH = 1000
_DASHBOARD_METRICS = 50
_FOUND = 12
"""Guards of which one or another refuses in a quiet month."""


@dataclass(frozen=True)
class Price:
    what: str
    unit: str
    dollars: float
    per: float = 1
    allowance: float = 0
    """Of every account, every month, for as long as it exists; shared with whatever else is in the account."""


@dataclass(frozen=True)
class Line:
    price: Price
    amount: float

    @property
    def listed(self) -> float:
        return self.amount / self.price.per * self.price.dollars

    @property
    def charged(self) -> float:
        """What is left when nobody else uses the account's allowances."""
        return max(0.0, self.amount - self.price.allowance) / self.price.per * self.price.dollars


LAMBDA = Price("Lambda, time", "GB-s", 0.0000166667, allowance=400_000)
CALLS = Price("Lambda, calls", "calls", 0.20, 1e6, 1e6)
MACHINE = Price("Step Functions", "transitions", 0.025, 1000, 4000)
READ = Price("DynamoDB, reads", "units", 0.125, 1e6)
WRITE = Price("DynamoDB, writes", "units", 0.625, 1e6)
KEPT = Price("DynamoDB, kept with recovery", "GB", 0.45)
ALARM = Price("CloudWatch alarms", "alarms", 0.10, allowance=10)
METRIC = Price("CloudWatch metrics", "metrics", 0.30, allowance=10)
DASHBOARD = Price("CloudWatch dashboard", "dashboards", 3.00, allowance=3)
LOGS = Price("CloudWatch logs", "GB", 0.50, allowance=5)
PUTS = Price("S3, requests", "puts", 0.005, 1000)
API = Price("API Gateway", "calls", 3.50, 1e6)
SCHEDULER = Price("EventBridge Scheduler", "calls", 1.00, 1e6, 14e6)
KEY = Price("KMS key for manifests", "keys", 1.00)


def quiet_month(
    names: Names, stacks: list[Stack], runs: int = RUNS, *, with_dashboard: bool = False
) -> tuple[Line, ...]:
    moves = runs * MOVES
    # A sweep takes a third of a second on half a GB, a move about one on a whole; the others hardly count.
    seconds = MINUTES * 0.33 * 0.5 + moves * 1.0 + runs * 20 * 0.5
    reads = MINUTES * SWEEP_READS + runs * READS * READ_UNITS
    signs = any(signs_here(stack, names) for stack in stacks)
    return (
        Line(LAMBDA, seconds),
        Line(CALLS, MINUTES + moves + runs * 20),
        Line(MACHINE, moves * 3),
        Line(READ, reads),
        Line(WRITE, runs * WRITES * WRITE_UNITS),
        Line(KEPT, 0.1),
        Line(ALARM, len(alarms(names, stacks))),
        Line(METRIC, 1 + (AGES * HOURS / EVERY_HOURS + runs * SERIES + EVENTS) / HOURS),  # the heartbeat is always
        Line(_dashboard_price(names), int(with_dashboard)),
        Line(LOGS, 0.2),
        Line(PUTS, 2000),
        Line(API, 2000),
        Line(SCHEDULER, MINUTES + 300),
        Line(KEY, int(signs)),
    )


def _dashboard_price(names: Names) -> Price:
    """The allowance is for dashboards of at most 50 metrics. A search finds those that had a value lately."""
    listed = [metric for widget in _widgets(names) for metric in widget["properties"]["metrics"]]
    shown = sum(_FOUND if isinstance(metric[0], dict) else 1 for metric in listed)
    return DASHBOARD if shown <= _DASHBOARD_METRICS else Price(DASHBOARD.what, DASHBOARD.unit, DASHBOARD.dollars)


def _widgets(names: Names) -> list[dict[str, Any]]:
    import json

    (made,) = dashboard(names).values()
    found: list[dict[str, Any]] = json.loads(made["Properties"]["DashboardBody"]["Fn::Sub"])["widgets"]
    return found


def table(lines: tuple[Line, ...]) -> Iterator[str]:
    """As docs/deploy.md has it."""
    yield "| | amount | list price | after the allowances |"
    yield "|---|--:|--:|--:|"
    for line in lines:
        if line.amount:
            yield f"| {line.price.what} | {_said(line)} | ${line.listed:.2f} | ${line.charged:.2f} |"
    listed, charged = sum(line.listed for line in lines), sum(line.charged for line in lines)
    yield f"| **a month** | | **${listed:.2f}** | **${charged:.2f}** |"


def _said(line: Line) -> str:
    digits = 0 if line.amount == int(line.amount) or line.amount > _ROUGH else 1
    return f"{line.amount:,.{digits}f} {line.price.unit}"
