"""What is asked of the Ledger for one signal, and the Run that is made of it once admitted. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.models.incident import Incident
from chalicelib.models.ledger import AdmissionRequest, Outgoing
from chalicelib.models.run import Mode, Run
from chalicelib.models.runbook import Runbook
from chalicelib.models.shape import content_hash
from chalicelib.models.signal import Signal, SignalKind
from chalicelib.models.stack import Stack
from chalicelib.models.words import Autonomy


@dataclass(frozen=True)
class Ids:
    """Made from the event, so that a second delivery, or a worker that takes over, makes the same."""

    event: str
    run: str
    incident: str

    @classmethod
    def of(cls, event_id: str, signal_id: str, opened: str = "") -> "Ids":
        return cls(
            event=event_id,
            run="r-" + content_hash([event_id, signal_id])[:12],
            incident="i-" + content_hash([event_id, signal_id, opened])[:12],
        )


def admission_request(
    signal: Signal,
    stack: Stack,
    runbook: Runbook,
    incident: Incident | None,
    mode: Mode,
    autonomy: Autonomy,
    ids: Ids,
    now: datetime,
) -> AdmissionRequest:
    run = new_run(signal, stack, runbook, incident, mode, autonomy, ids, now)
    return AdmissionRequest(
        run_id=ids.run,
        stack=stack.stack,
        region=stack.region,
        runbook=runbook.runbook,
        event_id=ids.event,
        automatic=signal.kind is not SignalKind.MANUAL,
        autonomy=autonomy,
        acts=mode is Mode.LIVE,
        only_plans=mode is Mode.PLAN,
        planned=runbook.planned_work,
        cooldown_s=runbook.guards.cooldown,
        max_runs=runbook.guards.max_runs.count,
        max_runs_per_s=runbook.guards.max_runs.per,
        run=run.model_dump(mode="json"),
    )


def new_run(
    signal: Signal,
    stack: Stack,
    runbook: Runbook,
    incident: Incident | None,
    mode: Mode,
    autonomy: Autonomy,
    ids: Ids,
    now: datetime,
) -> Run:
    facts = signal.facts
    return Run(
        id=ids.run,
        stack=stack.stack,
        stack_version=stack.version,
        runbook=runbook,
        runbook_hash=runbook.content_hash,
        inputs=_inputs(runbook, facts.get("inputs") or {}),
        mode=mode,
        autonomy=autonomy,
        incident_id=incident.id if incident else None,
        event_id=ids.event,
        started_by=started_by(signal),
        reason=signal.reason if signal.kind is SignalKind.MANUAL else None,
        undo_of=facts.get("undo_of"),
        alarms=tuple(source.alarm for source in incident.firing if source.alarm) if incident else (),
        created_at=now,
        changed_at=now,
        wake_at=now,
    )


def _inputs(runbook: Runbook, given: dict[str, Any]) -> dict[str, Any]:
    """Given values over defaults; they were checked where they came in."""
    return {name: given.get(name, declared.default) for name, declared in runbook.inputs.items()}


def started_by(signal: Signal) -> str:
    if signal.kind is SignalKind.MANUAL:
        return str(signal.facts.get("principal") or "unknown")
    return f"{signal.kind.value} {signal.name or signal.resource or ''}".strip()


def run_of(outgoing: Outgoing) -> Run:
    return Run.model_validate(outgoing.request)
