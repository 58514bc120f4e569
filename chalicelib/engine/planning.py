"""From step records to a Plan, and from a Plan to what may happen with it. Pure."""

from collections.abc import Iterable, Mapping

from chalicelib.engine.path import fallbacks
from chalicelib.models.change import Change, ChangeProgress, ChangeState, Plan, PlannedStep
from chalicelib.models.run import Mode, Run, StepRecord, StepStatus
from chalicelib.models.runbook import Runbook
from chalicelib.models.shape import content_hash
from chalicelib.models.words import Autonomy, Risk

ONLY_IF = "<only if another step fails or the run is cancelled>"


def index_of(runbook: Runbook, step_id: str) -> int:
    return next(number for number, step in enumerate(runbook.steps) if step.id == step_id)


def changes_hash(changes: Iterable[Change]) -> str:
    return content_hash([change.model_dump(mode="json") for change in changes])


def was_not_in_plan(run: Run, record: StepRecord) -> bool:
    """Its Changes became known only on the way: after others, or because another step failed."""
    return record.known_later is not None or record.id in fallbacks(run.runbook)


def said_yes(run: Run, record: StepRecord) -> bool:
    """Whether people approved exactly these Changes: by themselves, or as part of the plan."""
    if record.id in run.approved and run.approved[record.id] == changes_hash(record.changes):
        return True
    by_plan = "plan" in run.approved and run.approved["plan"] == run.plan_hash
    return by_plan and not was_not_in_plan(run, record)


def first_records(run: Run) -> tuple[StepRecord, ...]:
    return tuple(StepRecord(run_id=run.id, id=step.id, do=step.do or "") for step in run.runbook.steps)


def plan_anew(record: StepRecord) -> StepRecord:
    """Back to the start, before anything of it was changed; what was planned is forgotten."""
    return record.model_copy(
        update={
            "status": StepStatus.WAITING,
            "changes": (),
            "progress": (),
            "output": None,
            "detail": None,
            "known_later": None,
            "retry_at": None,
            "attempt": 0,
            "lease": None,
            "started_at": None,
            "ended_at": None,
        }
    )


def build_plan(run: Run, records: tuple[StepRecord, ...], risks: Mapping[str, Risk]) -> Plan:
    """`risks` of the actions; what is not among them changes nothing."""
    aside = fallbacks(run.runbook)
    later = {record.id: record.known_later or (ONLY_IF if record.id in aside else None) for record in records}
    planned = tuple(
        PlannedStep(
            step=record.id,
            do=record.do,
            risk=risks.get(record.do, Risk.NONE),
            changes=record.changes,
            known_later=later[record.id],
        )
        for record in records
        if record.changes or (record.do in risks and later[record.id])
    )
    if all(record.id in aside for record in records if record.changes or record.known_later):
        planned = ()  # only fallbacks: there is nothing that they could stand in for
    return Plan(
        runbook=run.runbook.runbook,
        runbook_hash=run.runbook_hash,
        stack=run.stack,
        stack_version=run.stack_version,
        inputs=run.inputs,
        steps=planned,
    )


def why_ask(run: Run, plan: Plan) -> str | None:
    """Why people must say yes to this plan before it runs, or None."""
    if run.approved.get("plan") == plan.hash:
        return None
    losses = [change.loses for change in plan.changes if change.loses]
    if losses:
        return f"it would lose {'; '.join(dict.fromkeys(losses))}"
    if run.approved.get("plan"):
        return "the plan is no longer the one that was approved"
    if run.autonomy is Autonomy.APPROVE:
        return "this runbook acts only on approval"
    return None


def only_shows(run: Run) -> bool:
    """Modes in which planning is the whole of it."""
    return run.mode is not Mode.LIVE


def undo_changes(step_id: str, done: Iterable[tuple[Change, ChangeProgress]]) -> tuple[Change, ...]:
    """The Changes that put back what a run changed, last first (S34)."""
    return tuple(
        Change(
            step=step_id,
            action=change.action,
            operation=change.undo.operation,
            parameters=change.undo.parameters,
            resource=change.resource,
            precondition=change.undo.precondition,
            sentence=f"undo: {change.sentence}",
        )
        for change, progress in reversed(list(done))
        if change.undo and progress.state in {ChangeState.DONE, ChangeState.STARTED}
    )


def difference(before: list[str], after: list[str]) -> tuple[str, ...]:
    """What is new in a plan that had to be asked for again: the sentences of its Changes, compared."""
    gone = [f"no longer: {sentence}" for sentence in before if sentence not in after]
    added = [f"new: {sentence}" for sentence in after if sentence not in before]
    same = "same changes, but their parameters, order or preconditions differ"
    return tuple(gone + added) or (same,)
