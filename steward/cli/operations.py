"""What can be asked of a Steward in a sandbox: plain JSON in, plain JSON out, by name.

The same operations are carried out in this process (LocalDesk) or, for a sandbox that is up, over
its control port (RemoteDesk). None of them waits for real time.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from chalicelib.errors import InputError, StewardError
from chalicelib.flows import approve, query, start, stop
from chalicelib.flows.ingest import explain as explain_event
from chalicelib.models.decision import Decision, Outcome
from chalicelib.models.run import Mode
from chalicelib.models.words import parse_duration, utc
from steward.cli.account_operations import ACCOUNT_OPERATIONS
from steward.cli.backup_operations import BACKUP_OPERATIONS
from steward.sandbox.faults import FAULTS
from steward.sandbox.simulation import Simulation

Json = dict[str, Any]
LONGEST_S = 12 * 3600
"""Virtual time after which nobody waits for a run any more: longer than an approval lives."""


def decision_json(decision: Decision) -> Json:
    """The decision, with the part that weighed most on top: what `explain` promises."""
    part = next((p for p in decision.parts if p.outcome is decision.outcome), None)
    return {
        "event": decision.event_id,
        "at": decision.received_at.isoformat(),
        "outcome": decision.outcome.value if decision.outcome else None,
        "runbook": part.runbook if part else None,
        "stack": part.signal.stack if part else None,
        "run": part.run_id if part else None,
        "incident": part.incident_id if part else None,
        "reasons": list(part.reasons) if part else [],
        "guards": [guard.model_dump(mode="json") for guard in part.guards] if part else [],
        "reconsider_at": part.reconsider_at.isoformat() if part and part.reconsider_at else None,
        "predecessor": decision.predecessor,
        "parts": [part_json(p.model_dump(mode="json")) for p in decision.parts],
    }


def part_json(part: Json) -> Json:
    signal = part["signal"]
    keep = ("kind", "state", "name", "resource", "stack", "actionable", "reason", "occurred_at")
    return {**part, "signal": {key: signal[key] for key in keep}}


def world(sim: Simulation) -> Json:
    stack = sim.world.stack()
    tasks = [
        {"task": task.id, "status": task.status.value, "serves": task.answers(sim.world.clock.now())}
        for task in sim.world.service.live()
    ]
    return {"at": sim.world.clock.now().isoformat(), "stack": stack.stack, "tasks": tasks, **query.now(sim.parts)}


def break_world(sim: Simulation, fault: str, parameters: Json | None = None) -> Json:
    broken = sim.world.break_with(fault, **(parameters or {}))
    return {"fault": broken.name, "sentence": broken.sentence, "at": sim.world.clock.now().isoformat()}


def faults(sim: Simulation) -> Json:  # noqa: ARG001 - every operation gets it
    return {"faults": [{"name": fault.name, "sentence": fault.sentence} for fault in FAULTS.values()]}


def fire(sim: Simulation, payload: object) -> Json:
    decision = sim.deliver(payload)
    sim.settle()
    return decision_json(decision)


def explain(sim: Simulation, payload: object) -> Json:
    return decision_json(explain_event(sim.parts, payload))


def begin(
    sim: Simulation,
    *,
    runbook: str,
    stack: str,
    principal: str,
    inputs: Json,
    mode: str,
    reason: str | None = None,
    key: str | None = None,
) -> Json:
    request = start.Request(
        runbook=runbook, stack=stack, principal=principal, reason=reason, inputs=inputs, mode=Mode(mode), key=key
    )
    return _begun(sim, start.start(sim.parts, request))


def undo(sim: Simulation, run: str, principal: str, reason: str | None = None, plan: bool = False) -> Json:
    return _begun(sim, start.undo(sim.parts, run, principal, reason, plan=plan))


def _begun(sim: Simulation, decision: Decision) -> Json:
    """The decision; a plan is made at once, since planning takes no time."""
    if decision.outcome in {Outcome.RUN, Outcome.ASK, Outcome.SUGGEST}:
        sim.settle()
    return decision_json(decision)


def runs(sim: Simulation, stack: str | None = None) -> Json:
    return {"runs": [query.brief(run) for run in reversed(sim.runs()) if stack in {None, run.stack}]}


def run(sim: Simulation, run: str) -> Json:
    return query.whole(sim.parts, run)


def plan(sim: Simulation, run: str) -> Json:
    return query.plan_of(sim.parts, run)


def watch(sim: Simulation, run: str, after: int = 0) -> Json:
    """What is new on a run's timeline, and whether more is to come."""
    return query.news_of(sim.parts, run, after)


