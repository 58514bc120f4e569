"""A person asks for a run, a plan or an undo: the same road as an alarm, with the same guards."""

from dataclasses import dataclass, field
from typing import Any

from chalicelib.catalog.inputs import check_inputs
from chalicelib.errors import InputError, UnknownName, WrongState
from chalicelib.flows.ingest import ingest
from chalicelib.flows.parts import Parts
from chalicelib.models.change import ChangeState
from chalicelib.models.decision import Decision
from chalicelib.models.run import Mode
from chalicelib.models.runbook import ManualTrigger, Runbook, Step, Trigger, Verify
from chalicelib.models.shape import content_hash
from chalicelib.models.words import Autonomy


@dataclass(frozen=True)
class Request:
    runbook: str
    stack: str
    principal: str
    reason: str | None = None
    inputs: dict[str, Any] = field(default_factory=dict)
    mode: Mode = Mode.LIVE
    key: str | None = None
    """Idempotency key: the same key is the same run, and for another request it is an error."""
    undo_of: str | None = None


def start(parts: Parts, request: Request) -> Decision:
    runbook = parts.runbooks.get(request.runbook)
    if runbook is None:
        raise UnknownName("runbook", request.runbook, list(parts.runbooks))
    if not any(trigger.manual is not None for trigger in runbook.on):
        raise InputError(f"{request.runbook} is not started by hand: it has no `- manual: {{}}` under `on`")
    return _ask(parts, request, check_inputs(runbook, request.inputs), None)


def undo(
    parts: Parts, run_id: str, principal: str, reason: str | None, *, plan: bool = False, key: str | None = None
) -> Decision:
    """S34: a run whose Changes put back what another run changed, last first."""
    run = parts.engine.runs.get(run_id)
    if run is None:
        raise UnknownName("run", run_id)
    if run.status.is_live:
        raise WrongState(f"run {run_id} is still {run.status.value}; cancel it first")
    made = [
        change
        for record in parts.engine.runs.steps(run_id)
        for change, progress in zip(record.changes, record.progress, strict=True)
        if progress.state in {ChangeState.DONE, ChangeState.STARTED}
    ]
    if not any(change.undo for change in made):
        raise WrongState(f"run {run_id} made no change that can be undone")
    request = Request(
        runbook="undo",
        stack=run.stack,
        principal=principal,
        reason=reason,
        key=key,
        undo_of=run_id,
        mode=Mode.PLAN if plan else Mode.LIVE,
    )
    return _ask(parts, request, {}, undo_runbook(run.runbook))


def made_for(parts: Parts, payload: Any) -> Runbook | None:  # noqa: ANN401  # an archived event
    """The runbook of a request to undo, which no file holds: for a worker that takes the request over."""
    if not isinstance(payload, dict) or payload.get("steward") != "manual" or not payload.get("undo_of"):
        return None
    run = parts.engine.runs.get(str(payload["undo_of"]))
    return undo_runbook(run.runbook) if run else None


def asked_by(payload: Any) -> str | None:  # noqa: ANN401  # as above
    by_hand = isinstance(payload, dict) and payload.get("steward") == "manual"
    return str(payload["principal"]) if by_hand and payload.get("principal") else None


def undo_runbook(of: Runbook) -> Runbook:
    return Runbook(
        runbook="undo",
        title=f"Put back what {of.runbook} changed",
        on=(Trigger(manual=ManualTrigger()),),
        autonomy=Autonomy.AUTO,  # a person asked; the stack's level still caps it
        guards=of.guards.model_copy(update={"cooldown": 0}),
        steps=(Step(id="undo", do="undo_changes"),),
        verify=of.verify or Verify(that=("service_steady",)),
    )


def _ask(parts: Parts, request: Request, inputs: dict[str, Any], runbook: Runbook | None) -> Decision:
    if request.stack not in parts.engine.stacks:
        raise UnknownName("stack", request.stack, list(parts.engine.stacks))
    payload = {
        "steward": "manual",
        "id": f"manual-{request.key or parts.new_id()}",
        "runbook": request.runbook,
        "stack": request.stack,
        "inputs": inputs,
        "principal": request.principal,
        "reason": request.reason,
        "mode": request.mode.value,
        "undo_of": request.undo_of,
    }
    return ingest(parts, payload, runbook=runbook, principal=request.principal, asked=_hash_of(request))


def _hash_of(request: Request) -> str:
    """Of what is asked for; by whom and why may be said otherwise when it is asked again."""
    what = [request.runbook, request.stack, request.inputs, request.mode.value, request.undo_of]
    return content_hash(what)
