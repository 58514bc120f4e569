"""ecs.change_mlflow_version: another MLflow in the line or the image that names it, and its rollout (S11, S12).

Never over a schema that does not fit: a server that starts on one migrates it silently or refuses. Where a
migration lies between, there is no undo: going back is S10's case and needs the database of before.
"""

from pydantic import Field

from chalicelib.aws.ecs_revisions import Revision
from chalicelib.errors import StepFailed, StepRefused
from chalicelib.models.change import Change, ChangeProgress, Undo
from chalicelib.models.words import Risk
from chalicelib.steps.actions.ecs_change_task_definition import ChangeTaskDefinition
from chalicelib.steps.definition_edits import paths
from chalicelib.steps.mlflow_schemas import Need
from chalicelib.steps.mlflow_target import VERSION
from chalicelib.steps.one_off import has_migrated
from chalicelib.steps.probes.db_connect import Connect
from chalicelib.steps.probes.ecs_describe_service import is_deploying
from chalicelib.steps.probes.mlflow_upgrade_preflight import serving_container
from chalicelib.steps.rollout import refuse_other_roles, refuse_stop_before_start
from chalicelib.steps.service_state import ServiceState, read_service
from chalicelib.steps.step import Action, ActionOutput, Applied, Look, Params, Pending, Standing, StepContext
from chalicelib.steps.task_disk import what_is_lost
from chalicelib.steps.upgrade_preflight import Judged, judge, schema_now

_CHANGE = ChangeTaskDefinition()
_REGISTER, _UPDATE = "ecs:RegisterTaskDefinition", "ecs:UpdateService"


class VersionParams(Params):
    version: str = Field(pattern=VERSION)
    image: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_./:@-]+$", max_length=512)
    """Only where MLflow comes with the image."""


class ChangeMlflowVersion(Action[VersionParams]):
    """Run the service on another MLflow: the pinned version changes, or the image, and nothing else.

    ```yaml
    - id: roll
      do: ecs.change_mlflow_version
      with: {version: 3.17.2}
      timeout: 1h
    ```
    """

    name = "ecs.change_mlflow_version"
    Params = VersionParams
    Output = ActionOutput
    permissions = (*ChangeTaskDefinition.permissions, *Connect.permissions)
    risk = Risk.HIGH
    reversible = True

    def plan(self, ctx: StepContext, params: VersionParams) -> tuple[Change, ...]:
        found = judge(ctx, serving_container(ctx), params.version, params.image)
        if found.wrong:
            raise StepRefused(f"MLflow {found.version} would not come up: {found.why_not}")
        if not found.edits:
            return ()
        state = read_service(ctx)
        if is_deploying(state):
            raise StepRefused("a deployment is in progress, and two of them at once are nobody's wish", rule="S6")
        former = ctx.aws.ecs.revision(state.service.task_definition)
        refuse_other_roles(ctx, former)
        refuse_stop_before_start(state)
        return (self._change(ctx, state, former, found),)

    def _change(self, ctx: StepContext, state: ServiceState, former: Revision, found: Judged) -> Change:
        name, tasks, said = ctx.stack.ecs.service, len(state.running), list(found.edits)
        where = {"cluster": ctx.stack.ecs.cluster, "service": name, "former": former.arn, "edits": said}
        undo = Undo(operation=_UPDATE, parameters=where, precondition={"only_differs_in": sorted(paths(said))})
        words = f"MLflow {found.source.version or 'of its image'} to {found.version}"
        crosses = found.need is not Need.NOTHING or _has_migrated(ctx)
        back = "; the schema changes, so nothing but a restore goes back (S10)" if crosses else ""
        return Change(
            step=ctx.step_id,
            action=self.name,
            operation=_REGISTER,
            parameters=where,
            resource=ctx.stack.service_ref,
            precondition={
                "task_definition": former.arn,
                "schema": found.schema_wanted,
                "version": found.version,
                "version_before": found.source.version,
            },
            undo=None if crosses else undo,
            sentence=f"Run {name} on a new revision of {former.short} with {words}, in {min(paths(said))} and "
            f"nowhere else; all {tasks} running tasks are replaced{back}",
            loses=what_is_lost(ctx.aws.ecs.task_definition(former.arn)) if tasks else None,
            serves=bool(state.serving),
            touches={"tasks": tasks},
            out_of={"tasks": tasks},
            write_back=f"task definition of ECS service {name}: {words}",
        )

    def finishes(self, ctx: StepContext, change: Change) -> bool:
        """After the migration nothing but this version works."""
        return change.operation == _REGISTER and has_migrated(ctx)

    def look(self, ctx: StepContext, change: Change) -> Look:
        wanted = change.precondition.get("schema")
        if change.operation == _REGISTER and wanted is not None:
            now, _ = schema_now(ctx)
            if now is not None and now != wanted:
                why = f"the database is at {now}, and MLflow {change.precondition['version']} needs {wanted}"
                return Look(standing=Standing.DRIFTED, detail=f"{why}: it would migrate it unasked, or not start")
        return _CHANGE.look(ctx, change)

    def apply(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:
        if change.operation == _REGISTER and progress.checkpoint.get("sent"):
            _refuse_to_send_again(ctx, change)
        applied = _CHANGE.apply(ctx, change, progress)
        return applied.model_copy(update={"checkpoint": {"sent": True}}) if isinstance(applied, Pending) else applied


def _has_migrated(ctx: StepContext) -> bool:
    """By this very run: then the schema fits the new version, and no longer the former."""
    return any(change.precondition.get("verb") == "db_upgrade" for change, _ in ctx.made())


def _refuse_to_send_again(ctx: StepContext, change: Change) -> None:
    """The circuit breaker makes the former deployment the service's own again, under its former id."""
    service = ctx.aws.ecs.service(change.parameters["cluster"], change.parameters["service"])
    if service.task_definition == change.parameters["former"]:
        short = service.task_definition.rsplit("/", 1)[-1]
        raise StepFailed(ctx.step_id, f"the service runs {short} again: the circuit breaker, or somebody, went back")
