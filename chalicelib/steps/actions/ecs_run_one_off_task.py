"""ecs.run_one_off_task: runs a verb in a task beside the service, and follows it to its end (S12, S14).

start (a client token made from run and step) ─▶ PENDING, RUNNING ─▶ STOPPED ─▶ exit code, log as evidence
"""

from datetime import timedelta
from typing import Any, Literal

from pydantic import Field

from chalicelib.aws.ecs_shapes import Task
from chalicelib.errors import StepFailed
from chalicelib.models.change import Change, ChangeProgress
from chalicelib.models.history import MarkKind
from chalicelib.models.rights import planning
from chalicelib.models.step_index import Permission
from chalicelib.models.words import Risk
from chalicelib.steps import permissions
from chalicelib.steps.artifact_store import READ_ENDPOINT_KEYS
from chalicelib.steps.database_facts import READ_DATABASE
from chalicelib.steps.gc_plan import OPERATION, find_host, gc_changes, run_task, why_not_any_more
from chalicelib.steps.mlflow_access import ASK_MLFLOW
from chalicelib.steps.one_off import db_upgrade_command, overrides_of
from chalicelib.steps.one_off_log import TaskLog, read_log
from chalicelib.steps.run_past import mark_runs
from chalicelib.steps.savings import READ_VERSIONING
from chalicelib.steps.step import (
    Action,
    ActionOutput,
    Applied,
    Done,
    Look,
    Params,
    Pending,
    Standing,
    StepContext,
)

CHECK_AFTER_S = 15
_DEFINITIONS = "arn:{partition}:ecs:{region}:{account}:task-definition/*"
_IN_CLUSTER = {"ArnEquals": {"ecs:cluster": "arn:{partition}:ecs:{region}:{account}:cluster/{cluster}"}}
_ONLY_TO_TASKS = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
RUN_TASK = (
    Permission(action=OPERATION, resource=_DEFINITIONS, why="start the one task", condition=_IN_CLUSTER),
    Permission(
        action="iam:PassRole", resource="{task_role}", why="the task has the service's role", condition=_ONLY_TO_TASKS
    ),
    Permission(
        action="iam:PassRole",
        resource="{execution_role}",
        why="the task has the service's execution role",
        condition=_ONLY_TO_TASKS,
    ),
    permissions.STOP_TASK,
    Permission(
        action="logs:FilterLogEvents",
        resource="arn:{partition}:logs:{region}:{account}:log-group:{log_group}:*",
        why="what the task wrote",
    ),
    permissions.DESCRIBE_SERVICE,
    *permissions.READ_TASKS,
    permissions.DESCRIBE_TASK_DEFINITION,
)
"""What any task beside the service needs, whatever it runs."""


class OneOffParams(Params):
    verb: Literal["gc", "db_upgrade"] = "gc"
    """What is run: a verb in code, never a command."""
    older_than_days: int = Field(default=90, ge=1, le=3650)
    """`gc`: what was deleted later than this stays; MLflow itself, which knows the time of deletion, sees to it."""
    experiment: str | None = None
    """`gc`: name or id; left out, all experiments."""
    most: int = Field(default=1000, ge=1, le=5000)
    """`gc`: runs in one go; the rest is taken by the next run."""


class OneOffOutput(ActionOutput):
    task: str | None = None
    exit_code: int | None = None
    evidence: str | None = None
    """Where the log of the last task lies."""


