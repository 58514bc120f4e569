"""What runs now, what is stopped, what was changed lately: for `steward now`, the API and the console."""

from datetime import datetime, timedelta
from typing import Any

from chalicelib.errors import UnknownName
from chalicelib.flows.parts import Parts
from chalicelib.flows.progress import progress_of
from chalicelib.models.change import ChangeState
from chalicelib.models.ledger import Stop
from chalicelib.models.run import Run

LATELY = timedelta(days=1)


def now(parts: Parts) -> dict[str, Any]:
    moment = parts.clock.now()
    ledgers = [parts.engine.ledgers.read(stack) for stack in parts.engine.stacks]
    fleet = parts.engine.ledgers.read_fleet()
    return {
        "at": moment.isoformat(),
        "stopped": [
            {"stack": stack, **_stop(stop)}
            for stack, stop in [("*", fleet.stop), *((ledger.stack, ledger.stop) for ledger in ledgers)]
            if stop
        ],
        "frozen": [
            {"stack": stack, "by": freeze.by, "reason": freeze.reason, "until": freeze.until.isoformat()}
            for stack, freezes in [("*", fleet.freezes), *((ledger.stack, ledger.freezes) for ledger in ledgers)]
            for freeze in freezes
            if freeze.until > moment
        ],
        "running": [
            brief(run) for ledger in ledgers for slot in ledger.active if (run := parts.engine.runs.get(slot.run_id))
        ],
        "incidents": [
            {"id": i.id, "stack": i.stack, "state": i.state.value, "title": i.title, "reason": i.reason}
            for stack in parts.engine.stacks
            for i in parts.engine.incidents.open_of(stack)
        ],
        "changed": [entry for stack in parts.engine.stacks for entry in changed_lately(parts, stack, moment)],
    }


def _stop(stop: Stop) -> dict[str, Any]:
    return {"by": stop.by, "reason": stop.reason, "at": stop.at.isoformat() if stop.at else None}


def changed_lately(parts: Parts, stack: str, moment: datetime) -> list[dict[str, Any]]:
    runs = parts.engine.runs.recent(stack, since=moment - LATELY, limit=100).rows
    return [
        {
            "run": run.id,
            "stack": stack,
            "at": (progress.done_at or progress.started_at or run.changed_at).isoformat(),
            "what": change.sentence,
            "resource": change.resource,
        }
        for run in runs
        for record in parts.engine.runs.steps(run.id)
        for change, progress in zip(record.changes, record.progress, strict=True)
        if progress.state in {ChangeState.DONE, ChangeState.STARTED}
    ]


def brief(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "stack": run.stack,
        "runbook": run.runbook.runbook,
        "status": run.status.value,
        "verdict": run.verdict.value if run.verdict else None,
        "outcome": run.outcome,
        "mode": run.mode.value,
        "started_by": run.started_by,
        "created_at": run.created_at.isoformat(),
        "ended_at": run.ended_at.isoformat() if run.ended_at else None,
    }


def whole(parts: Parts, run_id: str) -> dict[str, Any]:
    """A run with its steps, plan, approval and timeline."""
    run = parts.engine.runs.get(run_id)
    if run is None:
        raise UnknownName("run", run_id)
    records = {record.id: record for record in parts.engine.runs.steps(run_id)}
    approval = parts.engine.approvals.current(run_id)
    return {
        **brief(run),
        "incident": run.incident_id,
        "inputs": run.inputs,
        "plan_hash": run.plan_hash,
        "approval": approval.model_dump(mode="json") if approval else None,
        "preflight": [result.model_dump(mode="json") for result in run.preflight],
        "steps": [records[step.id].model_dump(mode="json") for step in run.runbook.steps if step.id in records],
        "verification": run.verification.model_dump(mode="json") if run.verification else None,
        "progress": progress_of(records.values()),
        "timeline": [moment.model_dump(mode="json") for moment in parts.engine.runs.moments(run_id)],
    }


def news_of(parts: Parts, run_id: str, after: int) -> dict[str, Any]:
    """What came on a run's timeline after a number, and whether more is to come."""
    run = parts.engine.runs.get(run_id)
    if run is None:
        raise UnknownName("run", run_id)
    moments = [moment.model_dump(mode="json") for moment in parts.engine.runs.moments(run_id, after=after)]
    seq = int(moments[-1]["seq"]) if moments else after
    over = not run.status.is_live and run.released.all_done
    far = None if over else progress_of(parts.engine.runs.steps(run_id))
    return {"run": brief(run), "moments": moments, "over": over, "seq": seq, "progress": far}


def plan_of(parts: Parts, run_id: str) -> dict[str, Any]:
    """The plan as people approve it: every Change with its values, and the hash of them all."""
    run = parts.engine.runs.get(run_id)
    if run is None:
        raise UnknownName("run", run_id)
    records = {record.id: record for record in parts.engine.runs.steps(run_id)}
    ordered = [records[step.id] for step in run.runbook.steps if step.id in records]
    changes = [change.model_dump(mode="json") for record in ordered for change in record.changes]
    return {
        "run": run.id,
        "runbook": run.runbook.runbook,
        "stack": run.stack,
        "hash": run.plan_hash,
        "status": run.status.value,
        "outcome": run.outcome,
        "changes": changes,
        "known_later": [{"step": r.id, "why": r.known_later} for r in ordered if r.known_later],
        "skipped": [{"step": r.id, "why": r.detail} for r in ordered if r.status.value == "skipped"],
        "preflight": [result.model_dump(mode="json") for result in run.preflight],
    }
