"""People answer: approve, reject, cancel. One conditional write wins; then the run is rung."""

from chalicelib.errors import UnknownName, WrongState
from chalicelib.flows import remind
from chalicelib.flows.parts import Parts
from chalicelib.guards.roles import Role, keys_of
from chalicelib.models.approval import Approval, ApprovalState, Delegation
from chalicelib.models.run import Run

SHOWN = 12


def answer(parts: Parts, run_id: str, *, approve: bool, by: str, reason: str, plan_hash: str | None = None) -> Approval:
    """`plan_hash` is what the person saw; where it is not given, it is the one being asked about."""
    run = _run(parts, run_id)
    approval = parts.engine.approvals.current(run_id)
    if approval is None:
        raise WrongState(f"run {run_id} is {run.status.value} and asks nobody")
    state = ApprovalState.APPROVED if approve else ApprovalState.REJECTED
    seen = approval.plan_hash if _means(plan_hash, approval.plan_hash) else plan_hash or ""
    answered = parts.engine.approvals.answer(
        run_id, approval.number, seen, state, by=by, reason=reason, now=parts.clock.now(), keys=keys_of(by)
    )
    _ring(parts, run_id)
    return answered


def delegate(parts: Parts, run_id: str, *, to: str, by: str, reason: str | None) -> Approval:
    """To a person or a team (a role) that may approve, and did not start the run itself where another must."""
    run = _run(parts, run_id)
    approval = parts.engine.approvals.current(run_id)
    if approval is None or not run.status.is_live:
        raise WrongState(f"run {run_id} is {run.status.value} and asks nobody")
    role, keys = parts.roles.role_of(to), keys_of(to)
    if role is None or not role.covers(Role.APPROVER):
        raise WrongState(f"{to} cannot answer: it is {role or 'nobody that Steward knows'}, not an approver")
    if approval.approvers == "other" and approval.started_by and set(keys) & set(keys_of(approval.started_by)):
        raise WrongState(f"{to} started run {run_id} and cannot approve it")
    handed = Delegation(to=to, key=keys[0], by=by, at=parts.clock.now(), reason=reason)
    given = parts.engine.approvals.delegate(run_id, approval.number, handed)
    remind.tell(parts, run, given, f"handed to {to} by {by}", parts.clock.now())
    return given


def _means(given: str | None, whole: str) -> bool:
    """Nothing given means the question that stands; the first 12 digits are what people are shown."""
    return given is None or (len(given) >= SHOWN and whole.startswith(given))


def cancel(parts: Parts, run_id: str, *, by: str, reason: str) -> Run:
    run = _run(parts, run_id)
    if not run.status.is_live:
        raise WrongState(f"run {run_id} is over: {run.status.value}")
    asked = parts.engine.runs.request_cancel(run_id, by, reason, parts.clock.now())
    _ring(parts, run_id)
    return asked or run


def _run(parts: Parts, run_id: str) -> Run:
    run = parts.engine.runs.get(run_id)
    if run is None:
        raise UnknownName("run", run_id)
    return run


def _ring(parts: Parts, run_id: str) -> None:
    run = parts.engine.runs.ring(run_id, parts.clock.now())
    if run is not None:
        parts.driver.ring(run_id, run.token)
