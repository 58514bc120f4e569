"""Admission: whether a run may start on a stack, as one pure step from Ledger to Ledger.

The caller writes the new Ledger under the version that was read; whoever loses that write decides
again on what is there now. So two admissions can never both be right about the same state.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.guards.results import all_pass, at, passes, refuses
from chalicelib.guards.stop import not_frozen, not_stopped
from chalicelib.models.decision import GuardResult
from chalicelib.models.ledger import AdmissionRequest, Ledger, Outgoing, Slot, Start
from chalicelib.models.words import format_duration

_OTHERS_KEPT_FOR = timedelta(days=400)
"""The longest that a start of another runbook is kept: this ledger does not know that one's `maxRuns.per`."""


@dataclass(frozen=True)
class Admission:
    ledger: Ledger | None
    """To be written; None when a guard refused."""
    results: tuple[GuardResult, ...]

    @property
    def admitted(self) -> bool:
        return self.ledger is not None


def admit(ledger: Ledger, request: AdmissionRequest, now: datetime) -> Admission:
    """Every guard is asked, also after one has refused: people see all that stands in the way."""
    if _was_admitted(ledger, request.run_id):
        return Admission(ledger, (passes("one_run", f"run {request.run_id} has been admitted before"),))
    results = (
        not_stopped(ledger.stop, request.stack, only_plans=request.only_plans),
        _one_run(ledger, request),
        not_frozen(ledger.freezes, request.stack, now, automatic=request.automatic and request.acts),
        _cooled_down(ledger, request, now),
        _below_max_runs(ledger, request, now),
    )
    return Admission(_after(ledger, request, now) if all_pass(results) else None, results)


def release(ledger: Ledger, run_id: str, runbook: str, now: datetime, cooldown_s: int) -> Ledger:
    """Frees the slot if this run owns it. Again, or by somebody else, it changes nothing: the cooldown
    counts from the first time."""
    if not any(slot.run_id == run_id for slot in ledger.active):
        return ledger
    cooldowns = dict(ledger.cooldowns)
    until = now + timedelta(seconds=cooldown_s)
    if cooldown_s > 0:
        cooldowns[runbook] = max(until, cooldowns.get(runbook, until))
    left = tuple(slot for slot in ledger.active if slot.run_id != run_id)
    # A run that is over has been made: its outbox entry must not start it again.
    return sent(ledger.model_copy(update={"active": left, "cooldowns": cooldowns}), run_id)


def sent(ledger: Ledger, run_id: str) -> Ledger:
    """The run exists and its execution is started: nothing more to send."""
    left = tuple(entry for entry in ledger.outbox if entry.run_id != run_id)
    return ledger if left == ledger.outbox else ledger.model_copy(update={"outbox": left})


def _was_admitted(ledger: Ledger, run_id: str) -> bool:
    """Also after it was sent and even after it ended: an event that comes late must not take a slot
    for a run that is over, which nobody would ever free."""
    known = {slot.run_id for slot in ledger.active}
    known |= {entry.run_id for entry in ledger.outbox} | {start.run_id for start in ledger.starts}
    return run_id in known


def _one_run(ledger: Ledger, request: AdmissionRequest) -> GuardResult:
    if not request.acts:
        return passes("one_run", "it only looks, so it needs no slot")
    if not ledger.active:
        return passes("one_run", f"no run is active on {request.stack}")
    slot = ledger.active[0]
    planned = ", planned work" if slot.planned else ""
    return refuses("one_run", f"run {slot.run_id} ({slot.runbook}{planned}) in progress since {at(slot.since)}")


def planned_work(ledger: Ledger) -> Slot | None:
    """Whose expected-outage window is open."""
    return next((slot for slot in ledger.active if slot.planned), None)


def _cooled_down(ledger: Ledger, request: AdmissionRequest, now: datetime) -> GuardResult:
    if not request.automatic:
        return passes("cooldown", "asked for by a person")
    until = ledger.cooldowns.get(request.runbook)
    if until is None or until <= now:
        return passes("cooldown", f"{request.runbook} has not run here just now")
    return refuses("cooldown", f"{request.runbook} ran here lately; cooling down until {at(until)}", until)


def _below_max_runs(ledger: Ledger, request: AdmissionRequest, now: datetime) -> GuardResult:
    if not request.automatic:
        return passes("max_runs", "asked for by a person")
    count, per = request.max_runs, timedelta(seconds=request.max_runs_per_s)
    if count < 1 or per <= timedelta(0):
        return refuses("max_runs", f"lacks a limit it can keep: {count} runs per {request.max_runs_per_s} s")
    times = sorted(
        start.at
        for start in ledger.starts
        if start.automatic and start.runbook == request.runbook and start.at > now - per
    )
    window = format_duration(request.max_runs_per_s)
    said = f"{request.runbook} was started {len(times)} times within {window}; {count} allowed"
    if len(times) < count:
        return passes("max_runs", said)
    return refuses("max_runs", said, times[-count] + per)


def _after(ledger: Ledger, request: AdmissionRequest, now: datetime) -> Ledger:
    slot = Slot(run_id=request.run_id, runbook=request.runbook, since=now, planned=request.planned)
    # Suggestions count as starts too: a trigger that a dry run does not use up fires it for ever.
    start = Start(run_id=request.run_id, runbook=request.runbook, at=now, automatic=request.automatic)
    entry = Outgoing(
        run_id=request.run_id,
        runbook=request.runbook,
        event_id=request.event_id,
        admitted_at=now,
        request=request.run,
    )
    return ledger.model_copy(
        update={
            "active": (*ledger.active, slot) if request.acts else ledger.active,
            "starts": (*_recent(ledger, request, now), start),
            "cooldowns": {name: until for name, until in ledger.cooldowns.items() if until > now},
            "freezes": tuple(freeze for freeze in ledger.freezes if freeze.until > now),
            "outbox": (*ledger.outbox, entry),
        }
    )


def _recent(ledger: Ledger, request: AdmissionRequest, now: datetime) -> tuple[Start, ...]:
    per = timedelta(seconds=max(request.max_runs_per_s, 0))

    def counts(start: Start) -> bool:
        return start.at > now - (per if start.runbook == request.runbook else _OTHERS_KEPT_FOR)

    return tuple(start for start in ledger.starts if counts(start))
