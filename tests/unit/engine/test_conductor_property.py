"""Whatever becomes of its moves, a run comes to an end, by legal statuses only.

A small simulator carries moves out with outcomes that hypothesis chooses; people, stops, recoveries and
rivals cut in at any moment. Retries and repeated questions have a budget, as maxAttempts gives them.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.engine import moves as m
from chalicelib.engine.conductor import View, next_move
from chalicelib.engine.journal import to_status
from chalicelib.engine.planning import changes_hash, first_records, plan_anew
from chalicelib.engine.transitions import STEP, follow
from chalicelib.engine.verification import add_sample, begin
from chalicelib.models.approval import Approval, ApprovalState
from chalicelib.models.change import Change, ChangeProgress, ChangeState
from chalicelib.models.check import Answer, CheckResult
from chalicelib.models.run import Released, Run, RunStatus, StepRecord, StepStatus
from chalicelib.models.runbook import Runbook
from chalicelib.models.words import utc

NOW = utc("2026-11-02T09:00:00+00:00")
MOST_MOVES = 400
IDS = ("one", "two", "three", "four")
ROUTES = st.sampled_from(["abort", "continue", "escalate", *(f"step:{name}" for name in IDS)])
STEPS = st.lists(
    st.fixed_dictionaries(
        {
            "do": st.sampled_from(["fake.look", "fake.mend", "fake.rebuild", "ask_approval", "wait_until"]),
            "onFailure": ROUTES, "onCancel": ROUTES,
        }  # fmt: skip
    ),
    min_size=1, max_size=4,
)  # fmt: skip


@dataclass
class Simulator:
    draw: Any
    runbook: Runbook
    now: Any = NOW
    budget: int = 8
    approval: Approval | None = None
    around: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.run = Run(
            id="r", stack="prod", stack_version="v", runbook=self.runbook, runbook_hash="h", event_id="e",
            started_by="alarm", created_at=NOW, changed_at=NOW, incident_id="i",
        )  # fmt: skip
        self.steps = {record.id: record for record in first_records(self.run)}

    def choose(self, *options: Any) -> Any:
        return self.draw(st.sampled_from(options))

    def view(self) -> View:
        return View(
            run=self.run, steps=tuple(self.steps.values()), now=self.now, approval=self.approval,
            high_risk=frozenset({"fake.rebuild"}), **self.around,
        )  # fmt: skip

    def cut_in(self) -> None:
        what = self.choose(*["nothing"] * 20, "cancel", "stop", "recovered", "rivals")
        if what == "cancel" and self.run.status.is_live:
            self.update(cancel_requested_by="ada")
        elif what == "stop":
            self.around["halted"] = "ada stopped it"
        elif what == "recovered":
            self.around["recovered"] = True
        elif what == "rivals":
            self.around["rivals"] = 1

    def update(self, **facts: Any) -> None:
        self.run = self.run.model_copy(update=facts)

    def to(self, status: RunStatus, **facts: Any) -> None:
        self.update(**to_status(self.run, status), **facts)

    def spend(self) -> bool:
        self.budget -= 1
        return self.budget > 0

    def perform(self, move: m.Move) -> None:
        match move:
            case m.Preflight():
                self.to(RunStatus.PLANNING)
            case m.PlanStep(step=step) | m.DoStep(step=step):
                self.wake()
                self.work(self.steps[step])
            case m.SealPlan():
                self.update(plan_sealed=True, plan_hash="p")
                asks = self.choose(True, False) and self.run.approved.get("plan") != "p"
                self.ask("plan") if asks else self.to(RunStatus.RUNNING)
            case m.Ask(scope=scope):
                self.ask(scope)
            case m.TakeAnswer():
                self.answer()
            case m.BeginVerify():
                self.to(RunStatus.VERIFYING, verification=begin(self.runbook.verify, self.now))
            case m.TakeSample():
                results = (CheckResult(check="ok", answer=self.choose(*Answer), because="so"),)
                self.update(verification=add_sample(self.run.verification, results, self.now, 30))
            case m.SleepUntil(at=at):
                assert at > self.now, "a sleep that is over before it begins is a busy loop"
                self.sleep(at)
            case m.BeginCancel():
                self.to(RunStatus.CANCELLING)
            case m.Finish(status=status, verdict=verdict):
                self.to(status, verdict=verdict)
            case m.Release(part=part):
                self.update(released=Released(**{**self.run.released.model_dump(), part: True}))

    def wake(self) -> None:
        if self.run.status is RunStatus.SLEEPING:
            self.to(self.run.before_sleep)

    def sleep(self, at: Any) -> None:
        lying = {RunStatus.AWAITING_APPROVAL, RunStatus.VERIFYING, RunStatus.CANCELLING, RunStatus.SLEEPING}
        if self.run.status not in lying:
            self.update(status=RunStatus.SLEEPING, before_sleep=self.run.status)
        if self.approval and self.approval.state is ApprovalState.PENDING and self.choose(True, False):
            state = self.choose(ApprovalState.APPROVED, ApprovalState.REJECTED)
            self.approval = self.approval.model_copy(update={"state": state})
        else:
            self.now = at

    def ask(self, scope: str) -> None:
        record = self.steps.get(scope)
        plan_hash = changes_hash(record.changes) if record and record.changes else "p"
        self.approval = Approval(
            run_id="r", number=self.run.approvals + 1, scope=scope, plan_hash=plan_hash, asked_at=self.now,
            expires_at=self.now + timedelta(hours=1), question="may I?",
        )  # fmt: skip
        self.to(RunStatus.AWAITING_APPROVAL, approvals=self.run.approvals + 1)

    def answer(self) -> None:
        assert self.approval is not None
        if self.approval.state is not ApprovalState.APPROVED:
            self.to(RunStatus.STOPPED)
            return
        approved = {**self.run.approved, self.approval.scope: self.approval.plan_hash}
        if self.approval.scope == "plan":
            self.steps = {name: plan_anew(record) for name, record in self.steps.items()}
            self.to(RunStatus.PLANNING, approved=approved, plan_sealed=False)
        else:
            self.to(RunStatus.RUNNING, approved=approved)
        self.approval = None

    def work(self, record: StepRecord) -> None:
        if record.status in {StepStatus.WAITING, StepStatus.CLAIMED}:
            self.plan(record)
        else:
            self.apply(record)

    def plan(self, record: StepRecord) -> None:
        options = ["done", "skipped", "unchanged", "failed", "planned", "planned"]
        if record.do in {"ask_approval", "wait_until"} or record.do == "fake.look":
            options = ["done", "skipped", "failed"]
        if self.spend():
            options += ["again"]
        if not self.run.plan_sealed and self.run.status is RunStatus.PLANNING:
            options += ["later"]
        self.settle(record, self.choose(*options))

    def settle(self, record: StepRecord, what: str) -> None:
        claimed = record.model_copy(update={"status": StepStatus.CLAIMED})
        if what == "again":
            again = {"status": StepStatus.WAITING, "retry_at": self.now + timedelta(seconds=10)}
        elif what == "later":
            again = {"status": StepStatus.WAITING, "known_later": "<from steps.x>"}
        elif what == "planned":
            loses = self.choose(None, "the users")
            change = Change(
                step=record.id, action=record.do, operation="fake:Mend", parameters={}, resource="a", sentence="mend a",
                loses=loses,
            )  # fmt: skip
            both = (change, change)
            again = {"status": StepStatus.PLANNED, "changes": both, "progress": (ChangeProgress(), ChangeProgress())}
        else:
            again = {"status": StepStatus(what), "retry_at": None}
        follow(STEP, StepStatus.CLAIMED, again["status"])
        self.steps[record.id] = claimed.model_copy(update=again)

    def apply(self, record: StepRecord) -> None:
        progress = list(record.progress)
        number = next(n for n, p in enumerate(progress) if p.state in {ChangeState.STORED, ChangeState.STARTED})
        what = self.choose("done", "unchanged", "failed", *(["pending"] if self.spend() else []))
        started = "started" if what in {"pending", "failed"} else what
        progress[number] = ChangeProgress(state=ChangeState(started))
        facts: dict[str, Any] = {"status": StepStatus.APPLYING, "progress": tuple(progress), "retry_at": None}
        if what == "failed":
            facts["status"] = StepStatus.FAILED
        elif what == "pending":
            facts["retry_at"] = self.now + timedelta(seconds=10)
        elif number == len(progress) - 1:
            facts["status"] = StepStatus.DONE
        self.steps[record.id] = record.model_copy(update=facts)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), STEPS)
def test_every_run_comes_to_an_end_and_every_move_is_legal(data, steps):
    book = Runbook.model_validate(
        {
            "runbook": "mend",
            "title": "Mend it",
            "on": [{"manual": {}}],
            "verify": {"within": "2m", "hold": "1m", "every": "30s", "that": ["ok"]},
            "steps": [{"id": name, **step} for name, step in zip(IDS, steps, strict=False)],
        }  # fmt: skip
    )
    simulator = Simulator(data.draw, book)
    taken: list[str] = []
    for _ in range(MOST_MOVES):
        simulator.cut_in()
        move = next_move(simulator.view())
        if isinstance(move, m.Nothing):
            assert not simulator.run.status.is_live
            return
        taken.append(f"{simulator.run.status.value}: {move}")
        simulator.perform(move)
    raise AssertionError("no end:\n" + "\n".join(taken[-20:]))
