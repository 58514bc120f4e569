"""What planning a step and doing it share: its context and scope, its claim, how it ends or is tried again."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from chalicelib.engine.ports import Ports
from chalicelib.engine.sampling import context
from chalicelib.engine.situation import Situation
from chalicelib.engine.transitions import STEP, follow
from chalicelib.errors import StewardError
from chalicelib.models.run import Lease, StepRecord, StepStatus
from chalicelib.steps.step import Action, Probe, StepContext

RETRY_BASE_S = 5
RETRY_MOST_S = 200
"""Before jitter, which makes at most 5 minutes of it: what throttles us is over long before that."""
MOST_CLAIMS = 12
"""A step whose worker dies this often does not come to an end by itself."""


class StepParts:
    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def _context(
        self, at: Situation, step_id: str, of: Action[Any] | Probe[Any, Any], *, acting: bool = False
    ) -> StepContext:
        ctx = context(self._ports, at.run, at.stack, step_id, at.now, alarms=at.alarms, of=of)
        if not acting:
            return ctx
        aws = self._ports.sessions.for_stack(at.stack, at.run.id, step_id, of.permissions, plan_mode=False)
        return replace(ctx, aws=aws)

    def _scope(self, at: Situation) -> dict[str, Any]:
        # A step that is over without output never will have one: that is null, not "later".
        steps = {record.id: record.output for record in at.steps if record.status.is_over}
        return {
            "inputs": at.run.inputs,
            "steps": steps,
            "stack": {"name": at.stack.stack, "region": at.stack.region},
            "signal": {"name": at.run.started_by, "alarms": list(at.alarms)},
        }

    def _claim(self, at: Situation, record: StepRecord, status: StepStatus) -> StepRecord:
        follow(STEP, record.status, status)
        attempt = record.attempt + (1 if record.lease or record.attempt == 0 else 0)
        lease = Lease(owner=at.worker, until=at.now + timedelta(seconds=self._ports.lease_s))
        return self._ports.runs.save_step(
            record.model_copy(
                update={"status": status, "attempt": attempt, "lease": lease, "started_at": record.started_at or at.now}
            )
        )

    def _failed(self, at: Situation, record: StepRecord, error: StewardError) -> StepRecord:
        fresh = self._fresh(record)
        most = at.step(record.id).max_attempts
        if error.retryable and (fresh.attempt < most or self._is_followed_on(at, fresh)):
            wait = min(RETRY_BASE_S * 2**fresh.attempt, RETRY_MOST_S) * (0.5 + self._ports.jitter())
            again = at.now + timedelta(seconds=wait)
            back = StepStatus.WAITING if fresh.status is StepStatus.CLAIMED else fresh.status
            return self._to(fresh, back, retry_at=again, detail=str(error), attempt=min(fresh.attempt + 1, most))
        return self._gave_up(at, fresh, error, str(error))

    def _is_followed_on(self, at: Situation, record: StepRecord) -> bool:  # noqa: ARG002  # planning follows nothing
        """Whether bad answers alone are no reason to give it up."""
        return False

    def _gave_up(self, at: Situation, record: StepRecord, error: Exception | None, why: str) -> StepRecord:  # noqa: ARG002  # planning has begun nothing
        return self._over(at, record, StepStatus.FAILED, why)

    def _worn_out(self, at: Situation, record: StepRecord) -> StepRecord:
        worn = self._gave_up(at, record, None, f"its worker died {record.attempt} times")
        return self._ports.runs.save_step(worn.model_copy(update={"lease": None}))

    def _broken(self, at: Situation, record: StepRecord, error: Exception) -> StepRecord:
        return self._gave_up(at, self._fresh(record), error, f"unexpected {type(error).__name__}: {error}")

    def _fresh(self, record: StepRecord) -> StepRecord:
        """The record as stored: STARTED may have been written since it was claimed."""
        return self._ports.runs.step(record.run_id, record.id) or record

    def _to(self, record: StepRecord, status: StepStatus, **update: Any) -> StepRecord:
        follow(STEP, record.status, status)
        return record.model_copy(update={"status": status, **update})

    def _over(
        self, at: Situation, record: StepRecord, status: StepStatus, detail: str | None, **update: Any
    ) -> StepRecord:
        return self._to(record, status, detail=detail, ended_at=at.now, retry_at=None, **update)
