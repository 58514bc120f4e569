"""Every route of the API: who may, what goes in, what comes out. Chalice and the OpenAPI document are made of this."""

from chalicelib.flows.api import changes, reads
from chalicelib.flows.api.calls import Answered, Call, Route
from chalicelib.guards.roles import Role
from chalicelib.models import api

OPERATOR, APPROVER, ADMIN = Role.OPERATOR, Role.APPROVER, Role.ADMIN


def _openapi(call: Call) -> Answered:
    from chalicelib.flows.api.openapi import document

    return Answered(document(ROUTES.values(), call.version))


_ALL: tuple[Route, ...] = (
    Route("GET", "/health", reads.health, "Whether Steward answers", api.Health),
    Route("GET", "/v1/openapi.json", _openapi, "This document", None),
    Route("GET", "/v1/now", reads.now, "What is stopped, runs now, and was changed in the last day", None),
    Route("GET", "/v1/runbooks", reads.runbooks, "The runbooks", api.Runbooks),
    Route("GET", "/v1/runbooks/{name}", reads.runbook, "A runbook, its inputs as JSON Schema", api.RunbookShown),
    Route(
        "POST", "/v1/runbooks/{name}/runs", changes.start_run, "Run it on a stack", api.Started,
        role=OPERATOR, body=api.StartRun, status=202, needs_key=True,
    ),
    Route(
        "POST", "/v1/runbooks/{name}/plan", changes.plan_run, "Show what it would change, and change nothing",
        api.Started, role=OPERATOR, body=api.StartRun, status=202, takes_key=True,
    ),
    Route("GET", "/v1/runs", reads.runs, "Runs, newest first", api.Runs, query=api.RunsQuery),
    Route("GET", "/v1/runs/{id}", reads.run, "A run: steps, evidence, timeline, verdict", api.RunWhole),
    Route("GET", "/v1/runs/{id}/plan", reads.plan, "Its plan, every change with its values", api.PlanShown),
    Route("GET", "/v1/runs/{id}/news", reads.news, "What is new on it since a cursor", api.News, query=api.SinceQuery),
    Route(
        "POST", "/v1/runs/{id}/cancel", changes.cancel, "End it", api.Said, role=OPERATOR, body=api.Because,
    ),
    Route(
        "POST", "/v1/runs/{id}/approve", changes.approve, "Say yes to its plan", api.Said,
        role=APPROVER, body=api.Answer,
    ),
    Route(
        "POST", "/v1/runs/{id}/reject", changes.reject, "Say no to its plan", api.Said,
        role=APPROVER, body=api.Answer,
    ),
    Route(
        "POST", "/v1/runs/{id}/delegate", changes.delegate, "Hand the answer to another person or team", api.Said,
        role=APPROVER, body=api.HandOn,
    ),
    Route(
        "POST", "/v1/runs/{id}/undo", changes.undo_run, "Put back what it changed", api.Started,
        role=OPERATOR, body=api.UndoRun, status=202, needs_key=True,
    ),
    Route("GET", "/v1/incidents", reads.incidents, "Incidents", api.Incidents, query=api.IncidentsQuery),
    Route(
        "GET", "/v1/decisions", reads.decisions, "Why something was done, and why nothing was", api.Decisions,
        query=api.DecisionsQuery,
    ),
    Route("GET", "/v1/stacks", reads.stacks, "The stacks under care", api.Stacks),
    Route(
        "POST", "/v1/stacks/{name}/check", changes.check_stack, "Run the health check", api.Started,
        role=OPERATOR, body=api.Because, status=202, takes_key=True,
    ),
    Route("GET", "/v1/stacks/{name}/backups", reads.backups, "Its backups, and whether they are doubted", api.Backups),
    Route(
        "POST", "/v1/stacks/{name}/clear-suspicion", changes.clear_suspicion, "Say that doubted backups are well",
        api.Said, role=APPROVER, body=api.Because,
    ),
    Route(
        "POST", "/v1/stop", changes.stop, "Stop: nothing starts, what runs halts", api.Said,
        role=OPERATOR, body=api.StopWhat,
    ),
    Route("POST", "/v1/resume", changes.resume, "Take a stop back", api.Said, role=ADMIN, body=api.ResumeWhat),
    Route(
        "POST", "/v1/freeze", changes.freeze, "For a while nothing starts by itself", api.Said,
        role=OPERATOR, body=api.FreezeWhat,
    ),
    Route("GET", "/v1/audit", reads.audit, "Who asked for changes", api.Audited, role=OPERATOR, query=api.AuditQuery),
)  # fmt: skip

ROUTES: dict[tuple[str, str], Route] = {(route.method, route.path): route for route in _ALL}
