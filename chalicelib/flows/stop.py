"""Stop, resume, freeze (S8). Each is one write that every admission and every Change reads."""

from datetime import datetime

from chalicelib.engine import incidents
from chalicelib.errors import UnknownName, WrongState
from chalicelib.flows.ingest import ring
from chalicelib.flows.parts import Parts
from chalicelib.models.incident import Incident, IncidentState
from chalicelib.models.ledger import Freeze, Stop


def stop(parts: Parts, *, stack: str | None, by: str, reason: str) -> tuple[str, ...]:
    """Returns the runs that were rung, so that they halt now and not at their next move."""
    flag = Stop(by=by, reason=reason, at=parts.clock.now())
    for name in _named(parts, stack):
        if name is None:
            parts.engine.ledgers.stop_fleet(flag)
        else:
            parts.engine.ledgers.stop(name, flag)
    active = active_runs(parts, stack)
    for run_id in active:
        ring(parts, run_id)
    return active


def resume(parts: Parts, *, stack: str | None) -> None:
    for name in _named(parts, stack):
        if name is None:
            parts.engine.ledgers.resume_fleet()
        else:
            parts.engine.ledgers.resume(name)


def resume_incident(parts: Parts, incident_id: str, *, by: str, reason: str) -> Incident:
    """A person says that Steward may act on it again: the next sweep evaluates it anew."""
    incident = parts.engine.incidents.get(incident_id)
    if incident is None:
        raise UnknownName("incident", incident_id)
    if incident.state is not IncidentState.NEEDS_HUMAN:
        raise WrongState(f"incident {incident_id} is {incident.state.value} and waits for nobody")
    now = parts.clock.now()
    opened = incidents.move(incident, IncidentState.OPEN, now, f"{by} let Steward act again: {reason}")
    fresh = {"reconsider_at": now, "reconsidered": 0, "escalated_at": None}
    return parts.engine.incidents.save(opened.model_copy(update=fresh))


def freeze(parts: Parts, *, stack: str | None, by: str, reason: str, until: datetime) -> None:
    """Nothing starts by itself until then; people still can."""
    entry = Freeze(by=by, reason=reason, until=until)
    for name in _named(parts, stack):
        if name is None:
            parts.engine.ledgers.update_fleet(
                lambda fleet: (fleet.model_copy(update={"freezes": (*fleet.freezes, entry)}), None)
            )
        else:
            parts.engine.ledgers.update(
                name, lambda ledger: (ledger.model_copy(update={"freezes": (*ledger.freezes, entry)}), None)
            )


def active_runs(parts: Parts, stack: str | None) -> tuple[str, ...]:
    stacks = [stack] if stack else list(parts.engine.stacks)
    return tuple(slot.run_id for name in stacks for slot in parts.engine.ledgers.read(name).active)


def _named(parts: Parts, stack: str | None) -> tuple[str | None, ...]:
    if stack is not None and stack not in parts.engine.stacks:
        raise UnknownName("stack", stack, list(parts.engine.stacks))
    return (stack,)
