"""One step, one piece further: plan it, read with it, or make its next Change.

Changes are stored before the first call and never planned anew after a crash: done over, a restart
would stop other tasks. The lease keeps a second worker away while the first may still be at it.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from chalicelib.catalog.control import WaitUntil
from chalicelib.catalog.expressions import KnownLater, evaluate, resolve, truthy
from chalicelib.engine.before_change import may_change
from chalicelib.engine.meanwhile import Told
from chalicelib.engine.path import follow_path
from chalicelib.engine.planning import index_of, undo_changes
from chalicelib.engine.ports import Ports
from chalicelib.engine.sampling import context, sample
from chalicelib.engine.situation import Halt, Situation
from chalicelib.engine.transitions import STEP, follow
from chalicelib.engine.verification import all_true
from chalicelib.errors import StaleWrite, StepTimedOut, StewardError
from chalicelib.models.change import Change, ChangeProgress, ChangeState
from chalicelib.models.check import Answer
from chalicelib.models.run import Lease, Run, RunStatus, StepRecord, StepStatus
from chalicelib.models.words import format_duration
from chalicelib.steps.step import Action, ActionOutput, Done, Pending, Probe, Standing, StepContext, Unchanged
from chalicelib.store.fit import fit_output

CONTROL_LATER = frozenset({"ask_approval", "wait_until"})
RETRY_BASE_S = 5
RETRY_MOST_S = 200
"""Before jitter, which makes at most 5 minutes of it: what throttles us is over long before that."""
MOST_CLAIMS = 12
"""A step whose worker dies this often does not come to an end by itself."""


Worked = StepRecord | Halt


class StepWork:
    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    # -- planning ------------------------------------------------------------------------------

    def plan(self, at: Situation, record: StepRecord) -> StepRecord:
        if record.lease and record.attempt >= MOST_CLAIMS:
            return self._worn_out(at, record)
        claimed = self._claim(at, record, StepStatus.CLAIMED)
        try:
            planned = self._planned(at, claimed)
        except StaleWrite:
            raise
        except StewardError as error:
            planned = self._failed(at, claimed, error)
        except Exception as error:  # noqa: BLE001  # boundary: a bug in a step is a failed step, never a dead run
            planned = self._broken(at, claimed, error)
        return self._ports.runs.save_step(planned.model_copy(update={"lease": None}))

    def _planned(self, at: Situation, record: StepRecord) -> StepRecord:
        step = at.step(record.id)
        # What is not known yet counts as needed here: a question once too often is the safe mistake.
        if record.do in CONTROL_LATER and step.when and not evaluate(step.when, self._scope(at)):
            return self._over(at, record, StepStatus.SKIPPED, f"not needed: {step.when}")
        later = self._why_later(at, record)
        if later:
            # Its time begins when it gets there, not when it was planned around.
            return self._to(record, StepStatus.WAITING, known_later=later, started_at=None)
        if record.do in CONTROL_LATER:
            return self._control(at, record)
        scope = self._scope(at)
        condition = evaluate(step.when, scope) if step.when else True
        if isinstance(condition, KnownLater):
            return self._to(record, StepStatus.WAITING, known_later=f"<from {condition.name}>")
        if not truthy(condition):
            return self._over(at, record, StepStatus.SKIPPED, f"not needed: {step.when}")
        if record.do == "undo_changes":
            changes = undo_changes(record.id, self._to_undo(at.run))
            return self._with_changes(at, record, changes)
        given = resolve(step.with_, scope)
        if isinstance(given, KnownLater):
            return self._to(record, StepStatus.WAITING, known_later=f"<from {given.name}>")
        return self._read_or_plan(at, record, given)

    def _control(self, at: Situation, record: StepRecord) -> StepRecord:
        """`ask_approval` gets here only once it was answered; `wait_until` samples its checks."""
        if record.do == "ask_approval":
            return self._over(at, record, StepStatus.DONE, "approved")
        wants = WaitUntil.model_validate(at.step(record.id).with_)
        results = sample(self._ports, at.run, at.stack, wants.checks, at.now, at.alarms)
        again = at.now + timedelta(seconds=wants.every)
        if all_true(results):
            since = datetime.fromisoformat((record.output or {}).get("true_since") or at.now.isoformat())
            if (at.now - since).total_seconds() >= wants.hold:
                text = f"true for {format_duration(wants.hold)}: {', '.join(wants.checks)}"
                return self._over(at, record, StepStatus.DONE, text, output={})
            held = {"true_since": since.isoformat()}
            return self._to(record, StepStatus.WAITING, retry_at=again, detail="true, and must stay so", output=held)
        last = "; ".join(f"{result.check}: {result.because}" for result in results if result.answer is not Answer.TRUE)
        started = record.started_at or at.now
        if (at.now - started).total_seconds() >= wants.within:
            return self._over(at, record, StepStatus.FAILED, f"not within {format_duration(wants.within)}: {last}")
        return self._to(record, StepStatus.WAITING, retry_at=again, detail=last, output=None)

    def _read_or_plan(self, at: Situation, record: StepRecord, given: dict[str, Any]) -> StepRecord:
        probe = self._ports.probes.get(record.do)
        if probe:
            return self._read(at, record, probe, given)
        action = self._ports.actions[record.do]
        ctx = self._context(at, record.id, action)
        return self._with_changes(at, record, action.plan(ctx, action.Params.model_validate(given)))

    def _with_changes(self, at: Situation, record: StepRecord, changes: tuple[Change, ...]) -> StepRecord:
        if not changes:
            return self._over(at, record, StepStatus.UNCHANGED, "already as wanted")
        stored = tuple(ChangeProgress() for _ in changes)
        return self._to(record, StepStatus.PLANNED, changes=changes, progress=stored)

    def _why_later(self, at: Situation, record: StepRecord) -> str | None:
        """While planning, what comes after a Change would see the stack as it was before it."""
        if at.run.plan_sealed:
            return None
        if record.do in CONTROL_LATER:
            return "<when it gets there>"
        for earlier in follow_path(at.run.runbook, at.steps).records:
            if earlier.id == record.id:
                return None
            waits = earlier.known_later is not None and not earlier.status.is_over
            reads = record.do in self._ports.probes and bool(earlier.changes)
            if waits or reads:
                return f"<from steps.{earlier.id}>"
        return None

    def _to_undo(self, run: Run) -> list[tuple[Change, ChangeProgress]]:
        """In the order in which they were made; what began in the same second, in the runbook's order."""
        undone = self._ports.runs.get(run.undo_of) if run.undo_of else None
        if undone is None:
            return []
        records = sorted(self._ports.runs.steps(undone.id), key=lambda record: index_of(undone.runbook, record.id))
        pairs = [pair for record in records for pair in zip(record.changes, record.progress, strict=True)]
        return sorted(pairs, key=lambda pair: pair[1].started_at or run.created_at)

    # -- doing ---------------------------------------------------------------------------------

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
        return self._ports.runs.save_step(worked.model_copy(update={"lease": None}))

    def _next_change(self, at: Situation, record: StepRecord) -> Worked:
        over = {ChangeState.DONE, ChangeState.UNCHANGED}
        number = next((n for n, p in enumerate(record.progress) if p.state not in over), None)
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
        elif action.interruptible and at.run.status is RunStatus.CANCELLING:
            return self._over(at, record, StepStatus.FAILED, action.abandon(ctx, change, progress))
        told = Told(self._ports.runs, record, number, self._ports.senses.monotonic)
        applied = action.apply(replace(ctx, tell=told), change, progress)
        record = told.record
        try:
            return self._applied(at, record, number, applied)
        except StepTimedOut:
            if action.interruptible:  # nobody will look at it again: what goes on by itself is ended
                action.abandon(ctx, change, progress)
            raise

    def _begin(self, at: Situation, record: StepRecord, number: int, action: Action[Any], ctx: StepContext) -> Worked:
        """Guards, then a look, then STARTED is stored: only after that may anything be called."""
        clear = may_change(self._ports, at.run, at.stack, at.now, at.alarms, record, at.steps)
        if clear.refusal or clear.recovered or clear.cancelled:
            return Halt(clear.refusal, clear.recovered, clear.cancelled)
        look = action.look(ctx, record.changes[number])
        if look.standing is Standing.DRIFTED:
            return Halt(refusal=f"precondition: {look.detail}")
        if look.standing is Standing.ALREADY:
            return self._applied(at, record, number, Unchanged(detail=look.detail))
        started = ChangeProgress(state=ChangeState.STARTED, started_at=at.now, before=dict(look.before))
        return self._ports.runs.save_step(record.with_progress(number, started))

    def _applied(
        self, at: Situation, record: StepRecord, number: int, applied: Done | Unchanged | Pending
    ) -> StepRecord:
        progress = record.progress[number]
        if isinstance(applied, Pending):
            started = progress.started_at or at.now
            limit = at.step(record.id).timeout
            if (at.now - started).total_seconds() >= limit:
                raise StepTimedOut(record.id, limit, applied.detail)
            told: dict[str, Any] = {"detail": applied.detail, "how_far": applied.how_far}
            if applied.checkpoint is not None:
                told["checkpoint"] = applied.checkpoint
            waiting = record.with_progress(number, progress.model_copy(update=told))
            again = at.now + timedelta(seconds=applied.check_after_s)
            return waiting.model_copy(update={"retry_at": again, "detail": applied.detail})
        state = ChangeState.DONE if isinstance(applied, Done) else ChangeState.UNCHANGED
        told = {"state": state, "detail": applied.detail, "facts": applied.facts, "done_at": at.now}
        over = progress.model_copy(update=told)
        done = record.with_progress(number, over).model_copy(update={"retry_at": None, "detail": applied.detail})
        return self._all_made(at, done) if number == len(record.changes) - 1 else done

    def _all_made(self, at: Situation, record: StepRecord) -> StepRecord:
        changed = sum(p.state is ChangeState.DONE for p in record.progress)
        facts: dict[str, Any] = {name: value for p in record.progress for name, value in p.facts.items()}
        counts = {"changed": changed, "unchanged": len(record.progress) - changed}
        details = tuple(p.detail or "" for p in record.progress)
        kind = self._ports.actions[record.changes[0].action].Output if record.changes else ActionOutput
        output = kind.model_validate({**facts, **counts, "details": details})
        status = StepStatus.DONE if changed else StepStatus.UNCHANGED
        return self._over(at, record, status, record.detail, output=output.model_dump(mode="json"))

    # -- the parts both share ------------------------------------------------------------------

    def _read(self, at: Situation, record: StepRecord, probe: Probe[Any, Any], given: dict[str, Any]) -> StepRecord:
        ctx = self._context(at, record.id, probe)
        output = probe.read(ctx, probe.Params.model_validate(given))
        kept, cut = fit_output(output.model_dump(mode="json"))
        return self._over(at, record, StepStatus.DONE, cut, output=kept)

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
        if error.retryable and fresh.attempt < at.step(record.id).max_attempts:
            wait = min(RETRY_BASE_S * 2**fresh.attempt, RETRY_MOST_S) * (0.5 + self._ports.jitter())
            again = at.now + timedelta(seconds=wait)
            back = StepStatus.WAITING if fresh.status is StepStatus.CLAIMED else fresh.status
            return self._to(fresh, back, retry_at=again, detail=str(error), attempt=fresh.attempt + 1)
        return self._over(at, fresh, StepStatus.FAILED, str(error))

    def _worn_out(self, at: Situation, record: StepRecord) -> StepRecord:
        why = f"its worker died {record.attempt} times"
        return self._ports.runs.save_step(self._over(at, record, StepStatus.FAILED, why, lease=None))

    def _broken(self, at: Situation, record: StepRecord, error: Exception) -> StepRecord:
        return self._over(at, self._fresh(record), StepStatus.FAILED, f"unexpected {type(error).__name__}: {error}")

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
