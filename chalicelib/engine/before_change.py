"""The one function that says whether a Change may be made now. Asked before every first Change and
again before each one after it; everything it needs is read afresh, and what cannot be read refuses.

An onCancel step is held to the same rules; only the cancel flag, which called it, does not stop it. What
puts back what this run changed, or finishes what cannot be put back, does not stand aside: a service left
without tasks helps nobody (S13).
"""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.engine.meanwhile import halted
from chalicelib.engine.path import is_past_return
from chalicelib.engine.planning import said_yes
from chalicelib.engine.ports import Ports
from chalicelib.engine.sampling import sample
from chalicelib.engine.verification import all_true
from chalicelib.errors import StoreError
from chalicelib.guards.freeze import standing_freeze
from chalicelib.guards.live import blast_radius, losses, stand_aside
from chalicelib.guards.veto import vetoed
from chalicelib.models.check import Answer, CheckResult
from chalicelib.models.decision import GuardResult
from chalicelib.models.run import Run, RunStatus, StepRecord
from chalicelib.models.stack import Stack


@dataclass(frozen=True)
class Clearance:
    refusal: str | None = None
    recovered: bool = False
    cancelled: bool = False
    stopped: bool = False
    unsure: bool = False
    """Refused only for want of an answer, after something was changed: soon there may be one."""


def guards_now(ports: Ports, run: Run, stack: Stack, now: datetime, alarms: tuple[str, ...]) -> tuple[GuardResult, ...]:
    """Freeze and stand-aside, from the live stack."""
    names = run.runbook.guards.stand_aside
    results: list[GuardResult] = []
    by_itself = ("schedule ", "secrets.rotation ")
    automatic = run.incident_id is not None or run.started_by.startswith(by_itself)
    if "freeze" in names:
        results.append(standing_freeze(stack, now, automatic=automatic))
    asked = tuple(name for name in names if name != "freeze")
    results.extend(stand_aside(sample(ports, run, stack, asked, now, alarms), asked=asked, now=now))
    return tuple(results)


def may_change(
    ports: Ports,
    run: Run,
    stack: Stack,
    now: datetime,
    alarms: tuple[str, ...],
    record: StepRecord,
    steps: tuple[StepRecord, ...],
    *,
    puts_right: bool = False,
) -> Clearance:
    """`record` is the step whose next Change it is, `steps` all of the run as they were read."""
    changed = any(one.changed_anything for one in (*steps, record))
    stop = halted(ports, run.stack)
    if stop:
        return Clearance(refusal=f"stopped: {stop}", stopped=True)
    try:
        fresh = ports.runs.get(run.id)
        incident = ports.incidents.get(run.incident_id) if run.incident_id else None
    except StoreError as error:
        return Clearance(refusal=f"run or incident could not be read: {error}", unsure=changed)
    ends = run.status is not RunStatus.CANCELLING and not is_past_return(run.runbook, steps)
    asked_to_end = fresh is not None and fresh.cancel_requested_by and ends
    if fresh is None or asked_to_end or fresh.generation != run.generation:
        return Clearance(cancelled=True)
    if incident and not incident.firing and not changed:
        return Clearance(recovered=True)
    if incident and run.runbook.verify and not changed:
        unsure = _confirm(sample(ports, run, stack, run.runbook.verify.that, now, alarms))
        if unsure:
            return unsure
    try:
        others = () if puts_right else guards_now(ports, run, stack, now, alarms)
    except StoreError as error:
        if not changed:
            raise
        return Clearance(refusal=f"guards could not be asked: {error}", unsure=True)
    results = (*_of_plan(run, record, steps), *others)
    refused = [result for result in results if not result.passed]
    if refused:
        why = "; ".join(f"{result.guard}: {result.because}" for result in refused)
        return Clearance(refusal=why, unsure=changed and all(result.unsure for result in refused))
    return Clearance()


def _confirm(results: tuple[CheckResult, ...]) -> Clearance | None:
    """Preflight asked this too, but an approval can lie hours behind it (S2)."""
    if all_true(results):
        return Clearance(recovered=True)
    if any(result.answer is Answer.FALSE for result in results):
        return None
    why = "; ".join(f"{result.check}: {result.because}" for result in results if result.answer is Answer.UNKNOWN)
    return Clearance(refusal=f"the signal could not be confirmed ({why})")


def _of_plan(run: Run, record: StepRecord, steps: tuple[StepRecord, ...]) -> tuple[GuardResult, ...]:
    """All Changes that are known by now, those of late steps too, which no seal has seen."""
    known = [change for one in steps if one.id != record.id for change in one.changes]
    return (
        blast_radius(run.runbook.guards.blast_radius, (*known, *record.changes)),
        losses(record.changes, approved=said_yes(run, record)),
        vetoed((change.action for change in record.changes), (one.output for one in steps)),
    )
