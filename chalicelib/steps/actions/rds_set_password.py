"""rds.set_password: a restored database lets the stack's own login in again, after a rotation since its snapshot.

A restore brings back the passwords of the snapshot's moment. The present one goes from Secrets Manager to RDS
in one call: it is in no Change, plan, log or record (S29).
"""

from datetime import datetime, timedelta

from chalicelib.aws.rds_restores import Placed
from chalicelib.errors import StepFailed, StepRefused
from chalicelib.models.change import Change, ChangeProgress
from chalicelib.models.history import MadeKind
from chalicelib.models.step_index import Permission
from chalicelib.models.words import Risk
from chalicelib.steps import made
from chalicelib.steps.database_facts import try_login, why_refused
from chalicelib.steps.rds_permissions import READ_RESTORED, RENEW_LOGIN
from chalicelib.steps.step import Action, ActionOutput, Applied, Done, Look, Params, Pending, Standing, StepContext

CHECK_AFTER_S = 20
WITHIN = timedelta(minutes=10)
_RESETTING = "resetting-master-credentials"
_CLUSTER, _INSTANCE = "rds:ModifyDBCluster", "rds:ModifyDBInstance"


class PasswordParams(Params):
    instance: str | None = None
    cluster: str | None = None
    """As `rds.restore_snapshot` says them; of a cluster both, and the cluster is what counts."""


class SetPassword(Action[PasswordParams]):
    """Give a database that Steward restored the password that the stack's secret has now, if it refuses that.

    ```yaml
    - id: login
      do: rds.set_password
      with: {instance: "${steps.restore.instance}", cluster: "${steps.restore.cluster}"}
      timeout: 15m
    ```
    """

    name = "rds.set_password"
    Params = PasswordParams
    Output = ActionOutput
    permissions = (
        *READ_RESTORED,
        *RENEW_LOGIN,
        Permission(
            action="secretsmanager:GetSecretValue",
            resource="arn:{partition}:secretsmanager:{region}:{account}:secret:{database_secret}-??????",
            why="log in as MLflow does, and the password to set",
        ),
    )
    risk = Risk.MEDIUM
    reversible = False

    def plan(self, ctx: StepContext, params: PasswordParams) -> tuple[Change, ...]:
        secret = ctx.stack.database.secret if ctx.stack.database else None
        _, cluster = made.database_of(ctx)
        name = params.cluster if cluster else params.instance
        found = ctx.aws.rds_restores.find(name, cluster=cluster) if name else None
        if found is None or found.host is None:
            raise StepRefused(f"{name or 'what was restored'} is not there, or has no address yet")
        refuse_others(ctx, found)
        if found.master_secret is not None:
            why = f"RDS keeps the password of {found.id} in {found.master_secret}, and takes none from anybody else"
            raise StepRefused(f"{why}: write that secret into the stack's file as database.secret")
        held = try_login(ctx, found.host, found.port)
        if secret is None or not (held.refuses_login or held.skipped):
            return ()
        user = ctx.aws.secrets.database(secret).login.username
        if user != found.master_user:
            if held.skipped:  # whether it is let in cannot be told from here (S3)
                return ()
            why = f"{why_refused(ctx, found.id)}, and {user} is not its master user ({found.master_user})"
            raise StepRefused(f"{why}: log in as {found.master_user} and give {user} the password that {secret} has")
        why = f"it {'may have' if held.skipped else 'was restored with'} an older one"
        change = Change(
            step=ctx.step_id,
            action=self.name,
            operation=_CLUSTER if cluster else _INSTANCE,
            parameters={"DBClusterIdentifier" if cluster else "DBInstanceIdentifier": found.id, "SecretId": secret},
            resource=found.id,
            precondition={"master_user": user},
            sentence=f"Let {user} into {found.id} with the password that secret {secret} has now: {why}",
        )
        return (change,)

    def look(self, ctx: StepContext, change: Change) -> Look:
        found = _find(ctx, change)
        if found is None:
            return Look(standing=Standing.DRIFTED, detail=f"{change.resource} is gone")
        refuse_others(ctx, found)
        if found.host and try_login(ctx, found.host, found.port).answers:
            return Look(standing=Standing.ALREADY, detail=f"{found.id} lets {change.precondition['master_user']} in")
        return Look(standing=Standing.READY, detail=f"{found.id} is {found.status}")

    def apply(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:
        found = _find(ctx, change)
        if found is None or found.host is None:
            raise StepFailed(ctx.step_id, f"{change.resource} is gone")
        refuse_others(ctx, found)
        asked_at = progress.checkpoint.get("asked_at")
        asked = {"asked_at": asked_at or ctx.now.isoformat()}
        if asked_at is None and found.status != _RESETTING:
            login = ctx.aws.secrets.database(str(change.parameters["SecretId"])).login
            ctx.aws.rds_restores.set_password(found.id, login, cluster=found.cluster)
            return Pending(check_after_s=CHECK_AFTER_S, detail=f"RDS sets it for {found.id}", checkpoint=asked)
        held = try_login(ctx, found.host, found.port)
        if held.answers:
            return Done(detail=f"{found.id} lets {change.precondition['master_user']} in")
        waited = ctx.now - datetime.fromisoformat(asked["asked_at"])
        if held.skipped and found.status != _RESETTING and asked_at and waited >= timedelta(seconds=3 * CHECK_AFTER_S):
            return Done(detail=f"RDS has set it for {found.id}; nobody could try it from here")
        if waited >= WITHIN:
            why = held.detail or held.skipped or found.status
            raise StepFailed(ctx.step_id, f"{found.id} does not let {change.precondition['master_user']} in: {why}")
        return Pending(check_after_s=CHECK_AFTER_S, detail=f"{found.id} is {found.status}", checkpoint=asked)


def _find(ctx: StepContext, change: Change) -> Placed | None:
    return ctx.aws.rds_restores.find(change.resource, cluster=change.operation == _CLUSTER)


def refuse_others(ctx: StepContext, found: Placed) -> None:
    """S16: only what Steward restored; never the database in use, whatever its tags say."""
    kind = MadeKind.CLUSTER if found.cluster else MadeKind.INSTANCE
    record = ctx.history.creation(ctx.stack.stack, kind, found.id)
    database = ctx.stack.database
    in_use = {database.instance, database.cluster} if database else set()
    if found.id in in_use or record is None or not made.is_of_stack(ctx, found.tags):
        raise StepRefused(f"{found.id} was not restored by Steward for {ctx.stack.stack}", rule="S16")
