"""Nobody has answered yet: say it once more before the time is up, and who is meant where it was handed on."""

from datetime import datetime

from chalicelib.flows.parts import Parts
from chalicelib.flows.summarize import tell_again
from chalicelib.models.approval import Approval, ApprovalState
from chalicelib.models.run import Run


def remind(parts: Parts, approval: Approval, now: datetime) -> bool:
    """Told first and then recorded: a crash may say it twice, never not at all."""
    run = parts.engine.runs.get(approval.run_id)
    is_asked = run is not None and run.status.is_live and approval.state is ApprovalState.PENDING
    if run is not None and is_asked:
        left = int((approval.expires_at - now).total_seconds() // 60)
        tell(parts, run, approval, f"still unanswered, {left} min left", now)
    parts.engine.approvals.reminded(approval.run_id, approval.number, now)
    return is_asked


def tell(parts: Parts, run: Run, approval: Approval, what: str, now: datetime) -> None:
    """The question once more, with why it is told again on top."""
    last = approval.delegations[-1] if approval.delegations else None
    meant = f" (handed to {last.to})" if last and last.to not in what else ""
    tell_again(parts, run, f"{what}{meant}", f"{approval.number}:{len(approval.delegations)}:{what[:20]}", now)
