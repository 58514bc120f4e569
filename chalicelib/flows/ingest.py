"""An event arrives: claim it, archive it, evaluate it, admit, record why. Never looks at the live stack.

A crash anywhere leaves the decision `received`; a redelivery after a minute takes it over and makes
the same ids again, so nothing happens twice and nothing is lost.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from chalicelib.engine import incidents
from chalicelib.engine.admission import Ids
from chalicelib.engine.evaluate import Evaluation, Situation, evaluate
from chalicelib.errors import EventInProgress, StaleWrite, StoreUnavailable
from chalicelib.flows import measure
from chalicelib.flows.archive import redacted
from chalicelib.flows.dispatch import dispatch_outbox
from chalicelib.flows.parts import Parts
from chalicelib.flows.region_issues import note_issue
from chalicelib.flows.summarize import tell_of_brake, tell_of_decision
from chalicelib.models.decision import Decision, DecisionState, Outcome, SignalDecision
from chalicelib.models.incident import Incident, IncidentState
from chalicelib.models.ledger import Fleet, Ledger
from chalicelib.models.run import Moment
from chalicelib.models.runbook import Runbook
from chalicelib.models.signal import Signal, SignalKind, SignalState
from chalicelib.models.words import Autonomy
from chalicelib.signals.read import read_signals
from chalicelib.signals.tie import tie
from chalicelib.store.decisions import ASKED, Received, archive_key

MOST_TRIES = 12
BATCH = 2
WEIGHT = [Outcome.RUN, Outcome.ASK, Outcome.SUGGEST, Outcome.HOLD, Outcome.REFUSE, Outcome.INVALID, Outcome.IGNORE]


def ingest_all(parts: Parts, payload: object) -> tuple[Decision, ...]:
    """What a function was handed: one event, or a batch whose records are each claimed by themselves."""
    records = payload.get("Records") if isinstance(payload, Mapping) else None
    if not isinstance(payload, Mapping) or not isinstance(records, list) or len(records) < BATCH:
        return (ingest(parts, payload),)
    return tuple(ingest(parts, {**payload, "Records": [record]}) for record in records)


def ingest(
    parts: Parts,
    payload: object,
    *,
    event_id: str | None = None,
    runbook: Runbook | None = None,
    principal: str | None = None,
    asked: str | None = None,
) -> Decision:
    """`runbook` overrides matching, for runbooks that are made and not written (undo). `asked` is the hash
    of a person's request."""
    now = parts.clock.now()
    signals = read_signals(payload, received_at=now)
    event_id = event_id or signals[0].id
    claim = parts.decisions.receive(event_id, now, trigger={ASKED: asked} if asked else None)
    if claim.state is Received.IN_PROGRESS:
        raise EventInProgress(event_id)  # dropped, it could be lost; it comes again and is then a duplicate or ours
    if not claim.is_ours:
        return claim.decision
    where = parts.archive.put(archive_key(event_id, now), redacted(payload))
    tied = [tie(signal, parts.stack_keys) for signal in signals]
    for signal in tied:
        note_issue(parts, signal, now)
    decided = [decide(parts, signal, event_id, now, runbook=runbook) for signal in tied]
    decision = claim.decision.model_copy(update={"archived_at": where, "principal": principal})
    return conclude(parts, decision, tuple(decided), now)


def conclude(parts: Parts, decision: Decision, decided: tuple[SignalDecision, ...], now: datetime) -> Decision:
    """Tell what people must know, record it, then start what was admitted. In this order: a crash may say
    it twice, never not at all; and what is admitted lies in the outbox."""
    outcome = min((part.outcome for part in decided), key=WEIGHT.index, default=Outcome.INVALID)
    for part in decided:
        stack = parts.engine.stacks.get(part.signal.stack or "")
        tells = stack is not None and stack.autonomy is not Autonomy.SHADOW  # shadow records, and tells nobody
        if stack and tells and part.outcome is Outcome.REFUSE and part.signal.kind is not SignalKind.MANUAL:
            tell_of_decision(parts, part, stack, now)
    done = parts.decisions.decide(
        decision.model_copy(
            update={"state": DecisionState.DECIDED, "decided_at": now, "outcome": outcome, "parts": decided}
        )
    )
    for part in decided:
        measure.decided(parts.telemetry, part)
        if part.run_id and part.signal.stack:
            dispatch_outbox(parts, part.signal.stack)
    return done


def decide(
    parts: Parts, signal: Signal, event_id: str, now: datetime, *, runbook: Runbook | None = None, again: bool = False
) -> SignalDecision:
    """Evaluate on what is stored, write what follows, and start over if somebody wrote first."""
    for _ in range(MOST_TRIES):
        situation = look(parts, signal, event_id, now, runbook=runbook, again=again)
        evaluation = evaluate(situation)
        try:
            write(parts, situation, evaluation, signal, now)
            _tell_others(parts, situation, signal, now)
        except StaleWrite:
            continue
        return evaluation.part
    raise StoreUnavailable(f"deciding on event {event_id}", "too many others were writing at once")


