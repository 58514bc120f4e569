"""One step's plan: read with its probe, or let its action say what it would change; nothing is changed here."""

from datetime import datetime, timedelta
from typing import Any

from chalicelib.catalog.control import WaitUntil
from chalicelib.catalog.expressions import KnownLater, evaluate, resolve, truthy
from chalicelib.engine.path import follow_path
from chalicelib.engine.planning import index_of, undo_changes
from chalicelib.engine.sampling import sample
from chalicelib.engine.situation import Situation
from chalicelib.engine.step_parts import MOST_CLAIMS, StepParts
from chalicelib.engine.verification import all_true
from chalicelib.errors import RecordTooLarge, StaleWrite, StewardError
from chalicelib.models.change import Change, ChangeProgress
from chalicelib.models.check import Answer
from chalicelib.models.run import Run, StepRecord, StepStatus
from chalicelib.models.words import format_duration
from chalicelib.steps.step import Probe
from chalicelib.store.fit import fit_output

CONTROL_LATER = frozenset({"ask_approval", "wait_until"})


class StepPlanning(StepParts):
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
        return self._kept(at, claimed, planned)

    def _kept(self, at: Situation, claimed: StepRecord, worked: StepRecord) -> StepRecord:
        """What cannot be stored would be no smaller for the next worker: the step fails, as it is stored now."""
        try:
            return self._ports.runs.save_step(worked.model_copy(update={"lease": None}))
        except RecordTooLarge as error:
            why = f"its record cannot be stored: {error}; let it do less at once"
            return self._ports.runs.save_step(self._over(at, self._fresh(claimed), StepStatus.FAILED, why, lease=None))

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

    def _read(self, at: Situation, record: StepRecord, probe: Probe[Any, Any], given: dict[str, Any]) -> StepRecord:
        ctx = self._context(at, record.id, probe)
        output = probe.read(ctx, probe.Params.model_validate(given))
        kept, cut = fit_output(output.model_dump(mode="json"))
        return self._over(at, record, StepStatus.DONE, cut, output=kept)
