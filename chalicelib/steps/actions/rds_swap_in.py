"""rds.swap_in: MLflow uses the restored instance from now on. The old one is kept, and undo goes back to it.

Where the old one is gone, its address is what was recorded with its last good backup, and there is no undo.
Two Changes: a new version of the secret, where it names the host, and the tasks on a new revision (where
a variable names it) or a new deployment, so that they read the secret again.
"""

from typing import Any

from chalicelib.aws.ecs_revisions import Revision
from chalicelib.aws.rds_restores import Placed
from chalicelib.errors import StepFailed, StepRefused
from chalicelib.models.change import Change, ChangeProgress, Undo
from chalicelib.models.history import Creation, MadeKind
from chalicelib.models.shape import content_hash
from chalicelib.models.step_index import Permission
from chalicelib.models.words import Risk
from chalicelib.steps import made, permissions
from chalicelib.steps.actions.ecs_change_task_definition import ChangeTaskDefinition
from chalicelib.steps.actions.ecs_force_deployment import ForceDeployment, ForceParams
from chalicelib.steps.database_facts import try_login, why_refused
from chalicelib.steps.definition_edits import paths
from chalicelib.steps.managed_secret import by_hand, managed_secret, why_not_in_use
from chalicelib.steps.placement import Model, model_of
from chalicelib.steps.rds_permissions import READ_RESTORED
from chalicelib.steps.rollout import refuse_stop_before_start
from chalicelib.steps.service_state import read_service
from chalicelib.steps.step import (
    Action,
    ActionOutput,
    Applied,
    Done,
    Look,
    Params,
    Standing,
    StepContext,
    Unchanged,
)

_PUT = "secretsmanager:PutSecretValue"
_SECRET = "arn:{partition}:secretsmanager:{region}:{account}:secret:{database_secret}-??????"  # noqa: S105 - a template


class SwapParams(Params):
    instance: str | None = None
    cluster: str | None = None
    """As `rds.restore_snapshot` says them; of a cluster both, and the cluster is what counts."""


