"""The one function that says whether a Change may be made now. Asked before every first Change and
again before each one after it; everything it needs is read afresh, and what cannot be read refuses."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.engine.ports import Ports
from chalicelib.engine.sampling import sample
from chalicelib.errors import StoreError
from chalicelib.guards.freeze import standing_freeze
from chalicelib.guards.live import stand_aside
from chalicelib.models.decision import GuardResult
from chalicelib.models.run import Run
from chalicelib.models.stack import Stack


@dataclass(frozen=True)
class Clearance:
    refusal: str | None = None
    recovered: bool = False
    cancelled: bool = False


def halted(ports: Ports, stack: str) -> str | None:
    """Who stopped this stack or everything; an unreadable flag counts as stopped (S8)."""
    try:
        fleet, ledger = ports.ledgers.read_fleet(), ports.ledgers.read(stack)
    except StoreError as error:
        return f"the stop flag could not be read, so everything stops: {error}"
    for stop, what in ((fleet.stop, "everything"), (ledger.stop, stack)):
        if stop:
            return f"{stop.by} stopped {what}: {stop.reason}"
    return None


def guards_now(ports: Ports, run: Run, stack: Stack, now: datetime, alarms: tuple[str, ...]) -> tuple[GuardResult, ...]:
    """Freeze and stand-aside, from the live stack."""
    names = run.runbook.guards.stand_aside
    results: list[GuardResult] = []
    automatic = run.incident_id is not None or run.started_by.startswith("schedule ")
    if "freeze" in names:
        results.append(standing_freeze(stack, now, automatic=automatic))
    asked = tuple(name for name in names if name != "freeze")
    results.extend(stand_aside(sample(ports, run, stack, asked, now, alarms), asked=asked, now=now))
    return tuple(results)


def may_change(ports: Ports, run: Run, stack: Stack, now: datetime, alarms: tuple[str, ...], *, changed: bool) -> Clearance:
    stop = halted(ports, run.stack)
    if stop:
        return Clearance(refusal=f"stopped: {stop}")
    try:
        fresh = ports.runs.get(run.id)
        incident = ports.incidents.get(run.incident_id) if run.incident_id else None
    except StoreError as error:
        return Clearance(refusal=f"run or incident could not be read: {error}")
    if fresh is None or fresh.cancel_requested_by or fresh.generation != run.generation:
        return Clearance(cancelled=True)
    if incident and not incident.firing and not changed:
        return Clearance(recovered=True)
    refused = [result for result in guards_now(ports, run, stack, now, alarms) if not result.passed]
    if refused:
        return Clearance(refusal="; ".join(f"{result.guard}: {result.because}" for result in refused))
    return Clearance()