def drive(sim: Simulation, run: str) -> Json:
    """Lets virtual time pass until the run is over or waits for people; for worlds that nobody else turns."""

    def rests() -> bool:
        found = sim.parts.engine.runs.get(run)
        if found is None:
            return True
        return found.status.value == "awaiting_approval" or (not found.status.is_live and found.released.all_done)

    if not sim.run_until(rests, limit_s=LONGEST_S):
        raise StewardError(f"run {run} is not over after {LONGEST_S // 3600} hours of virtual time")
    return query.whole(sim.parts, run)


def answer(
    sim: Simulation, *, run: str, approve_it: bool, principal: str, reason: str, plan_hash: str | None = None
) -> Json:
    done = approve.answer(sim.parts, run, approve=approve_it, by=principal, reason=reason, plan_hash=plan_hash)
    sim.settle()
    return done.model_dump(mode="json")


def delegate(sim: Simulation, *, run: str, to: str, principal: str, reason: str) -> Json:
    approve.delegate(sim.parts, run, to=to, by=principal, reason=reason)
    return query.whole(sim.parts, run)


def cancel(sim: Simulation, run: str, principal: str, reason: str) -> Json:
    asked = approve.cancel(sim.parts, run, by=principal, reason=reason)
    sim.settle()
    return query.brief(sim.parts.engine.runs.get(run) or asked)


def decisions(sim: Simulation, limit: int = 50) -> Json:
    found = sim.parts.decisions.recent(limit=limit).rows
    return {"decisions": [decision_json(decision) for decision in found]}


def halt(sim: Simulation, principal: str, reason: str, stack: str | None = None) -> Json:
    rung = stop.stop(sim.parts, stack=stack, by=principal, reason=reason)
    sim.settle()
    return {"stopped": stack or "*", "by": principal, "reason": reason, "runs": list(rung)}


def resume(sim: Simulation, principal: str, reason: str, stack: str | None = None) -> Json:
    stop.resume(sim.parts, stack=stack)
    return {"resumed": stack or "*", "by": principal, "reason": reason}


def resume_incident(sim: Simulation, incident: str, principal: str, reason: str) -> Json:
    opened = stop.resume_incident(sim.parts, incident, by=principal, reason=reason)
    return {"resumed": opened.id, "by": principal, "reason": reason}


def freeze(
    sim: Simulation,
    *,
    principal: str,
    reason: str,
    lasts: str | None = None,
    until: str | None = None,
    stack: str | None = None,
) -> Json:
    """`lasts` counts from the sandbox's own clock: it is another day there."""
    now = sim.parts.clock.now()
    try:
        end = utc(until) if until else now + timedelta(seconds=parse_duration(lasts))
    except ValueError as error:
        raise InputError(str(error)) from error
    if end <= now:
        raise InputError(f"a freeze until {end.isoformat()} is over already: it is {now.isoformat()}")
    stop.freeze(sim.parts, stack=stack, by=principal, reason=reason, until=end)
    return {"frozen": stack or "*", "by": principal, "reason": reason, "until": end.isoformat()}


def now(sim: Simulation) -> Json:
    return query.now(sim.parts)


OPERATIONS: Mapping[str, Callable[..., Json]] = {
    "world": world,
    "break": break_world,
    "faults": faults,
    "fire": fire,
    "explain": explain,
    "begin": begin,
    "undo": undo,
    "runs": runs,
    "run": run,
    "plan": plan,
    "watch": watch,
    "drive": drive,
    "answer": answer,
    "delegate": delegate,
    "cancel": cancel,
    "decisions": decisions,
    "stop": halt,
    "resume": resume,
    "freeze": freeze,
    "resume_incident": resume_incident,
    "now": now,
    **BACKUP_OPERATIONS,
    **ACCOUNT_OPERATIONS,
}