class SwapIn(Action[SwapParams]):
    """Point MLflow at a restored instance: a new version of its secret, and tasks that read it. Undo points back.

    ```yaml
    - id: swap
      do: rds.swap_in
      with: {instance: "${steps.restore.instance}"}
      timeout: 30m
    ```
    """

    name = "rds.swap_in"
    Params = SwapParams
    Output = ActionOutput
    permissions = (
        *READ_RESTORED,
        *permissions.PLAN_WITH_SERVICE,
        permissions.DESCRIBE_TASK_DEFINITION,
        Permission(action="secretsmanager:GetSecretValue", resource=_SECRET, why="which host the secret names"),
        Permission(action=_PUT, resource=_SECRET, why="a new version that names the restored instance"),
    )
    risk = Risk.HIGH
    reversible = True

    def plan(self, ctx: StepContext, params: SwapParams) -> tuple[Change, ...]:
        former, wanted, record = _both(ctx, params)
        untried = _let_in(ctx, wanted)
        secret = self._point_secret(ctx, former, wanted)
        service = self._roll(ctx, former, wanted)
        if secret is None and service.action == ForceDeployment.name:
            why = f"neither the secret nor a variable of the task names {former.host}"
            raise StepRefused(f"{why}: MLflow gets its database's address from elsewhere; write {wanted.host} there")
        lost = f"everything written to {former.id} since the snapshot that run {record.run_id} restored"  # S19
        changes = [change for change in (secret, service) if change is not None]
        known: dict[str, Any] = {"loses": lost} | ({"undo": None} if former.is_gone else {})  # nothing to go back to
        changes[0] = changes[0].model_copy(update={"sentence": changes[0].sentence + untried})
        return tuple(change.model_copy(update=known) for change in changes)

    def _point_secret(self, ctx: StepContext, former: Model, wanted: Placed) -> Change | None:
        name = ctx.stack.database.secret if ctx.stack.database else None
        if name is None or ctx.aws.secrets.database(name).host != former.host:
            return None
        parameters = {"SecretId": name, "former": former.host, "host": wanted.host}
        return Change(
            step=ctx.step_id,
            action=self.name,
            operation=_PUT,
            parameters=parameters,
            resource=name,
            precondition={"host": former.host},
            undo=Undo(
                operation=_PUT,
                parameters={"SecretId": name, "former": wanted.host, "host": former.host},
                precondition={"host": wanted.host},
            ),
            sentence=f"Secret {name} names {wanted.host} instead of {former.host}; {_fate(former)}",
            write_back=f"database in the stack's file: {wanted.id} (was {former.id})",
        )

    def _roll(self, ctx: StepContext, former: Model, wanted: Placed) -> Change:
        """The Changes of other actions, which look, apply and undo them as always."""
        state = read_service(ctx)
        refuse_stop_before_start(state)
        revision = ctx.aws.ecs.revision(state.service.task_definition)
        names = _variables(revision, ctx.stack.ecs.container, former.host or "")
        if not names:
            (change,) = ForceDeployment().plan(ctx, ForceParams(after_failure=True))  # on another database
            return change
        edits = [{"path": f"variable:{ctx.stack.ecs.container}:{name}", "value": str(wanted.host)} for name in names]
        where = {
            "cluster": ctx.stack.ecs.cluster,
            "service": ctx.stack.ecs.service,
            "former": revision.arn,
            "edits": edits,
        }
        tasks = len(state.running)
        only = {"only_differs_in": sorted(paths(edits))}
        return Change(
            step=ctx.step_id,
            action=ChangeTaskDefinition.name,
            operation="ecs:RegisterTaskDefinition",
            parameters=where,
            resource=ctx.stack.service_ref,
            precondition={"task_definition": revision.arn},
            undo=Undo(operation="ecs:UpdateService", parameters=where, precondition=only),
            sentence=f"Run {ctx.stack.ecs.service} on a new revision of {revision.short} with {', '.join(names)} "
            f"{wanted.host} instead of {former.host}; all {tasks} running tasks are replaced, {_fate(former)}",
            serves=bool(state.serving),
            touches={"tasks": tasks},
            out_of={"tasks": tasks},
            write_back=f"database in the stack's file and in the task definition: {wanted.id} (was {former.id})",
        )

    def look(self, ctx: StepContext, change: Change) -> Look:
        host = ctx.aws.secrets.database(change.resource).host
        if host == change.parameters["host"]:
            return Look(standing=Standing.ALREADY, detail=f"{change.resource} names {host} already")
        if host != change.parameters["former"]:
            return Look(standing=Standing.DRIFTED, detail=f"{change.resource} names {host}: somebody changed it")
        return Look(standing=Standing.READY, detail=f"{change.resource} names {host}")

    def apply(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:  # noqa: ARG002 - one call
        former, host = change.parameters["former"], change.parameters["host"]
        token = content_hash([ctx.run_id, change.step, change.resource, host])[:32]
        if ctx.aws.secrets.point_at(change.resource, former, host, token):
            return Done(detail=f"{change.resource} names {host}")
        if ctx.aws.secrets.database(change.resource).host == host:
            return Unchanged(detail=f"{change.resource} names {host} already")
        raise StepFailed(ctx.step_id, f"{change.resource} names neither {former} nor {host} any more")


def _both(ctx: StepContext, params: SwapParams) -> tuple[Model, Placed, Creation]:
    """The database in use and the restored one. Only what Steward restored, to stay, may take its place."""
    database, cluster = made.database_of(ctx)
    name = params.cluster if cluster else params.instance
    former = model_of(ctx)
    wanted = ctx.aws.rds_restores.find(name, cluster=cluster) if name else None
    if former is None or former.host is None:
        why = f"{database}, the database in use, is gone, and no backup of Steward's has recorded its address"
        raise StepRefused(f"{why}: point MLflow at the restored one by hand")
    if wanted is None or wanted.host is None or wanted.status != "available":
        raise StepRefused(f"{name or 'what was to be swapped in'} is not there or not available")
    kind = MadeKind.CLUSTER if cluster else MadeKind.INSTANCE
    record = ctx.history.creation(ctx.stack.stack, kind, wanted.id)
    if record is None or not made.is_of_stack(ctx, wanted.tags):
        raise StepRefused(f"{wanted.id} was not restored by Steward for {ctx.stack.stack}", rule="S16")
    if record.delete_after is not None:
        raise StepRefused(f"{wanted.id} was restored to be thrown away, and would be")
    if wanted.public and not former.placement.public:
        raise StepRefused(f"{wanted.id} is public, and {former.id} is not", rule="S20")
    if set(wanted.security_groups) - set(former.placement.security_groups):
        raise StepRefused(f"{wanted.id} has security groups that {former.id} has not", rule="S20")
    secret = managed_secret(ctx)
    if secret is not None:
        raise StepRefused(f"{why_not_in_use(secret, former.id)}. By hand: {by_hand(wanted)}")
    return former, wanted, record


def _let_in(ctx: StepContext, wanted: Placed) -> str:
    """What whoever approves must know where nobody could see it log in. Refused where it was seen that it cannot."""
    held = try_login(ctx, str(wanted.host), wanted.port)
    if held.refuses_login:
        remedy = "let rds.set_password run, or give its user the secret's password in the database itself"
        raise StepRefused(f"{why_refused(ctx, wanted.id)}; MLflow would not start on it: {remedy}")
    if held.answers:
        return ""
    why = held.skipped or f"it answers: {held.detail}"
    tried = "not tried" if held.skipped else "tried in vain"
    return f"; its login was {tried}, so that MLflow may not start on it ({why})"


def _fate(former: Model) -> str:
    return f"{former.id} is gone" if former.is_gone else f"{former.id} is kept"


def _variables(revision: Revision, container: str, host: str) -> list[str]:
    """Plain variables that are the host and nothing else: an address is no secret (S29)."""
    found: dict[str, Any] = next(
        (each for each in revision.content["containerDefinitions"] if each["name"] == container), {}
    )
    return sorted(each["name"] for each in found.get("environment", []) if each.get("value") == host)
