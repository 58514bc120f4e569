"""mlflow.upgrade_schema: `mlflow db upgrade` of another version in a task of its own, proved by its revision (S12).

A task takes its image from its definition: where MLflow comes with the image, the revision of the new one is
registered first, and nothing but this task and, later, the rollout uses it.
"""

from dataclasses import replace

from pydantic import Field

from chalicelib.aws.ecs_revisions import Revision, difference
from chalicelib.errors import StepFailed, StepRefused
from chalicelib.models.change import Change, ChangeProgress
from chalicelib.models.history import BackupKind
from chalicelib.models.words import Risk
from chalicelib.steps.actions.ecs_change_task_definition import ChangeTaskDefinition
from chalicelib.steps.actions.ecs_run_one_off_task import RUN_TASK, OneOffOutput, RunOneOffTask
from chalicelib.steps.definition_edits import as_said, edits_of, paths
from chalicelib.steps.gc_plan import OPERATION, Host, find_host, run_task
from chalicelib.steps.mlflow_schemas import Need
from chalicelib.steps.mlflow_target import VERSION, Where
from chalicelib.steps.one_off import db_upgrade_command, overrides_of
from chalicelib.steps.probes.db_connect import Connect
from chalicelib.steps.rollout import refuse_other_roles
from chalicelib.steps.step import Action, Applied, Done, Look, Params, Standing, StepContext, Unchanged
from chalicelib.steps.upgrade_preflight import Judged, judge, schema_now

_TASK = RunOneOffTask()
_REGISTER = "ecs:RegisterTaskDefinition"


class SchemaParams(Params):
    version: str | None = Field(default=None, pattern=VERSION)
    """Without it the one that the service's task definition names."""
    image: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_./:@-]+$", max_length=512)
    """Only where MLflow comes with the image."""


class SchemaOutput(OneOffOutput):
    schema_before: str | None = None
    schema_now: str | None = None
    """None: not to be seen from here."""


