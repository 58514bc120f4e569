"""Reading: runs, decisions, incidents, runbooks, stacks, the audit trail. One page is one query."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from chalicelib.catalog.inputs import inputs_schema
from chalicelib.errors import UnknownName
from chalicelib.flows import query
from chalicelib.flows.api.calls import Answered, Call
from chalicelib.flows.backups import listed as listed_backups
from chalicelib.models import api
from chalicelib.models.decision import Decision
from chalicelib.models.incident import Incident
from chalicelib.models.runbook import Runbook

T = TypeVar("T")


def health(call: Call) -> Answered:
    return Answered(api.Health(version=call.version))


def runs(call: Call) -> Answered:
    asked: api.RunsQuery = call.query
    _known_stack(call, asked.stack)
    found = call.parts.engine.runs.recent(
        asked.stack, since=asked.since, until=asked.until, limit=asked.limit, cursor=asked.cursor
    )
    rows = _kept(found.rows, lambda run: asked.status in {None, run.status})
    return Answered(api.Runs(runs=tuple(api.RunBrief(**query.brief(run)) for run in rows), cursor=found.cursor))


def run(call: Call) -> Answered:
    return Answered(api.RunWhole(**query.whole(call.parts, call.path["id"])))


def plan(call: Call) -> Answered:
    return Answered(api.PlanShown(**query.plan_of(call.parts, call.path["id"])))


def news(call: Call) -> Answered:
    return Answered(api.News(**query.news_of(call.parts, call.path["id"], call.query.after)))


def incidents(call: Call) -> Answered:
    asked: api.IncidentsQuery = call.query
    _known_stack(call, asked.stack)
    found = call.parts.engine.incidents.recent(
        asked.stack, since=asked.since, until=asked.until, limit=asked.limit, cursor=asked.cursor
    )
    rows = _kept(found.rows, lambda incident: asked.state in {None, incident.state})
    return Answered(api.Incidents(incidents=tuple(map(_incident, rows)), cursor=found.cursor))


def decisions(call: Call) -> Answered:
    asked: api.DecisionsQuery = call.query
    _known_stack(call, asked.stack)
    found = call.parts.decisions.recent(
        asked.stack, since=asked.since, until=asked.until, limit=asked.limit, cursor=asked.cursor
    )
    rows = _kept(found.rows, lambda decision: _is_asked_for(decision, asked))
    return Answered(api.Decisions(decisions=tuple(map(_decision, rows)), cursor=found.cursor))


def _is_asked_for(decision: Decision, asked: api.DecisionsQuery) -> bool:
    names = {part.signal.name for part in decision.parts}
    return asked.outcome in {None, decision.outcome} and (asked.alarm is None or asked.alarm in names)


def audit(call: Call) -> Answered:
    asked: api.AuditQuery = call.query
    found = call.parts.audit.recent(since=asked.since, limit=asked.limit, cursor=asked.cursor)
    entries = tuple(entry.model_dump(mode="json", exclude={"version"}) for entry in found.rows)
    return Answered(api.Audited(entries=entries, cursor=found.cursor))


def runbooks(call: Call) -> Answered:
    return Answered(api.Runbooks(runbooks=tuple(map(_runbook, call.parts.runbooks.values()))))


def runbook(call: Call) -> Answered:
    name = call.path["name"]
    found = call.parts.runbooks.get(name)
    if found is None:
        raise UnknownName("runbook", name, list(call.parts.runbooks))
    return Answered(_runbook(found))


def stacks(call: Call) -> Answered:
    shown = []
    for stack in call.parts.engine.stacks.values():
        stop = call.parts.engine.ledgers.read(stack.stack).stop
        shown.append(
            api.StackShown(
                stack=stack.stack,
                region=stack.region,
                account=stack.account or call.parts.own_account,
                autonomy=stack.autonomy.value,
                version=stack.version,
                stopped=f"{stop.by}: {stop.reason}" if stop else None,
                owners=stack.owners,
            )
        )
    return Answered(api.Stacks(stacks=tuple(shown)))


def backups(call: Call) -> Answered:
    return Answered(api.Backups(**listed_backups(call.parts, call.path["name"])))


def now(call: Call) -> Answered:
    return Answered(query.now(call.parts))


def _known_stack(call: Call, stack: str | None) -> None:
    if stack is not None and stack not in call.parts.engine.stacks:
        raise UnknownName("stack", stack, list(call.parts.engine.stacks))


def _kept(rows: Iterable[T], wanted: Callable[[T], bool]) -> list[T]:
    """A page may hold fewer rows than its limit; the cursor says whether there may be more."""
    return [row for row in rows if wanted(row)]


def _incident(incident: Incident) -> api.IncidentShown:
    return api.IncidentShown(
        id=incident.id,
        stack=incident.stack,
        state=incident.state,
        title=incident.title,
        reason=incident.reason,
        opened_at=incident.opened_at,
        changed_at=incident.changed_at,
        run=incident.run_id,
        runs=incident.runs,
        reconsider_at=incident.reconsider_at,
    )


def _decision(decision: Decision) -> api.DecisionShown:
    return api.DecisionShown(
        event=decision.event_id,
        at=decision.received_at,
        outcome=decision.outcome,
        principal=decision.principal,
        predecessor=decision.predecessor,
        parts=tuple(_part(part.model_dump(mode="json")) for part in decision.parts),
    )


def _part(part: dict[str, Any]) -> dict[str, Any]:
    keep = ("kind", "state", "name", "resource", "stack", "actionable", "reason", "occurred_at")
    return {**part, "signal": {key: part["signal"][key] for key in keep}}


def _runbook(found: Runbook) -> api.RunbookShown:
    return api.RunbookShown(
        runbook=found.runbook,
        title=found.title,
        description=found.description,
        autonomy=found.autonomy.value,
        on=tuple(trigger.model_dump(mode="json", exclude_none=True) for trigger in found.on),
        steps=tuple(f"{step.id}: {step.do or 'include'}" for step in found.steps),
        by_hand=any(trigger.manual is not None for trigger in found.on),
        inputs=inputs_schema(found),
    )
