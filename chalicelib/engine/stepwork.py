"""One step, one piece further: plan it, read with it, or make its next Change.

Changes are stored before the first call and never planned anew after a crash: done over, a restart
would stop other tasks. The lease keeps a second worker away while the first may still be at it.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from chalicelib.engine.before_change import may_change
from chalicelib.engine.change_records import count_made, facts_of, next_number, not_made
from chalicelib.engine.meanwhile import Told
from chalicelib.engine.situation import Halt, Situation
from chalicelib.engine.step_parts import MOST_CLAIMS
from chalicelib.engine.step_planning import StepPlanning
from chalicelib.errors import StaleWrite, StepFailed, StepTimedOut, StewardError
from chalicelib.models.change import ChangeProgress, ChangeState
from chalicelib.models.run import RunStatus, StepRecord, StepStatus
from chalicelib.steps.step import (
    Action,
    ActionOutput,
    Applied,
    Done,
    Pending,
    Standing,
    StepContext,
    Unchanged,
)

STOPPING_CHECK_S = 15
STOPPING_MOST_S = 900
"""What is ended gets so long beyond its step's time to be gone; ECS kills a task after two minutes at most."""
STOPPING_CLAIMS = 3
"""So many more workers may die of asking whether it is gone."""
UNSURE_CHECK_S = 60
UNSURE_MOST_S = 600
"""A guard without an answer refuses; what this run has begun is worth asking again so long before it is undone."""

Worked = StepRecord | Halt


