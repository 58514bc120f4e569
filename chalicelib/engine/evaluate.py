"""The one evaluator: what Steward decides about one signal, and why. Pure.

Live, plan, rehearsal, sandbox and `explain` all call it; they differ only in what they do with the
answer. It returns the Ledger, Fleet and Incident as they would be; writing them, conditionally, is
the flow's work, and who loses that write evaluates again.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.engine import incidents
from chalicelib.engine.admission import Ids, admission_request
from chalicelib.guards.admit import admit, planned_work
from chalicelib.guards.autonomy import effective_autonomy
from chalicelib.guards.fleet import free, note_firing, reserve
from chalicelib.guards.freeze import standing_freeze
from chalicelib.guards.signal import calls_for_work, trust
from chalicelib.models.decision import GuardResult, Outcome, SignalDecision
from chalicelib.models.incident import Incident, IncidentState
from chalicelib.models.ledger import Fleet, FleetLimits, Ledger
from chalicelib.models.run import Mode
from chalicelib.models.runbook import Runbook
from chalicelib.models.signal import Signal, SignalKind, SignalState, is_work
from chalicelib.models.stack import Stack
from chalicelib.models.words import Autonomy

QUEUE_S = 60
"""One that only waits for another run on its stack. Not counted: that run ends by itself."""
HOLD_S = 300
"""When a guard cannot say when it will pass, a held incident is looked at again after this."""


@dataclass(frozen=True)
class Situation:
    signal: Signal
    stack: Stack | None
    runbooks: tuple[Runbook, ...]
    """Those that match, best first, with their includes in place."""
    incident: Incident | None
    ledger: Ledger
    fleet: Fleet
    limits: FleetLimits
    now: datetime
    ids: Ids
    reconsidering: bool = False
    own_account: str | None = None
    """Where stacks live that name no account."""


@dataclass(frozen=True)
class Evaluation:
    part: SignalDecision
    incident: Incident | None = None
    ledger: Ledger | None = None
    """Set when a run was admitted: to be written on the version that was read."""
    fleet: Fleet | None = None
    ring: str | None = None
    """A live run that should hear of this at once."""
    joins: str | None = None
    """The run of planned work that this signal belongs to."""


def evaluate(situation: Situation) -> Evaluation:
    signal = situation.signal
    if signal.kind is SignalKind.INVALID:
        return _simple(situation, Outcome.INVALID, signal.reason or "the event cannot be trusted")
    if signal.echo_of:
        return _simple(situation, Outcome.IGNORE, f"Steward's own doing, in run {signal.echo_of}")
    if situation.stack is None:
        untied = signal.reason if (signal.reason or "").startswith("not tied") else "it is about no stack known here"
        return _simple(situation, Outcome.IGNORE, untied or "")
    if signal.kind in {SignalKind.MANUAL, SignalKind.SCHEDULE}:
        return _choose(situation, None)
    return _of_incident(situation)


def _simple(situation: Situation, outcome: Outcome, *reasons: str) -> Evaluation:
    return Evaluation(SignalDecision(signal=situation.signal, outcome=outcome, reasons=reasons))


def _of_incident(situation: Situation) -> Evaluation:
    signal, now, known = situation.signal, situation.now, situation.incident
    strange = _strangeness(situation)
    if strange:  # not ours to believe: it opens nothing, ends nothing and stands in nobody's way (S2)
        outcome = Outcome.REFUSE if signal.state is SignalState.FIRING else Outcome.IGNORE
        return _with(situation, None, outcome, *(f"{g.guard}: {g.because}" for g in strange), guards=strange)
    if calls_for_work(signal) and situation.runbooks:
        return _choose(situation, None)
    if signal.state is SignalState.INFO:
        reason = signal.reason or "tells, but nothing is wrong"
        return _with(situation, known, Outcome.IGNORE, reason)
    if signal.state is SignalState.RESOLVED:
        if known is None:
            return _with(situation, None, Outcome.IGNORE, "resolved, and no incident is open for it")
        quieter = incidents.hear(known, signal, now)
        return _with(situation, quieter, Outcome.IGNORE, "resolved: the incident is told", ring=quieter.run_id)
    if (
        not signal.actionable and not situation.reconsidering
    ):  # muted or suppressed: left alone until it speaks again (S6)
        return _with(situation, known, Outcome.IGNORE, signal.reason or "it does not ask for anything to be done")
    if known is None and not situation.runbooks:
        return _with(situation, None, Outcome.IGNORE, "no runbook reacts to it")
    if known and situation.ids.run in known.runs and known.run_id != situation.ids.run:
        # A worker before us admitted this very event, and the run is over by now.
        return _with(situation, known, Outcome.RUN, "was admitted before", run_id=situation.ids.run)
    incident = incidents.hear(known or incidents.open_incident(signal, situation.ids.incident, now), signal, now)
    expected = planned_work(situation.ledger) is not None or is_work(signal.kind, signal.name)
    if not expected:  # an outage that is, or a rotation that was held, is no sign of trouble in the fleet
        situation = replace(situation, fleet=note_firing(situation.fleet, signal.stack or "", now))
    mine = incident.run_id == situation.ids.run  # a worker before us got this far with this very event
    if not mine and incident.state in {IncidentState.ACTING, IncidentState.AWAITING, IncidentState.VERIFYING}:
        return _with(situation, incident, Outcome.IGNORE, f"run {incident.run_id} is on it", ring=incident.run_id)
    if incident.state is IncidentState.NEEDS_HUMAN:
        if incident.last_decision == situation.ids.event:  # refused by this very event, before its worker died
            return _with(situation, incident, Outcome.REFUSE, incident.reason or "refused before")
        return _with(situation, incident, Outcome.IGNORE, "waits for a person; no automatic run until one says so")
    return _choose(situation, incident)


def _with(
    situation: Situation,
    incident: Incident | None,
    outcome: Outcome,
    *reasons: str,
    guards: tuple[GuardResult, ...] = (),
    runbook: str | None = None,
    ring: str | None = None,
    until: datetime | None = None,
    run_id: str | None = None,
) -> Evaluation:
    part = SignalDecision(
        signal=situation.signal,
        outcome=outcome,
        runbook=runbook,
        reasons=reasons,
        guards=guards,
        run_id=run_id,
        incident_id=incident.id if incident else None,
        reconsider_at=until,
    )
    return Evaluation(part, incident=incident, ring=ring, fleet=situation.fleet)


def _choose(situation: Situation, incident: Incident | None) -> Evaluation:
    if not situation.runbooks:
        return _with(situation, incident, Outcome.IGNORE, "no runbook reacts to it")
    runbook, stack = situation.runbooks[0], situation.stack
    assert stack is not None  # noqa: S101  # evaluate() saw to it; this tells the type checker
    mode = Mode(situation.signal.facts.get("mode", Mode.LIVE)) if _by_hand(situation.signal) else Mode.LIVE
    autonomy = effective_autonomy(runbook, stack, by_hand=_by_hand(situation.signal))
    if mode is Mode.LIVE:
        mode = {Autonomy.SHADOW: Mode.SHADOW, Autonomy.SUGGEST: Mode.SUGGEST}.get(autonomy, Mode.LIVE)
    trusted = trust(
        situation.signal, stack, situation.now, own_account=situation.own_account, reconsidering=situation.reconsidering
    )
    frozen = standing_freeze(stack, situation.now, automatic=not _by_hand(situation.signal))
    return _admit(situation, incident, runbook, mode, autonomy, (*trusted, frozen))


def _strangeness(situation: Situation) -> tuple[GuardResult, ...]:
    assert situation.stack is not None  # noqa: S101  # evaluate() saw to it
    asked = trust(situation.signal, situation.stack, situation.now, own_account=situation.own_account)
    return tuple(result for result in asked if result.guard in STRANGE and not result.passed)


def _by_hand(signal: Signal) -> bool:
    return signal.kind is SignalKind.MANUAL


def _admit(
    situation: Situation,
    incident: Incident | None,
    runbook: Runbook,
    mode: Mode,
    autonomy: Autonomy,
    before: tuple[GuardResult, ...],
) -> Evaluation:
    assert situation.stack is not None  # noqa: S101  # as above
    request = admission_request(
        situation.signal, situation.stack, runbook, incident, mode, autonomy, situation.ids, situation.now
    )
    admitted = admit(situation.ledger, request, situation.now)
    guards, fleet = admitted.results, situation.fleet
    if admitted.ledger is not situation.ledger:  # else a worker before us got this far: no guard takes that back
        reserved = reserve(situation.fleet, request, situation.limits, situation.now)
        guards = (*before, *reserved.results, *admitted.results)
        blocking = [result for result in guards if not result.passed]
        if blocking or reserved.fleet is None or admitted.ledger is None:
            return _not_now(situation, incident, runbook, guards, blocking)
        fleet = reserved.fleet
    part = SignalDecision(
        signal=situation.signal,
        outcome=_outcome(mode, autonomy),
        runbook=runbook.runbook,
        run_id=request.run_id,
        incident_id=incident.id if incident else None,
        guards=guards,
        reasons=(_why(situation.signal, runbook, autonomy, mode),),
    )
    taken = incident
    if incident and incident.run_id != request.run_id:  # else the run is on it already, and may be further
        taken = incidents.acting(incident, request.run_id, situation.now)
    return Evaluation(part, incident=taken, ledger=admitted.ledger, fleet=fleet)


def _outcome(mode: Mode, autonomy: Autonomy) -> Outcome:
    if mode in {Mode.SUGGEST, Mode.SHADOW}:
        return Outcome.SUGGEST
    if mode is Mode.LIVE and autonomy is Autonomy.APPROVE:
        return Outcome.ASK
    return Outcome.RUN


def _why(signal: Signal, runbook: Runbook, autonomy: Autonomy, mode: Mode) -> str:
    what = f"{runbook.runbook} reacts to {signal.kind.value} {signal.name or ''}".strip()
    if _by_hand(signal):
        what = f"{signal.facts.get('principal', 'somebody')} asked for {runbook.runbook}"
    return f"{what}; autonomy {autonomy.value}, mode {mode.value}"


def _not_now(
    situation: Situation,
    incident: Incident | None,
    runbook: Runbook,
    guards: tuple[GuardResult, ...],
    blocking: list[GuardResult],
) -> Evaluation:
    reasons = tuple(f"{result.guard}: {result.because}" for result in blocking)
    # A reservation of an earlier try, whose Ledger write was lost to another run, must not stay.
    situation = replace(situation, fleet=free(situation.fleet, situation.ids.run))
    final = [result for result in blocking if result.retry_at is None and result.guard in FINAL]
    if incident is None and calls_for_work(situation.signal) and not final:
        situation, incident = _waits(situation)
    if incident is None:  # asked for by hand or by the clock: refused now, and nobody comes back to it
        return _with(situation, None, Outcome.REFUSE, *reasons, guards=guards, runbook=runbook.runbook)
    limit = situation.stack.limits.max_reconsiders if situation.stack else 1
    if incident.reconsidered >= limit:
        why = f"held {incident.reconsidered} times: {reasons[0]}"
        given_up = incidents.needs_human(incident, situation.now, why, decision=situation.ids.event)
        return _with(situation, given_up, Outcome.REFUSE, *reasons, guards=guards, runbook=runbook.runbook)
    if final:
        refused = incidents.needs_human(incident, situation.now, reasons[0], decision=situation.ids.event)
        return _with(situation, refused, Outcome.REFUSE, *reasons, guards=guards, runbook=runbook.runbook)
    soonest = situation.now + timedelta(seconds=30)
    queued = all(result.guard == "one_run" for result in blocking)
    wait = timedelta(seconds=QUEUE_S if queued else HOLD_S)
    until = max(soonest, *(result.retry_at or situation.now + wait for result in blocking))
    counts = situation.reconsidering and not queued and incident.last_decision != situation.ids.event
    waiting = incidents.held(incident, until, situation.ids.event, reasons[0], counts=counts)
    rotated = situation.signal.kind is SignalKind.SECRETS_ROTATION  # no planned work reads it: it stays to be done
    slot = planned_work(situation.ledger) if queued and not rotated else None
    if slot:
        reasons = (f"expected: it joins the planned work of run {slot.run_id} ({slot.runbook})", *reasons)
    held = _with(situation, waiting, Outcome.HOLD, *reasons, guards=guards, runbook=runbook.runbook, until=until)
    return replace(held, joins=slot.run_id) if slot else held


def _waits(situation: Situation) -> tuple[Situation, Incident]:
    """Work that nobody will tell of again, like a rotation: it has an incident until it is done."""
    signal = situation.signal.model_copy(update={"state": SignalState.FIRING, "actionable": True})
    known = situation.incident or incidents.open_incident(signal, situation.ids.incident, situation.now)
    return replace(situation, signal=signal), incidents.hear(known, signal, situation.now)


STRANGE = frozenset({"account", "region", "stack"})
"""Guards that say: this is not that stack's."""
FINAL = STRANGE | {"stale"}
"""Guards that time does not heal."""
