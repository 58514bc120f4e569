"""One run, its steps and its incident, as they stand in the record; and what a summary says of them."""

from datetime import timedelta

from chalicelib.models.approval import Approval
from chalicelib.models.change import Change, ChangeProgress, ChangeState
from chalicelib.models.check import CheckResult
from chalicelib.models.incident import FiringSource, Incident
from chalicelib.models.run import Run, RunStatus, Sample, StepRecord, StepStatus, Verdict, Verification
from chalicelib.models.runbook import Runbook
from chalicelib.models.signal import SignalKind
from chalicelib.models.stack import Stack
from chalicelib.models.summary import Summary
from chalicelib.models.words import utc

BEGAN = utc("2026-11-20T02:00:00Z")
NOW = BEGAN + timedelta(minutes=6)


def stack() -> Stack:
    return Stack.model_validate(
        {"stack": "fraud-scoring-mlflow", "region": "eu-west-2", "ecs": {"cluster": "c", "service": "s"}}
    )


def runbook() -> Runbook:
    return Runbook.model_validate(
        {
            "runbook": "service-down",
            "title": "Bring an unhealthy tracking server back",
            "on": [{"manual": {}}],
            "steps": [{"id": "look", "do": "ecs.describe_service"}, {"id": "restart", "do": "ecs.restart_tasks"}],
            "verify": {"that": ["alarm_ok"]},
        }
    )


def run(**kw: object) -> Run:
    facts = {
        "id": "run-1",
        "stack": "fraud-scoring-mlflow",
        "stack_version": "v1",
        "runbook": runbook(),
        "runbook_hash": "h",
        "event_id": "e1",
        "incident_id": "inc-1",
        "started_by": "alarm unhealthy-hosts",
        "created_at": BEGAN,
        "changed_at": NOW,
        "ended_at": NOW,
        "status": RunStatus.FINISHED,
        "verdict": Verdict.VERIFIED,
    }
    return Run.model_validate(facts | kw)


def incident(**kw: object) -> Incident:
    facts = {
        "id": "inc-1",
        "stack": "fraud-scoring-mlflow",
        "fingerprint": "f",
        "title": "unhealthy tracking server",
        "opened_at": BEGAN,
        "changed_at": NOW,
        "firing": (
            FiringSource(key="alarm:x", kind=SignalKind.ALARM, resource="c/s", name="unhealthy-hosts", since=BEGAN),
        ),
        "runs": ("run-1",),
    }
    return Incident.model_validate(facts | kw)


def change(**kw: object) -> Change:
    facts = {
        "step": "restart",
        "action": "ecs.restart_tasks",
        "operation": "ecs:StopTask",
        "parameters": {"task": "t1"},
        "resource": "c/s",
        "sentence": "Stop unhealthy task t1 once its replacement is healthy ({run})",
        "touches": {"tasks": 1},
        "out_of": {"tasks": 2},
    }
    return Change.model_validate(facts | kw)


def step(*changes: Change, states: tuple[ChangeState, ...] = (), **kw: object) -> StepRecord:
    facts = {
        "run_id": "run-1",
        "id": "restart",
        "do": "ecs.restart_tasks",
        "status": StepStatus.DONE,
        "changes": changes,
        "progress": tuple(ChangeProgress(state=s, detail="t1 stopped") for s in states),
    }
    return StepRecord.model_validate(facts | kw)


def probe(**output: object) -> StepRecord:
    return StepRecord(run_id="run-1", id="look", do="ecs.describe_service", status=StepStatus.DONE, output=output)


def approval() -> Approval:
    return Approval(
        run_id="run-1",
        number=2,
        plan_hash="abcdef0123456789",
        asked_at=BEGAN,
        expires_at=NOW,
        question="Restart 1 of 2 tasks?",
    )


def text_of(summary: Summary, title: str) -> str:
    found = [section for section in summary.sections if section.title == title]
    return "\n".join(f"{line.text} | {line.detail}" for section in found for line in section.lines)


def titles(summary: Summary) -> list[str]:
    return [section.title for section in summary.sections]


def commands(summary: Summary) -> list[str]:
    return [command.text for command in summary.commands]


def watched(*results: CheckResult) -> Verification:
    return Verification(began_at=BEGAN, deadline=NOW, samples=9, good_samples=5, last=Sample(at=NOW, results=results))