def _tell_others(parts: Parts, situation: Situation, signal: Signal, now: datetime) -> None:
    """A `resolved` can end sources of several incidents: a steady service ends all its task troubles."""
    if signal.state is not SignalState.RESOLVED or situation.stack is None:
        return
    own = situation.incident.id if situation.incident else None
    for other in parts.engine.incidents.open_of(situation.stack.stack):
        if other.id != own and any(incidents.ends(signal, source) for source in other.firing):
            evaluation = evaluate(replace(situation, incident=other))
            write(parts, replace(situation, incident=other), evaluation, signal, now)


def look(
    parts: Parts, signal: Signal, event_id: str, now: datetime, *, runbook: Runbook | None = None, again: bool = False
) -> Situation:
    stack = parts.engine.stacks.get(signal.stack) if signal.stack else None
    if stack is None:  # nothing to read: whatever it is, it concerns none of ours
        nothing = Ledger(stack="")
        return Situation(signal, None, (), None, nothing, Fleet(), parts.limits, now, Ids.of(event_id, signal.id))
    of_incident = signal.kind not in {SignalKind.MANUAL, SignalKind.SCHEDULE}
    incident = parts.engine.incidents.open_with(stack.stack, signal.fingerprint) if of_incident else None
    return Situation(
        signal=signal,
        stack=stack,
        runbooks=(runbook,) if runbook else parts.matcher.matches(signal),
        incident=incident,
        ledger=parts.engine.ledgers.read(stack.stack),
        fleet=parts.engine.ledgers.read_fleet(),
        limits=parts.limits,
        now=now,
        ids=Ids.of(event_id, signal.id),
        reconsidering=again,
        own_account=parts.own_account,
    )


def write(parts: Parts, situation: Situation, evaluation: Evaluation, signal: Signal, now: datetime) -> None:
    """Incident first (open), then Fleet, then Ledger, then the incident as it is now: whatever dies
    in between, the ids are the same next time and each write is safe to repeat."""
    incident = evaluation.incident
    if incident and situation.incident is None:
        stored = parts.engine.incidents.open_or_get(_as_opened(incident))
        incident = incident.model_copy(update={"version": stored.version}) if stored.id == incident.id else None
        if incident is None:
            raise StaleWrite(f"incident {stored.id}")  # somebody opened it meanwhile: look again
    if evaluation.fleet and evaluation.fleet != situation.fleet:
        parts.engine.ledgers.write_fleet(evaluation.fleet)
    if evaluation.ledger and evaluation.ledger != situation.ledger:
        parts.engine.ledgers.write(evaluation.ledger)
    if incident:
        if incident != situation.incident:
            parts.engine.incidents.save(incident)
        parts.engine.incidents.append_signal(incident.id, evaluation.part.signal)
    if evaluation.joins:
        join(parts, evaluation.joins, signal, now)
    if evaluation.ring:
        ring(parts, evaluation.ring)
    _page_once(parts, situation, evaluation, now)


def join(parts: Parts, run_id: str, signal: Signal, now: datetime) -> None:
    """The signal belongs to planned work: its timeline says so, and its verification asks the alarm too."""
    alarm = signal.name if signal.kind is SignalKind.ALARM else None
    if not parts.engine.runs.join(run_id, alarm or f"{signal.kind.value} {signal.name}", is_alarm=alarm is not None):
        return
    run = parts.engine.runs.get(run_id)
    if run is not None:
        text = f"expected while it works: {signal.kind.value} {signal.name or signal.resource or ''} joined it".strip()
        parts.engine.runs.add_moment(Moment(run_id=run_id, seq=run.seq + 1, at=now, what="joined", text=text))


def ring(parts: Parts, run_id: str) -> None:
    run = parts.engine.runs.ring(run_id, parts.clock.now())
    if run is not None:
        parts.driver.ring(run_id, run.token)


def _as_opened(incident: Incident) -> Incident:
    return incident.model_copy(update={"state": IncidentState.OPEN, "run_id": None, "runs": (), "reconsider_at": None})


def _page_once(parts: Parts, situation: Situation, evaluation: Evaluation, now: datetime) -> None:
    """S7: the brake holds everything, and one page goes out."""
    braked = next((g for g in evaluation.part.guards if g.guard == "fleet_brake" and not g.passed), None)
    if braked and situation.stack and parts.engine.ledgers.mark_paged(now):
        tell_of_brake(parts, braked.because, situation.stack, now)


def explain(parts: Parts, payload: object) -> Decision:
    """The decision that would be made, from the same evaluator, writing nothing."""
    now = parts.clock.now()
    signals = [tie(signal, parts.stack_keys) for signal in read_signals(payload, received_at=now)]
    event_id = signals[0].id
    decided = tuple(evaluate(look(parts, signal, event_id, now)).part for signal in signals)
    outcome = min((part.outcome for part in decided), key=WEIGHT.index, default=Outcome.INVALID)
    return Decision(
        event_id=event_id, state=DecisionState.DECIDED, received_at=now, decided_at=now, outcome=outcome, parts=decided
    )