class StepWork(StepPlanning):
    def do(self, at: Situation, record: StepRecord) -> Worked:
        """One piece: a late step is planned or read; else the next Change is made or followed up."""
        if record.status in {StepStatus.WAITING, StepStatus.CLAIMED}:
            return self.plan(at, record)
        if record.lease and record.attempt >= MOST_CLAIMS:
            return self._worn_out(at, record)
        claimed = self._claim(at, record, StepStatus.APPLYING)
        try:
            worked = self._next_change(at, claimed)
        except StaleWrite:
            raise  # another worker has the step: what is stored is its doing, and its lease stays
        except StewardError as error:
            worked = self._failed(at, claimed, error)
        except Exception as error:  # noqa: BLE001  # boundary: as above
            worked = self._broken(at, claimed, error)
        if isinstance(worked, Halt):
            self._ports.runs.save_step(claimed.model_copy(update={"lease": None}))
            return worked
        return self._kept(at, claimed, worked)

    def _next_change(self, at: Situation, record: StepRecord) -> Worked:
        number = next_number(record)
        if number is None:
            return self._all_made(at, record)
        change, progress = record.changes[number], record.progress[number]
        action = self._ports.actions[change.action]
        ctx = self._context(at, record.id, action, acting=True)
        if progress.state is ChangeState.STORED:
            begun = self._begin(at, record, number, action, ctx)
            if not isinstance(begun, StepRecord) or begun.progress[number].state is not ChangeState.STARTED:
                return begun
            record, progress = begun, begun.progress[number]
        elif at.run.status is RunStatus.CANCELLING and action.breaks_off(change):
            return self._over(at, record, StepStatus.FAILED, action.abandon(ctx, change, progress))
        told = Told(self._ports.runs, record, number, self._ports.senses.monotonic)
        applied = action.apply(replace(ctx, tell=told), change, progress)
        return self._applied(at, told.record, number, applied)

    def _begin(self, at: Situation, record: StepRecord, number: int, action: Action[Any], ctx: StepContext) -> Worked:
        """Guards, then a look, then STARTED is stored: only after that may anything be called."""
        puts_back = self._puts_back(record)
        right = puts_back or action.finishes(ctx, record.changes[number])
        clear = may_change(self._ports, at.run, at.stack, at.now, at.alarms, record, at.steps, puts_right=right)
        since = record.unsure_since or at.now
        if clear.unsure and (at.now - since).total_seconds() < UNSURE_MOST_S:
            again = at.now + timedelta(seconds=UNSURE_CHECK_S)
            news = {"unsure_since": since, "retry_at": again, "detail": f"asks again: {clear.refusal}"}
            return record.model_copy(update=news)
        record = record.model_copy(update={"unsure_since": None})
        if clear.refusal or clear.recovered or clear.cancelled:
            return Halt(clear.refusal, clear.recovered, clear.cancelled, clear.stopped)
        look = action.look(ctx, record.changes[number])
        if look.standing is Standing.DRIFTED:
            if puts_back:  # what somebody else changed since is his; the rest still goes back (S13)
                return self._left_alone(at, record, number, look.detail)
            return Halt(refusal=f"precondition: {look.detail}")
        if look.standing is Standing.ALREADY:
            return self._applied(at, record, number, Unchanged(detail=look.detail))
        started = ChangeProgress(state=ChangeState.STARTED, started_at=at.now, before=dict(look.before))
        return self._ports.runs.save_step(record.with_progress(number, started))

    def _puts_back(self, record: StepRecord) -> bool:
        action = self._ports.actions.get(record.do)
        return action is not None and action.puts_back

    def _left_alone(self, at: Situation, record: StepRecord, number: int, why: str) -> StepRecord:
        """One thing that cannot be put back keeps no other from going back; the step has failed in the end."""
        failed = record.progress[number].model_copy(update={"state": ChangeState.FAILED, "detail": why})
        left = record.with_progress(number, failed).model_copy(update={"retry_at": None, "detail": why, "attempt": 1})
        return self._all_made(at, left) if next_number(left) is None else left

    def _applied(self, at: Situation, record: StepRecord, number: int, applied: Applied) -> StepRecord:
        progress = record.progress[number]
        if isinstance(applied, Pending):
            limit = at.step(record.id).timeout
            if self._lasted(at, record, number) >= limit:
                raise StepTimedOut(record.id, limit, applied.detail)
            told: dict[str, Any] = {"detail": applied.detail, "how_far": applied.how_far}
            if applied.checkpoint is not None:
                told["checkpoint"] = applied.checkpoint
            waiting = record.with_progress(number, progress.model_copy(update=told))
            again = at.now + timedelta(seconds=applied.check_after_s)
            return waiting.model_copy(update={"retry_at": again, "detail": applied.detail, "attempt": 1})
        state = ChangeState.DONE if isinstance(applied, Done) else ChangeState.UNCHANGED
        told = {"state": state, "detail": applied.detail, "facts": applied.facts, "done_at": at.now}
        over = progress.model_copy(update=told)
        done = record.with_progress(number, over).model_copy(update={"retry_at": None, "detail": applied.detail})
        return self._all_made(at, done) if next_number(done) is None else done.model_copy(update={"attempt": 1})

    def _all_made(self, at: Situation, record: StepRecord) -> StepRecord:
        left = not_made(record)
        if left:
            return self._over(at, record, StepStatus.FAILED, f"not all is put back: {left}")
        kind = self._ports.actions[record.changes[0].action].Output if record.changes else ActionOutput
        output = kind.model_validate(facts_of(record))
        status = StepStatus.DONE if count_made(record) else StepStatus.UNCHANGED
        return self._over(at, record, status, record.detail, output=output.model_dump(mode="json"))

    def _is_followed_on(self, at: Situation, record: StepRecord) -> bool:
        """Known to be at work without us: answers that we do not get say nothing of it (S3), only its time does."""
        number = next_number(record)
        if number is None or record.status is not StepStatus.APPLYING or not record.progress[number].checkpoint:
            return False
        alone = self._ports.actions[record.changes[number].action].goes_on_alone
        return alone and self._lasted(at, record, number) < at.step(record.id).timeout

    def _gave_up(self, at: Situation, record: StepRecord, error: Exception | None, why: str) -> StepRecord:
        number = next_number(record)
        if number is not None and record.status is StepStatus.APPLYING:
            if self._puts_back(record):
                return self._left_alone(at, record, number, why)
            if record.progress[number].state is ChangeState.STARTED:
                return self._let_go(at, record, number, error, why)
        return self._over(at, record, StepStatus.FAILED, why)

    def _let_go(self, at: Situation, record: StepRecord, number: int, error: Exception | None, why: str) -> StepRecord:
        """Nobody will look at it again: what goes on by itself is ended, and gone before others work on the same."""
        change, progress = record.changes[number], record.progress[number]
        action, late = self._ports.actions[change.action], isinstance(error, StepTimedOut)
        ended = isinstance(error, StepFailed) and not late  # its own word of how it ended
        if not (action.interruptible or action.goes_on_alone) or (action.goes_on_alone and ended):
            return self._over(at, record, StepStatus.FAILED, why)
        try:
            ctx = self._context(at, record.id, action, acting=True)
            told = action.abandon(ctx, change, progress)
            goes_on = action.goes_on_alone and action.goes_on(ctx, change, progress)
        except StaleWrite:
            raise
        except StepFailed as lost:
            told, goes_on = str(lost), False
        except Exception as unclear:  # noqa: BLE001  # boundary: as in `do`
            told, goes_on = f"it could not be ended: {unclear}", action.goes_on_alone
        most = at.step(record.id).timeout + STOPPING_MOST_S
        if not goes_on or self._lasted(at, record, number) >= most or record.attempt >= MOST_CLAIMS + STOPPING_CLAIMS:
            return self._over(at, record, StepStatus.FAILED, f"{why}; {told}")
        again = at.now + timedelta(seconds=STOPPING_CHECK_S)
        return record.model_copy(update={"retry_at": again, "detail": f"{'out of time' if late else why}: {told}"})

    def _lasted(self, at: Situation, record: StepRecord, number: int) -> float:
        return (at.now - (record.progress[number].started_at or at.now)).total_seconds()

    def refuse(self, at: Situation, record: StepRecord, why: str) -> StepRecord:
        """Not allowed to go on; one write, so that no crash leaves it failed and yet passed by."""
        fresh = self._fresh(record)
        return self._ports.runs.save_step(self._over(at, fresh, StepStatus.FAILED, why, refused=True, lease=None))
