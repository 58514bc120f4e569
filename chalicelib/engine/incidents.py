"""What a signal or a run's end does to an incident. Pure; the table is ENGINE.md's, in transitions.py."""

from datetime import datetime, timedelta

from chalicelib.engine.transitions import INCIDENT, follow
from chalicelib.models.incident import FiringSource, Incident, IncidentState
from chalicelib.models.run import Run, RunStatus, Verdict
from chalicelib.models.signal import Signal, SignalKind, SignalState

RETRY_S = 120
"""A run that stood aside, or whose signal could not be confirmed, is looked at again after this."""


def open_incident(signal: Signal, incident_id: str, now: datetime) -> Incident:
    return Incident(
        id=incident_id,
        stack=signal.stack or "",
        fingerprint=signal.fingerprint,
        title=f"{signal.kind.value} {signal.name or signal.resource or 'without a name'}",
        opened_at=now,
        changed_at=now,
        settles_after_s=signal.settles_after_s,
    )


def move(incident: Incident, state: IncidentState, now: datetime, reason: str | None = None) -> Incident:
    follow(INCIDENT, incident.state, state)
    update = {"state": state, "changed_at": now, "reason": reason or incident.reason}
    if state is IncidentState.QUIET:
        update["reconsider_at"] = None
    return incident.model_copy(update=update)


def source_key(signal: Signal) -> str:
    """The contributors of one alarm fire and recover one by one."""
    contributor = signal.facts.get("contributor_id")
    return f"{signal.fingerprint}/{contributor}" if contributor else signal.fingerprint


def _source(signal: Signal) -> FiringSource:
    return FiringSource(
        key=source_key(signal),
        kind=signal.kind,
        resource=signal.resource,
        name=signal.name,
        since=signal.occurred_at,
        alarm=signal.name if signal.kind is SignalKind.ALARM else None,
    )


ENDS = {
    # ECS has no "no longer impaired": a steady service is what says so, under another name.
    SignalKind.ECS_SERVICE: frozenset({SignalKind.ECS_SERVICE, SignalKind.ECS_TASK}),
    SignalKind.ECS_DEPLOYMENT: frozenset({SignalKind.ECS_DEPLOYMENT}),
}


def ends(signal: Signal, source: FiringSource) -> bool:
    """Whether this `resolved` is about that source."""
    if source.key == source_key(signal):
        return True
    return source.kind in ENDS.get(signal.kind, ()) and source.resource == signal.resource


def hear(incident: Incident, signal: Signal, now: datetime) -> Incident:
    """The incident after one more signal. A `resolved` that is older than what it would end, ends nothing; an
    old `firing` is heard all the same, since the run confirms it before it acts (S2)."""
    if signal.state is SignalState.FIRING:
        key, source = source_key(signal), _source(signal)
        others = tuple(one for one in incident.firing if one.key != key)
        since = max((one.since for one in incident.firing if one.key == key), default=source.since)
        again = source.model_copy(update={"since": max(since, source.since)})
        heard = incident.model_copy(update={"firing": (*others, again), "quiet_since": None, "last_event": signal.id})
        return move(heard, IncidentState.OPEN, now) if heard.state is IncidentState.QUIET else heard
    if signal.state is not SignalState.RESOLVED:
        return incident
    # One delivered out of order ends nothing: its source has fired again since.
    left = tuple(s for s in incident.firing if not ends(signal, s) or s.since > signal.occurred_at)
    heard = incident.model_copy(update={"firing": left})
    if left:
        return heard
    heard = heard.model_copy(update={"quiet_since": heard.quiet_since or now})
    if heard.state in {IncidentState.OPEN, IncidentState.VERIFYING, IncidentState.AWAITING} and not heard.run_id:
        return move(heard, IncidentState.QUIET, now, "nothing fires any more")
    return heard


def acting(incident: Incident, run_id: str, now: datetime, *, awaiting: bool = False) -> Incident:
    state = IncidentState.AWAITING if awaiting else IncidentState.ACTING
    taken = incident.model_copy(
        update={
            "run_id": run_id,
            "runs": incident.runs if run_id in incident.runs else (*incident.runs, run_id),
            "reconsider_at": None,
        }
    )
    return move(taken, state, now)


def adopted(incident: Incident, run_id: str, now: datetime) -> Incident:
    """A run says that it is on it: whoever admitted it may have died before the incident knew."""
    if run_id in incident.runs:
        return incident
    if incident.state is IncidentState.OPEN and incident.run_id is None:
        return acting(incident, run_id, now)
    return incident.model_copy(update={"runs": (*incident.runs, run_id)})


def held(incident: Incident, until: datetime, decision: str, reason: str, *, counts: bool) -> Incident:
    times = incident.reconsidered + (1 if counts else 0)
    return incident.model_copy(
        update={"reconsider_at": until, "last_decision": decision, "reason": reason, "reconsidered": times}
    )


def needs_human(incident: Incident, now: datetime, reason: str, *, decision: str | None = None) -> Incident:
    said = decision or incident.last_decision
    done = incident.model_copy(update={"run_id": None, "reconsider_at": None, "last_decision": said})
    return move(done, IncidentState.NEEDS_HUMAN, now, reason)


def is_settled(incident: Incident, now: datetime) -> bool:
    """Silent for as long as its own source needs to speak again."""
    silent = incident.quiet_since
    calm = incident.state in {IncidentState.QUIET, IncidentState.NEEDS_HUMAN} and not incident.firing
    return bool(calm and silent and not incident.run_id and now - silent >= timedelta(seconds=incident.settles_after_s))


def after_run(incident: Incident, run: Run, now: datetime) -> Incident:
    """The incident when its run is over. Idempotent: only the run that is on it may say so."""
    if incident.run_id != run.id:
        return incident
    free = incident.model_copy(update={"run_id": None})
    if run.verdict in {Verdict.VERIFIED, Verdict.RECOVERED_BEFORE_ACTION}:
        return _calm(free, run, now)
    if run.needs_person or run.status is RunStatus.CANCELLED or run.verdict is not None:
        return _to_person(free, now, run.outcome or "the run did not help")
    if run.status is RunStatus.STOPPED and not free.firing:
        return move(
            free.model_copy(update={"quiet_since": free.quiet_since or now}), IncidentState.QUIET, now, run.outcome
        )
    if run.status is RunStatus.STOPPED:
        # A guard said not now: the alarm will not speak again by itself, so we look again.
        again = free.model_copy(
            update={"reconsider_at": now + timedelta(seconds=RETRY_S), "reconsidered": free.reconsidered + 1}
        )
        return move(again, IncidentState.OPEN, now, run.outcome)
    return _to_person(free, now, run.outcome or "only a plan was made; acting is up to people")


def _calm(incident: Incident, run: Run, now: datetime) -> Incident:
    """The checks are positive proof that what the run asked about is over, event or no event; an alarm
    that it did not ask about still fires."""
    left = tuple(source for source in incident.firing if source.alarm and source.alarm not in run.alarms)
    calm = incident.model_copy(update={"firing": left, "quiet_since": incident.quiet_since or now})
    if left:
        again = calm.model_copy(update={"reconsider_at": now + timedelta(seconds=RETRY_S), "quiet_since": None})
        return move(again, IncidentState.OPEN, now, "another source still fires")
    return move(calm, IncidentState.QUIET, now, run.outcome)


def _to_person(incident: Incident, now: datetime, reason: str) -> Incident:
    quiet = incident.quiet_since or (now if not incident.firing else None)
    return needs_human(incident.model_copy(update={"quiet_since": quiet}), now, reason)
