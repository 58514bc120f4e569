"""Asking for something: runs, plans, answers, stops. The API admits and rings; it never looks at a live stack."""

from datetime import timedelta

from chalicelib.errors import WrongState
from chalicelib.flows import approve as approving
from chalicelib.flows import stop as stopping
from chalicelib.flows.api.calls import Answered, Call
from chalicelib.flows.backups import cleared
from chalicelib.flows.start import Request, start, undo
from chalicelib.models import api
from chalicelib.models.decision import Decision
from chalicelib.models.problem import FieldProblem, Rejected
from chalicelib.models.run import Mode

CHECK = "health-check"


def start_run(call: Call) -> Answered:
    return _asked(call, Mode.LIVE)


def plan_run(call: Call) -> Answered:
    return _asked(call, Mode.PLAN)


def _asked(call: Call, mode: Mode) -> Answered:
    body: api.StartRun = call.body
    request = Request(
        runbook=call.path["name"],
        stack=body.stack,
        principal=call.principal,
        reason=body.reason,
        inputs=dict(body.inputs),
        mode=mode,
        key=call.key,
    )
    return _begun(start(call.parts, request))


def check_stack(call: Call) -> Answered:
    request = Request(
        runbook=CHECK, stack=call.path["name"], principal=call.principal, reason=call.body.reason, key=call.key
    )
    return _begun(start(call.parts, request))


def undo_run(call: Call) -> Answered:
    body: api.UndoRun = call.body
    decision = undo(
        call.parts, call.path["id"], call.principal, body.reason, plan=body.plan, key=call.key or call.request_id
    )
    return _begun(decision)


def _begun(decision: Decision) -> Answered:
    part = next((part for part in decision.parts if part.outcome is decision.outcome), None)
    if part is None or part.run_id is None or decision.outcome is None:
        refused = [guard for guard in part.guards if not guard.passed] if part else []
        errors = [FieldProblem(pointer=f"guard {guard.guard}", detail=guard.because) for guard in refused]
        said = "; ".join(part.reasons) if part and part.reasons else "no run came of it"
        raise Rejected(409, f"{decision.outcome or 'refuse'}: {said}", *errors)
    address = f"/v1/runs/{part.run_id}"
    started = api.Started(
        outcome=decision.outcome,
        event=decision.event_id,
        run=part.run_id,
        address=address,
        reasons=part.reasons,
        guards=part.guards,
    )
    return Answered(started, 202, {"Location": address})


def approve(call: Call) -> Answered:
    return _answered(call, approve=True)


def reject(call: Call) -> Answered:
    return _answered(call, approve=False)


def _answered(call: Call, *, approve: bool) -> Answered:
    body: api.Answer = call.body
    run_id = call.path["id"]
    approval = approving.answer(
        call.parts, run_id, approve=approve, by=call.principal, reason=body.reason, plan_hash=body.plan_hash
    )
    return Answered(api.Said(done=f"{approval.state.value} plan {approval.plan_hash[:12]}", runs=(run_id,)))


def delegate(call: Call) -> Answered:
    body: api.HandOn = call.body
    run_id = call.path["id"]
    approving.delegate(call.parts, run_id, to=body.to, by=call.principal, reason=body.reason)
    return Answered(api.Said(done=f"{body.to} is asked now", runs=(run_id,)))


def cancel(call: Call) -> Answered:
    run = approving.cancel(call.parts, call.path["id"], by=call.principal, reason=call.body.reason)
    return Answered(api.Said(done=f"asked run {run.id} to end: the change in flight is finished first", runs=(run.id,)))


def clear_suspicion(call: Call) -> Answered:
    done = cleared(call.parts, call.path["name"], by=call.principal, reason=call.body.reason)
    return Answered(api.Said(done=f"cleared: {done['cleared']}" if done["cleared"] else "nothing was doubted"))


def stop(call: Call) -> Answered:
    body: api.StopWhat = call.body
    rung = stopping.stop(call.parts, stack=body.stack, by=call.principal, reason=body.reason)
    return Answered(api.Said(done=f"stopped {body.stack or 'everything'}", runs=rung))


def resume(call: Call) -> Answered:
    body: api.ResumeWhat = call.body
    if body.incident:
        opened = stopping.resume_incident(call.parts, body.incident, by=call.principal, reason=body.reason)
        return Answered(api.Said(done=f"Steward may act on incident {opened.id} again"))
    stopping.resume(call.parts, stack=body.stack)
    return Answered(api.Said(done=f"resumed {body.stack or 'everything'}"))


def freeze(call: Call) -> Answered:
    body: api.FreezeWhat = call.body
    now = call.parts.clock.now()
    until = body.until or now + timedelta(seconds=body.lasts)
    if until <= now:
        raise WrongState(f"a freeze until {until.isoformat()} is over already")
    stopping.freeze(call.parts, stack=body.stack, by=call.principal, reason=body.reason, until=until)
    return Answered(api.Said(done=f"frozen {body.stack or 'everything'} until {until.isoformat()}"))