class UpgradeSchema(Action[SchemaParams]):
    """Migrate the tracking store to the schema of another MLflow, in a task with that MLflow, after a snapshot.

    ```yaml
    - id: migrate
      do: mlflow.upgrade_schema
      with: {version: 3.17.2}
      timeout: 2h
    ```
    """

    name = "mlflow.upgrade_schema"
    Params = SchemaParams
    Output = SchemaOutput
    permissions = (
        *RUN_TASK,
        *(one for one in ChangeTaskDefinition.permissions if one.action in {_REGISTER, "ecs:TagResource"}),
        *(one for one in ChangeTaskDefinition.permissions if one.action == "ecr:DescribeImages"),
        *Connect.permissions,
    )
    risk = Risk.HIGH
    reversible = False
    goes_on_alone = True

    def plan(self, ctx: StepContext, params: SchemaParams) -> tuple[Change, ...]:
        host = find_host(ctx)
        found = judge(ctx, host.container, params.version, params.image)
        if found.wrong:
            raise StepRefused(f"MLflow {found.version} would not come up: {found.why_not}")
        if found.need is Need.NOTHING:
            return ()
        if found.source.where is not Where.IMAGE or not found.edits:
            return (self._migrate(ctx, host, found, 0),)
        former = ctx.aws.ecs.revision(host.placement.task_definition)
        refuse_other_roles(ctx, former)
        register = self._register(ctx, former, found)
        arn = f"{former.arn.rpartition(':')[0]}:{register.precondition['number']}"
        return register, self._migrate(
            ctx, replace(host, placement=replace(host.placement, task_definition=arn)), found, 1
        )

    def _register(self, ctx: StepContext, former: Revision, found: Judged) -> Change:
        newest = ctx.aws.ecs.revision(former.family)
        said = list(found.edits)
        return Change(
            step=ctx.step_id,
            action=self.name,
            operation=_REGISTER,
            parameters={"former": former.arn, "edits": said},
            resource=ctx.stack.service_ref,
            precondition={"number": _number(newest) + 1},
            sentence=f"Register {former.family}:{_number(newest) + 1}, {former.short} with {said[0]['value']}; "
            "no service runs it by that",
        )

    def _migrate(self, ctx: StepContext, host: Host, found: Judged, number: int) -> Change:
        overrides = overrides_of(found.target, db_upgrade_command(found.target))
        where = ctx.stack.database.name if ctx.stack.database else "the tracking store"
        to = found.schema_wanted or f"whatever MLflow {found.version} wants, which nobody here knows"
        return Change(
            step=ctx.step_id,
            action=self.name,
            operation=OPERATION,
            parameters=run_task(ctx, host, overrides, number),
            resource=ctx.stack.service_ref,
            precondition={
                "verb": "db_upgrade",
                "schema": found.schema_now,
                "wanted": found.schema_wanted,
                "version": found.version,
                "registered_first": number > 0,
                "other_version": bool(found.edits),
            },
            sentence=f"Migrate {where} from schema {found.schema_now or 'not seen from here'} to {to}: "
            f"mlflow db upgrade of MLflow {found.version} in a task of its own with {found.target.image}",
            loses="the schema as it is: only the snapshot brings it back, without what is written after it",  # S19
        )

    def look(self, ctx: StepContext, change: Change) -> Look:
        if change.operation == _REGISTER:
            return _look_at_newest(ctx, change)
        now, _ = schema_now(ctx)
        wanted, before = change.precondition.get("wanted"), change.precondition.get("schema")
        if now is not None and now == wanted:
            return Look(standing=Standing.ALREADY, detail=f"the schema is {now} already")
        if now is not None and now != before:
            return Look(standing=Standing.DRIFTED, detail=f"the schema is {now}, no longer {before}")
        if not _has_own_snapshot(ctx):
            why = "S19: this run has taken no snapshot that is proved to be good"
            return Look(standing=Standing.DRIFTED, detail=why)
        if not change.precondition.get("registered_first"):
            return _TASK.look(ctx, change)
        ready = ctx.aws.ecs.revision(change.parameters["taskDefinition"]).active
        short = change.parameters["taskDefinition"].rsplit("/", 1)[-1]
        standing = Standing.READY if ready else Standing.DRIFTED
        return Look(standing=standing, detail=f"{short} is {'there' if ready else 'deregistered'}")

    def apply(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:
        if change.operation == _REGISTER:
            return _registered(ctx, change)
        applied = _TASK.apply(ctx, change, progress)
        if not isinstance(applied, Done):
            return applied
        now, blind = schema_now(ctx)
        wanted, before = change.precondition.get("wanted"), change.precondition.get("schema")
        if now is not None and wanted is not None and now != wanted:
            raise StepFailed(ctx.step_id, f"{applied.detail}, and yet the schema is {now} and not {wanted}")
        said = blind or f"the schema is {now}"
        facts = {**applied.facts, "schema_before": before, "schema_now": now}
        return Done(detail=f"{applied.detail}; {said}", facts=facts)

    def abandon(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> str:
        """Given up: it must not go on migrating under the MLflow that is brought back."""
        if change.operation == _REGISTER:
            return "a revision may be registered that no service runs"
        return _TASK.abandon(ctx, change, progress)

    def goes_on(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> bool:
        return change.operation != _REGISTER and _TASK.goes_on(ctx, change, progress)


def _number(revision: Revision) -> int:
    return int(revision.arn.rpartition(":")[2])


def _wanted(ctx: StepContext, change: Change) -> tuple[Revision, Revision]:
    former = ctx.aws.ecs.revision(change.parameters["former"])
    return former, former.with_edits(edits_of(as_said(change.parameters), former, ctx.fingerprint_key, ctx.step_id))


def _look_at_newest(ctx: StepContext, change: Change) -> Look:
    former, wanted = _wanted(ctx, change)
    newest, number = ctx.aws.ecs.revision(former.family), change.precondition["number"]
    if _number(newest) == number and not difference(wanted, newest):
        return Look(standing=Standing.ALREADY, detail=f"{newest.short} is registered already")
    if _number(newest) != number - 1:
        return Look(standing=Standing.DRIFTED, detail=f"somebody has registered {newest.short} meanwhile")
    return Look(standing=Standing.READY, detail=f"{newest.short} is the newest revision")


def _registered(ctx: StepContext, change: Change) -> Applied:
    former, wanted = _wanted(ctx, change)
    newest, number = ctx.aws.ecs.revision(former.family), change.precondition["number"]
    if _number(newest) == number and not difference(wanted, newest):
        return Unchanged(detail=f"{newest.short} is registered already")
    made = ctx.aws.ecs.register_revision(former, wanted, paths(as_said(change.parameters)))
    if _number(made) != number:
        raise StepFailed(ctx.step_id, f"it came out as {made.short}: somebody registered another in the same moment")
    return Done(detail=f"{made.short} is registered")


def _has_own_snapshot(ctx: StepContext) -> bool:
    backups = ctx.history.backups(ctx.stack.stack, BackupKind.DATABASE)
    return any(one.run_id == ctx.run_id and one.is_good for one in backups)
