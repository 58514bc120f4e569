"""The executor: carries out one Move. The conductor has decided; here things happen and are recorded.

Every effect is safe to repeat: a worker that dies anywhere leaves records from which the next one
decides the same Move again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chalicelib.engine import moves as m
from chalicelib.engine.asking import Asking
from chalicelib.engine.before_change import guards_now
from chalicelib.engine.change_records import half_done
from chalicelib.engine.conductor import View
from chalicelib.engine.journal import Journal, Note, step_notes, to_status
from chalicelib.engine.planning import build_plan, first_records, only_shows, plan_anew, why_ask
from chalicelib.engine.ports import Ports
from chalicelib.engine.release import Releaser
from chalicelib.engine.sampling import sample
from chalicelib.engine.situation import Halt, Situation
from chalicelib.engine.stepwork import StepWork
from chalicelib.engine.verification import add_sample, all_true, begin
from chalicelib.guards.live import blast_radius
from chalicelib.guards.veto import vetoed
from chalicelib.models.check import Answer, CheckResult
from chalicelib.models.run import Mode, Run, RunStatus, StepRecord, StepStatus, Verdict


@dataclass(frozen=True)
class Performed:
    run: Run
    sleep_until: datetime | None = None
    over: bool = False


class Executor:
    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._work = StepWork(ports)
        self._journal = Journal(ports.runs)
        self._releaser = Releaser(ports, self._journal)
        self._asking = Asking(ports, self._journal, self._releaser)

    def perform(self, move: m.Move, view: View, alarms: tuple[str, ...], worker: str) -> Performed:
        run, now = view.run, view.now
        at = Situation(run, view.steps, self._ports.stacks[run.stack], now, alarms, worker)
        match move:
            case m.SleepUntil():
                return self._sleep(run, move, now)
            case m.Release():
                return Performed(self._releaser.release(run, move.part, now))
            case m.Nothing():
                return Performed(run, over=True)
            case m.Finish():
                return Performed(self._releaser.finish(run, move, now))
            case m.Preflight():
                return Performed(self._preflight(at))
            case m.PlanStep() | m.DoStep():
                return self._step(at, move)
            case m.SealPlan():
                return Performed(self._seal(at))
            case m.Ask():
                return Performed(self._asking.ask(at, move.scope, move.question))
            case m.TakeAnswer():
                return Performed(self._asking.take_answer(at, view.approval))
            case m.BeginVerify():
                return Performed(self._begin_verify(at))
            case m.TakeSample():
                return Performed(self._take_sample(at))
            case m.BeginCancel():
                return Performed(self._begin_cancel(run, now))

    def _begin_cancel(self, run: Run, now: datetime) -> Run:
        text = "not allowed to go on: what was changed is put back first"
        if run.cancel_requested_by:
            text = f"cancelling for {run.cancel_requested_by}: the change in flight is finished first"
        notes: list[Note] = [("cancelling", text, {})]
        return self._journal.save(run, now, notes, **to_status(run, RunStatus.CANCELLING))

    # -- sleeping ------------------------------------------------------------------------------

    def _sleep(self, run: Run, move: m.SleepUntil, now: datetime) -> Performed:
        if run.woken:  # somebody rang while we were deciding: decide again before lying down
            return Performed(self._journal.save(run, now, woken=False))
        waits = {RunStatus.AWAITING_APPROVAL, RunStatus.VERIFYING, RunStatus.CANCELLING, RunStatus.SLEEPING}
        update: dict[str, Any] = {"wake_at": move.at}
        notes: list[Note] = []
        if run.status not in waits:
            update |= {"status": RunStatus.SLEEPING, "before_sleep": run.status}
            notes = [("sleeping", move.why, {"until": move.at.isoformat()})]
        if run.wake_at != move.at or update.get("status"):
            run = self._journal.save(run, now, notes, **update)
        return Performed(run, sleep_until=move.at)

    # -- before anything is changed ------------------------------------------------------------

    def _preflight(self, at: Situation) -> Run:
        run = at.run
        self._releaser.adopt(run, at.now)
        known = {record.id for record in at.steps}
        for record in first_records(run):
            if record.id not in known:  # an earlier worker may have died in here
                self._ports.runs.save_step(record)
        results = self._confirm(at) if run.incident_id and run.runbook.verify else ()
        wrong = any(result.answer is Answer.FALSE for result in results)
        said = {result.check: result.answer for result in run.preflight}
        news = [result for result in results if said.get(result.check) is not result.answer]
        notes: list[Note] = [("preflight", f"{r.check}: {r.answer.value}, {r.because}", {}) for r in news]
        update: dict[str, Any] = to_status(run, RunStatus.PLANNING)
        planning = self._journal.save(run, at.now, notes, **update, preflight=results)
        if results and all_true(results):
            end = m.Finish(
                RunStatus.FINISHED, Verdict.RECOVERED_BEFORE_ACTION, "all checks were true before anything was changed"
            )
            return self._releaser.finish(planning, end, at.now)
        if results and not wrong and run.mode is Mode.LIVE:
            unsure = "; ".join(f"{r.check}: {r.because}" for r in results if r.answer is Answer.UNKNOWN)
            end = m.Finish(RunStatus.STOPPED, None, f"the signal could not be confirmed ({unsure})")
            return self._releaser.finish(planning, end, at.now)
        return self._stand_aside(at, planning)

    def _confirm(self, at: Situation) -> tuple[CheckResult, ...]:
        """A signal is a hint (S2): the condition itself is read before anything is planned."""
        verify = at.run.runbook.verify
        return sample(self._ports, at.run, at.stack, verify.that if verify else (), at.now, at.alarms)

    def _stand_aside(self, at: Situation, run: Run) -> Run:
        if run.mode is not Mode.LIVE:
            return run
        refused = [r for r in guards_now(self._ports, run, at.stack, at.now, at.alarms) if not r.passed]
        if not refused:
            return run
        why = "; ".join(f"{result.guard}: {result.because}" for result in refused)
        return self._releaser.finish(run, m.Finish(RunStatus.STOPPED, None, f"stood aside: {why}"), at.now)

    def _step(self, at: Situation, move: m.PlanStep | m.DoStep) -> Performed:
        record = next(record for record in at.steps if record.id == move.step)
        busy = record.lease
        if busy and busy.owner != at.worker and busy.until > at.now:
            wait = m.SleepUntil(busy.until, f"step {record.id} is held by another worker")
            return self._sleep(at.run, wait, at.now)
        worked = self._work.plan(at, record) if isinstance(move, m.PlanStep) else self._work.do(at, record)
        if isinstance(worked, Halt):
            return Performed(self._halt(at, record, worked))
        back = (
            to_status(at.run, at.run.before_sleep)
            if at.run.status is RunStatus.SLEEPING and at.run.before_sleep
            else {}
        )
        update: dict[str, Any] = {**back, "cursor": record.id}
        if at.run.first_action_at is None and worked.changed_anything:
            update["first_action_at"] = at.now
        dull = (
            at.run.looks
            and isinstance(move, m.PlanStep)
            and not worked.changes
            and worked.status is not StepStatus.FAILED
        )
        notes = [] if dull else step_notes(record, worked)  # nobody reads the same three lines every 30 s
        return Performed(self._journal.save(at.run, at.now, notes, **update))

    def _halt(self, at: Situation, record: StepRecord, halt: Halt) -> Run:
        if halt.cancelled:
            return self._ports.runs.get(at.run.id) or at.run  # the flag is on the run: decide again from it
        if halt.recovered:
            why = "the trouble ended before anything was changed"
            return self._releaser.finish(
                at.run, m.Finish(RunStatus.FINISHED, Verdict.RECOVERED_BEFORE_ACTION, why), at.now
            )
        why = f"was not allowed to go on: {halt.refusal}"
        if at.changed and not halt.stopped:  # first put back what was changed: the conductor knows by which step
            refused = self._work.refuse(at, record, why)
            return self._journal.save(at.run, at.now, step_notes(record, refused), cursor=record.id)
        verdict = Verdict.INCONCLUSIVE if at.changed else None
        end = m.Finish(RunStatus.STOPPED, verdict, f"step {record.id} {why}{half_done(at.steps)}", at.changed)
        return self._releaser.finish(at.run, end, at.now)

    def _seal(self, at: Situation) -> Run:
        plan = build_plan(at.run, at.steps, self._ports.risks)
        count = len(plan.changes)
        text = f"plan {plan.hash[:12]}: {count} change(s)" if count else "plan: nothing to change now"
        facts = {"hash": plan.hash, "changes": [change.sentence for change in plan.changes]}
        update: dict[str, Any] = {"plan_sealed": True, "plan_hash": plan.hash}
        actions = (change.action for change in plan.changes)
        guards = (
            vetoed(actions, (record.output for record in at.steps)),
            blast_radius(at.run.runbook.guards.blast_radius, plan.changes),
        )
        refusal = next((result for result in guards if not result.passed), None)
        notes: list[Note] = [("planned", text, facts)] if plan.steps or not at.run.looks else []
        run = self._journal.save(at.run, at.now, notes, **update)
        if only_shows(run):
            return self._releaser.finish(
                run, m.Finish(RunStatus.FINISHED, None, f"{text}; nothing was changed"), at.now
            )
        if refusal:
            end = m.Finish(RunStatus.STOPPED, None, f"{refusal.guard}: {refusal.because}", needs_person=True)
            return self._releaser.finish(run, end, at.now)
        if not plan.steps and self._may_look_again(run, at.now):
            return self._look_again(at, run)
        question = why_ask(run, plan) if count or plan.steps else None
        if question:
            return self._asking.ask(Situation(run, at.steps, at.stack, at.now, at.alarms, at.worker), "plan", question)
        return self._journal.save(run, at.now, **to_status(run, RunStatus.RUNNING))

    def _may_look_again(self, run: Run, now: datetime) -> bool:
        """The signal is confirmed, yet there is nothing to change: an alarm lags behind what it watches,
        and trouble may show in the stack only a little later. Neither is a reason to give up at once."""
        verify = run.runbook.verify
        acts = any(step.do in self._ports.actions for step in run.runbook.steps)
        return bool(run.incident_id and verify and acts) and now < run.created_at + timedelta(
            seconds=verify.within if verify else 0
        )

    def _look_again(self, at: Situation, run: Run) -> Run:
        for record in at.steps:
            self._ports.runs.save_step(plan_anew(record))
        every = run.runbook.verify.every if run.runbook.verify else 60
        text = f"confirmed, but nothing to change yet; looks again every {every} s"
        notes: list[Note] = [] if run.looks else [("looks_again", text, {})]
        return self._journal.save(
            run,
            at.now,
            notes,
            **to_status(run, RunStatus.ADMITTED),
            plan_sealed=False,
            looks=run.looks + 1,
            wake_at=at.now + timedelta(seconds=every),
        )

    # -- proving it ----------------------------------------------------------------------------

    def _begin_verify(self, at: Situation) -> Run:
        verify = at.run.runbook.verify
        state = begin(verify, at.now) if verify else None
        notes: list[Note] = [("verifying", "all changes made; asking whether it helped", {})]
        run = self._journal.save(at.run, at.now, notes, **to_status(at.run, RunStatus.VERIFYING), verification=state)
        self._releaser.mirror(run, at.now)
        return run

    def _take_sample(self, at: Situation) -> Run:
        run, verify = at.run, at.run.runbook.verify
        assert run.verification is not None  # noqa: S101  # the conductor saw to both; this tells the type checker
        assert verify is not None  # noqa: S101
        results = sample(self._ports, run, at.stack, verify.that, at.now, at.alarms)
        state = add_sample(run.verification, results, at.now, verify.every)
        text = ", ".join(f"{result.check} {result.answer.value}" for result in results)
        facts = {result.check: result.because for result in results}
        return self._journal.save(run, at.now, [("sample", text, facts)], verification=state)