class RunOneOffTask(Action[OneOffParams]):
    """Run one of Steward's verbs in a task with the service's own image, network, roles and secrets.

    `gc` does what the guides' `mlflow artifacts cleanup` and `mlflow db gc` promise, by MLflow's own `mlflow gc`.

    ```yaml
    - id: gc
      do: ecs.run_one_off_task
      with: {verb: gc, olderThanDays: 90}
      timeout: 2h
    ```
    """

    name = "ecs.run_one_off_task"
    Params = OneOffParams
    Output = OneOffOutput
    permissions = (
        *RUN_TASK,
        *ASK_MLFLOW,
        READ_ENDPOINT_KEYS,
        Permission(action="s3:ListBucket", resource="arn:{partition}:s3:::{bucket}", why="how much would be deleted"),
        # only the plan counts and reckons; with these rights, what acts would not fit into one session
        *planning(*READ_DATABASE, *READ_VERSIONING),
    )
    risk = Risk.HIGH
    reversible = False
    interruptible = True
    goes_on_alone = True

    def plan(self, ctx: StepContext, params: OneOffParams) -> tuple[Change, ...]:
        if params.verb == "gc":
            only = (params.experiment,) if params.experiment else ()
            return gc_changes(ctx, self.name, params.older_than_days, only, params.most)
        host = find_host(ctx)
        overrides = overrides_of(host.container, db_upgrade_command(host.container))
        change = Change(
            step=ctx.step_id,
            action=self.name,
            operation=OPERATION,
            parameters=run_task(ctx, host, overrides, 0),
            resource=ctx.stack.service_ref,
            precondition={"verb": "db_upgrade"},
            sentence=f"Run mlflow db upgrade with {host.container.image} in a task of its own",
            loses="the schema as it is: only a snapshot brings it back",
        )
        return (change,)

    def look(self, ctx: StepContext, change: Change) -> Look:
        now = find_host(ctx).placement.task_definition
        if now != change.parameters["taskDefinition"]:
            short = now.rsplit("/", 1)[-1]
            return Look(standing=Standing.DRIFTED, detail=f"the service runs {short} by now: somebody deployed")
        if change.precondition.get("verb") == "gc":
            why = why_not_any_more(ctx, change)
            if why is not None:
                return Look(standing=Standing.DRIFTED, detail=why)
        return Look(standing=Standing.READY, detail="the task can be started")

    def apply(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:
        task = self._task(ctx, change, progress)
        if task is None:
            started = ctx.aws.ecs_one_off.run(_filled(change.parameters, ctx.run_id))
            return Pending(
                check_after_s=CHECK_AFTER_S,
                detail=f"task {started.short} is started",
                checkpoint={"task": started.arn},
            )
        if task.status != "STOPPED":
            recent = read_log(ctx, _container(ctx, change), task.id, ctx.now - timedelta(minutes=3), keep=False)
            said = f"; its log says: {recent.last[-1][:120]}" if recent.last else ""
            return Pending(check_after_s=CHECK_AFTER_S, detail=f"task {task.short} is {task.status}{said}")
        since = task.created_at or progress.started_at or ctx.now - timedelta(hours=1)
        _mark_tried(ctx, change, task)
        return _ended(ctx, change, task, read_log(ctx, _container(ctx, change), task.id, since, keep=True))

    def breaks_off(self, change: Change) -> bool:
        """A migration killed half-way leaves half a schema (MySQL has no transaction around it): it is finished."""
        return change.precondition.get("verb") != "db_upgrade"

    def abandon(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> str:
        """Cancelled, or given up: a task that goes on deleting with nobody watching is stopped."""
        task = self._task(ctx, change, progress) or _unnoted(ctx, change)
        if task is None:
            return "no task is known to have been started"
        _mark_tried(ctx, change, task)
        if task.wanted != "STOPPED":
            reason = f"steward run {ctx.run_id}: not waited for any longer"
            ctx.aws.ecs.stop_task(change.parameters["cluster"], task.arn, reason)
        return f"task {task.short} is stopped; what it has done by then stays done"

    def goes_on(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> bool:
        task = self._task(ctx, change, progress) or _unnoted(ctx, change) or _unnoted(ctx, change, "STOPPED")
        return task is not None and task.status != "STOPPED"

    def _task(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Task | None:
        arn = progress.checkpoint.get("task")
        if arn is None:
            return None
        found = ctx.aws.ecs.tasks_by_arn(change.parameters["cluster"], [str(arn)])
        if not found:
            raise StepFailed(ctx.step_id, "ECS no longer knows the task, so nobody can say how it ended")
        return found[0]


def _unnoted(ctx: StepContext, change: Change, wanted: Literal["RUNNING", "STOPPED"] = "RUNNING") -> Task | None:
    """One that was started just before its worker died, so that nobody noted which it is."""
    asked = change.parameters
    family = str(asked["taskDefinition"]).rsplit("/", 1)[-1].partition(":")[0]
    mine = _filled(asked, ctx.run_id)["startedBy"]
    found = ctx.aws.ecs.tasks_of_family(asked["cluster"], family, wanted)
    ours = [one for one in found if one.started_by == mine]
    return next((one for one in ours if one.status != "STOPPED"), None)


def _mark_tried(ctx: StepContext, change: Change, task: Task) -> None:
    """However it ended: the next gc asks for others first."""
    if change.precondition.get("verb") == "gc" and change.precondition["runs"]:
        mark_runs(ctx, MarkKind.TRIED, list(change.precondition["runs"]), task.created_at or ctx.now)


def _filled(parameters: dict[str, Any], run_id: str) -> dict[str, Any]:
    return {
        name: value.replace("{run}", run_id) if name in {"startedBy", "clientToken"} else value
        for name, value in parameters.items()
    }


def _container(ctx: StepContext, change: Change) -> dict[str, Any]:
    """As its task definition has it, for where it logs."""
    wanted = change.parameters["overrides"]["containerOverrides"][0]["name"]
    content = ctx.aws.ecs.revision(change.parameters["taskDefinition"]).content
    return next(dict(one) for one in content["containerDefinitions"] if one["name"] == wanted)


def _ended(ctx: StepContext, change: Change, task: Task, log: TaskLog) -> Applied:
    wanted = change.parameters["overrides"]["containerOverrides"][0]["name"]
    code = next((one.exit_code for one in task.containers if one.name == wanted), None)
    where = f"; log {log.evidence}" if log.evidence else f"; log not read: {log.unread}" if log.unread else ""
    if code != 0:
        ended = "no exit code" if code is None else f"exit code {code}"
        said = " | ".join(line[:160] for line in log.last)
        why = f"task {task.short} ended with {ended} ({task.stopped_reason or 'no reason given'}){where}"
        raise StepFailed(ctx.step_id, f"{why}{f'; last lines: {said}' if said else ''}")
    kept = log.named("kept")
    stays = f"; MLflow kept {len(kept)}: deleted too lately, or restored" if kept else ""
    return Done(
        detail=f"task {task.short} ended with exit code 0{stays}{where}",
        facts={"task": task.arn, "exit_code": 0, "evidence": log.evidence},
    )
