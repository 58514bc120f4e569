"""People answer: approve, reject, cancel. One conditional write wins; then the run is rung."""

from chalicelib.errors import UnknownName, WrongState
from chalicelib.flows.parts import Parts
from chalicelib.models.approval import Approval, ApprovalState
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
        run_id, approval.number, seen, state, by=by, reason=reason, now=parts.clock.now()
    )
    _ring(parts, run_id)
    return answered


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
