"""Sweep: what nobody else comes back to. Held incidents when due, settled ones, events whose worker
died, outboxes, expired approvals, dead executions; and the heartbeat that says Steward lives (S31)."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial

from chalicelib.engine import incidents as pure
from chalicelib.engine.journal import Journal
from chalicelib.engine.moves import Finish
from chalicelib.engine.release import Releaser
from chalicelib.errors import StaleWrite, StewardError, UnknownName
from chalicelib.flows import look_after, measure, protection
from chalicelib.flows.advance import hand_over
from chalicelib.flows.dispatch import dispatch_outbox
from chalicelib.flows.ingest import conclude, decide, ingest, ring
from chalicelib.flows.parts import Parts
from chalicelib.flows.remind import remind
from chalicelib.flows.start import asked_by, made_for
from chalicelib.flows.summarize import tell_of_incident, tell_the_end
from chalicelib.models.decision import Decision, Outcome, SignalDecision
from chalicelib.models.incident import Incident, IncidentState
from chalicelib.models.run import Run, RunStatus, Verdict
from chalicelib.models.signal import Signal, SignalKind, SignalState
from chalicelib.store.decisions import Received, archive_key

GIVE_UP_AFTER = timedelta(minutes=15)
"""Longer than any redelivery that is still to come."""


@dataclass(frozen=True)
class Swept:
    reconsidered: int = 0
    closed: int = 0
    escalated: int = 0
    events: int = 0
    started: int = 0
    expired: int = 0
    reminded: int = 0
    resumed: int = 0
    cleared: int = 0
    """Stacks where a run was started to delete what a drill has left behind (S16)."""
    failed: tuple[str, ...] = ()
    """What could not be swept, and why; the rest was."""

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def sweep(parts: Parts) -> Swept:
    now = parts.clock.now()
    names = ("reconsidered", "closed", "escalated", "events", "started", "expired", "reminded", "resumed", "cleared")
    counts = dict.fromkeys(names, 0)
    failed: list[str] = []

    def each(name: str, what: str, work: Callable[[], object]) -> None:
        try:
            done = work()
        except StewardError as error:
            failed.append(f"{what}: {error}")
        else:
            counts[done if isinstance(done, str) else name] += int(bool(done))

    for decision in parts.decisions.stuck(now):
        work = partial(take_over, parts, decision.event_id, decision.received_at)
        each("events", f"event {decision.event_id}", work)
    for stack in parts.engine.stacks:
        each("started", f"outbox of {stack}", partial(dispatch_outbox, parts, stack))
    for incident in parts.engine.incidents.due(now):
        each("reconsidered", f"incident {incident.id}", partial(look_again, parts, incident, now))
    for approval in parts.engine.approvals.pending_due(now):
        due = partial(expire, parts, approval.run_id, approval.number, now)
        each("expired", f"approval of {approval.run_id}", due)
    for run in parts.engine.runs.due(now):
        each("resumed", f"run {run.id}", partial(resume, parts, run))
    if look_after.is_time(now):
        for stack in parts.engine.stacks:
            each("cleared", f"what drills left on {stack}", partial(look_after.clear, parts, stack, now))
        each("cleared", "the age of backups", partial(protection.tell_ages, parts, now))  # which clears nothing
    measure.heartbeat(parts.telemetry)
    return Swept(**counts, failed=tuple(failed))


def resume(parts: Parts, run: Run) -> bool:
    """Its worker is gone: the next generation goes on from what is stored. One that could not move it at
    all was the second try: the run is ended, so that it holds no lock and people hear of it (S31)."""
    if run.status.is_live and run.generation > 1 and run.moves == run.moves_before:
        return end_dead(parts, run)
    return hand_over(parts, run).kind == "succeed"


def end_dead(parts: Parts, run: Run) -> bool:
    now, journal = parts.clock.now(), Journal(parts.engine.runs)
    releaser = Releaser(parts.engine, journal)
    changed = any(record.changed_anything for record in parts.engine.runs.steps(run.id))
    why = "no worker could move it: two executions in a row died without a single move"
    end = Finish(RunStatus.STOPPED, Verdict.FAILED if changed else None, why, needs_person=True)
    ended = releaser.finish(run, end, now)
    for part in ("ledger", "incident"):
        ended = releaser.release(ended, part, now)
    if run.stack in parts.engine.stacks:  # a stack taken out of care can be why it could not be moved
        ended = tell_the_end(parts, ended, now)
    releaser.release(ended, "summary", now)
    return True


def take_over(parts: Parts, event_id: str, received_at: datetime) -> bool:
    """The raw event lies in the archive, so even one that is never delivered again is decided."""
    decision = parts.decisions.get(event_id)
    if decision and "reconsider" in decision.trigger:
        return finish_reconsidering(parts, decision)
    try:
        raw = parts.archive.get(parts.archive.ref(archive_key(event_id, received_at)))
    except UnknownName:
        return give_up(parts, event_id)
    payload = json.loads(raw)
    ingest(parts, payload, event_id=event_id, runbook=made_for(parts, payload), principal=asked_by(payload))
    return True


def give_up(parts: Parts, event_id: str) -> bool:
    """Its worker died before it was archived and it was not delivered again: say so, for the record."""
    now, decision = parts.clock.now(), parts.decisions.get(event_id)
    if decision is None or now - decision.received_at < GIVE_UP_AFTER:
        return False
    reason = "its worker died before it was archived, and it was not delivered again"
    lost = Signal(
        id=event_id,
        kind=SignalKind.INVALID,
        state=SignalState.INFO,
        source="sweep",
        occurred_at=decision.received_at,
        reason=reason,
    )
    conclude(parts, decision, (SignalDecision(signal=lost, outcome=Outcome.INVALID, reasons=(reason,)),), now)
    return True


def expire(parts: Parts, run_id: str, number: int, now: datetime) -> bool | str:
    """Due twice: once to remind of it, once because its time is up."""
    approval = parts.engine.approvals.get(run_id, number)
    if now < approval.expires_at:
        return remind(parts, approval, now) and "reminded"
    parts.engine.approvals.expire(run_id, number, now)
    ring(parts, run_id)
    return True


def look_again(parts: Parts, incident: Incident, now: datetime) -> str | None:
    """What the counts call it, or None where somebody else was faster."""
    try:
        if pure.is_settled(incident, now):
            parts.engine.incidents.close(incident, now, "quiet for as long as its source needs to speak again")
            return "closed"
        if incident.firing and incident.reconsider_at and incident.reconsider_at <= now:
            return reconsider(parts, incident, now)
        if incident.state is IncidentState.OPEN and not incident.run_id and incident.escalated_at is None:
            return escalate(parts, incident, now)
        parts.engine.incidents.save(incident.model_copy(update={"changed_at": now}))
    except StaleWrite:
        return None
    return None


def reconsider(parts: Parts, incident: Incident, now: datetime) -> str | None:
    """EventBridge tells only changes: a held alarm would never speak again, so its signal is evaluated
    anew, as a decision of its own that names its predecessor."""
    signal = last_firing(parts, incident)
    if signal is None:
        return escalate(parts, incident, now)
    event_id = f"{incident.id}-again-{incident.version}"  # the version moves on with every decision
    claim = parts.decisions.receive(
        event_id,
        now,
        predecessor=incident.last_decision,
        attempt=incident.reconsidered + 1,
        trigger={"reconsider": incident.id},
    )
    if claim.state is Received.DUPLICATE:  # looked at in this very state, and nothing came of it
        return escalate(parts, incident, now)
    if not claim.is_ours:
        return None
    part = decide(parts, signal, event_id, now, again=True)
    conclude(parts, claim.decision, (part,), now)
    return "reconsidered"


def finish_reconsidering(parts: Parts, decision: Decision) -> bool:
    """Its worker died: the same signal once more under the same id, so that the record says what was done."""
    now = parts.clock.now()
    incident = parts.engine.incidents.get(decision.trigger["reconsider"])
    signal = last_firing(parts, incident) if incident else None
    if signal is None:
        return give_up(parts, decision.event_id)
    claim = parts.decisions.receive(decision.event_id, now)
    if not claim.is_ours:
        return False
    conclude(parts, claim.decision, (decide(parts, signal, decision.event_id, now, again=True),), now)
    return True


def last_firing(parts: Parts, incident: Incident) -> Signal | None:
    firing = [s for s in parts.engine.incidents.signals(incident.id) if s.state is SignalState.FIRING]
    return firing[-1] if firing else None


def escalate(parts: Parts, incident: Incident, now: datetime) -> str:
    """Recorded first: told twice is worse here than told once late, since sweep comes every minute."""
    why = incident.reason or "nothing reacts to it"
    given = pure.needs_human(incident.model_copy(update={"escalated_at": now}), now, f"nobody is on it: {why}")
    stored = parts.engine.incidents.save(given)
    if stack := parts.engine.stacks.get(incident.stack):  # it may have been taken out of care meanwhile
        tell_of_incident(parts, stored, stack, now)
    return "escalated"
