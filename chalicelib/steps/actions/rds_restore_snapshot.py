"""rds.restore_snapshot: a snapshot into a new instance or cluster, beside the one in use. Nothing is replaced."""

from datetime import timedelta
from typing import Any

from pydantic import Field

from chalicelib.aws.rds_restores import Placed
from chalicelib.aws.rds_snapshots import Snapshot, tag_list
from chalicelib.errors import AwsError, StepFailed, StepRefused
from chalicelib.models.change import Change, ChangeProgress, HowFar
from chalicelib.models.history import MadeKind
from chalicelib.models.words import Duration, Risk
from chalicelib.steps import made, restored_settings
from chalicelib.steps.key_permissions import USE_DATABASE_KEY
from chalicelib.steps.managed_secret import managed_secret, why_not_in_use
from chalicelib.steps.placement import Model, model_of
from chalicelib.steps.rds_permissions import LIST_SNAPSHOTS, RESTORE
from chalicelib.steps.snapshot_choice import NEWEST, choose
from chalicelib.steps.snapshot_course import nothing_was_made
from chalicelib.steps.step import Action, ActionOutput, Applied, Done, Look, Params, Pending, Standing, StepContext

CHECK_AFTER_S = 30
DELETE_AFTER_S = 6 * 3600
_BROKEN = ("incompatible-", "restore-error", "failed", "inaccessible-")
_CLUSTER, _INSTANCE, _MEMBER = (
    "rds:RestoreDBClusterFromSnapshot",
    "rds:RestoreDBInstanceFromDBSnapshot",
    "rds:CreateDBInstance",
)
_TAKEN = ("DBInstanceAlreadyExists", "DBClusterAlreadyExists")


class RestoreParams(Params):
    snapshot: str = Field(default=NEWEST, max_length=255)
    """`newest` is the newest good one of Steward's; or an identifier, also of an automated one."""
    throw_away: bool = False
    """To be deleted again: not protected, one zone only, tagged with the time from which any run may sweep it."""
    delete_after: Duration = Field(default=DELETE_AFTER_S, ge=600)
    instance_class: str | None = Field(default=None, pattern=r"^db\.[a-z0-9.-]+$")
    """Without it, the database's own."""


class RestoreOutput(ActionOutput):
    instance: str | None = None
    cluster: str | None = None
    host: str | None = None
    port: int | None = None
    snapshot: str | None = None
    taken_at: str | None = None
    """The recovery point: nothing written after it is there."""
    ordered_at: str | None = None
    """When the restore was ordered: from then on the recovery time counts."""


class RestoreSnapshot(Action[RestoreParams]):
    """Restore a snapshot into a new instance in the database's own network; the one in use is not touched.

    ```yaml
    - id: restore
      do: rds.restore_snapshot
      with: {snapshot: newest, throwAway: true}
      timeout: 6h
    ```
    """

    name = "rds.restore_snapshot"
    Params = RestoreParams
    Output = RestoreOutput
    permissions = (*LIST_SNAPSHOTS, *RESTORE, *USE_DATABASE_KEY)
    risk = Risk.MEDIUM
    reversible = False
    interruptible = True

    def plan(self, ctx: StepContext, params: RestoreParams) -> tuple[Change, ...]:
        snapshot = choose(ctx, params.snapshot)
        model = _model(ctx)
        name = made.name_of(ctx, ctx.step_id)
        first = self._change(ctx, snapshot, _asked(ctx, params, snapshot, model, name), params, model)
        has_member = snapshot.cluster and restored_settings.is_aurora(snapshot)
        return (first, self._member(ctx, params, snapshot, name, model)) if has_member else (first,)

    def _change(
        self, ctx: StepContext, snapshot: Snapshot, asked: dict[str, Any], params: RestoreParams, model: Model
    ) -> Change:
        name = asked["DBClusterIdentifier" if snapshot.cluster else "DBInstanceIdentifier"]
        return Change(
            step=ctx.step_id,
            action=self.name,
            operation=_CLUSTER if snapshot.cluster else _INSTANCE,
            parameters=asked,
            resource=snapshot.source,
            precondition=_memory(params, snapshot),
            sentence=_said(snapshot, asked, params, model, name) + _swapped_by_hand(ctx, params, model),
        )

    def _member(
        self, ctx: StepContext, params: RestoreParams, snapshot: Snapshot, cluster: str, model: Model
    ) -> Change:
        name, like = made.name_of(ctx, ctx.step_id, "-1"), model.placement
        size = params.instance_class or like.instance_class
        if size is None:
            why = f"nothing says of which class the instances of {model.id} are"
            raise StepRefused(f"{why}: give it an instance, or write instanceClass into the step")
        asked = restored_settings.of_member(like, snapshot, name, cluster, size)
        return Change(
            step=ctx.step_id,
            action=self.name,
            operation=_MEMBER,
            parameters=asked | {"Tags": tag_list(made.tags_for(ctx))},
            resource=snapshot.source,
            precondition=_memory(params, snapshot),
            sentence=f"Give the restored cluster {cluster} its instance {name}, "
            f"a {restored_settings.member_said(like, size)}",
        )

    def look(self, ctx: StepContext, change: Change) -> Look:
        found = ctx.aws.rds_restores.find(_name(ctx, change), cluster=change.operation == _CLUSTER)
        if found is None:
            return Look(
                standing=Standing.READY, detail="it is not there yet", before={"ordered_at": ctx.now.isoformat()}
            )
        if made.is_of_this_step(ctx, found.tags, change.step):
            return Look(standing=Standing.READY, detail=f"an earlier attempt began {found.id}")
        return Look(standing=Standing.DRIFTED, detail=f"somebody else has an instance named {found.id}")

    def apply(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:
        name, cluster = _name(ctx, change), change.operation == _CLUSTER
        found = ctx.aws.rds_restores.find(name, cluster=cluster)
        if found is None:
            return self._begin(ctx, change, name)
        if found.status.startswith(_BROKEN):
            raise StepFailed(ctx.step_id, f"the restored {name} is {found.status}")
        if found.status != "available":
            return _on_its_way(ctx, progress, found)
        return _done(change, progress, found)

    def _begin(self, ctx: StepContext, change: Change, name: str) -> Pending:
        kind = MadeKind.CLUSTER if change.operation == _CLUSTER else MadeKind.INSTANCE
        after = change.precondition.get("delete_after")
        until = ctx.now + timedelta(seconds=int(after)) if after else None
        known = made.record(ctx, kind, name, change.step, delete_after=until)
        asked = _sent(ctx, change, until=known.delete_after.isoformat() if known.delete_after else None)
        send = {
            _CLUSTER: ctx.aws.rds_restores.restore_cluster,
            _INSTANCE: ctx.aws.rds_restores.restore_instance,
            _MEMBER: ctx.aws.rds_restores.add_instance,
        }[change.operation]
        try:
            send(asked)
        except AwsError as error:
            if error.code.startswith(_TAKEN):
                return Pending(check_after_s=1, detail=f"{name} is there already")
            if nothing_was_made(error):
                ctx.history.mark_gone(ctx.stack.stack, kind, name, ctx.now)
            raise
        return Pending(check_after_s=CHECK_AFTER_S, detail=f"restoring into {name}")

    def abandon(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> str:  # noqa: ARG002 - its own words
        what = "is deleted as what is thrown away" if change.precondition.get("delete_after") else "stays as it is"
        return f"{_name(ctx, change)} was being restored and {what}"


def _model(ctx: StepContext) -> Model:
    model = model_of(ctx)
    if model is None:
        database, cluster = made.database_of(ctx)
        why = f"{database} is gone, and no backup of Steward's has recorded into which network to restore"
        what = "cluster" if cluster else "instance"
        raise StepRefused(
            f"{why}: create an {what} of that name in its network, of whatever size, and start this again"
        )
    return model


def _asked(ctx: StepContext, params: RestoreParams, snapshot: Snapshot, model: Model, name: str) -> dict[str, Any]:
    """As the database in use is set up, or was; never public (S16, S20)."""
    like = model.placement
    groups = _own_groups(ctx, model) if params.throw_away else like.security_groups
    common: dict[str, Any] = {
        "DBSubnetGroupName": like.subnet_group,
        "VpcSecurityGroupIds": list(groups),
        "DeletionProtection": not params.throw_away,
        "Tags": tag_list(made.tags_for(ctx)),
    }
    if snapshot.cluster:
        asked = restored_settings.of_cluster(like, snapshot, name, params.instance_class)
    else:
        asked = restored_settings.of_instance(like, snapshot, name, params.instance_class, one_zone=params.throw_away)
    return {key: value for key, value in {**asked, **common}.items() if value is not None}


def _own_groups(ctx: StepContext, model: Model) -> tuple[str, ...]:
    """A throw-away copy of production's data is reached by whoever proves it, and by none of production's (S16)."""
    own = ctx.stack.backup.restore_security_groups
    why = "the stack names no security group of its own for throw-away instances"
    if not own:
        remedy = "make one that lets in only where the function `reach` stands"
        raise StepRefused(f"{why}: {remedy}, and write it as backup.restoreSecurityGroups", rule="S16")
    shared = sorted({*own} & {*model.placement.security_groups})
    if shared:
        why = f"backup.restoreSecurityGroups names {', '.join(shared)}, which {model.id} has too"
        raise StepRefused(f"{why}: a throw-away instance has groups of its own", rule="S16")
    return own


def _said(snapshot: Snapshot, asked: dict[str, Any], params: RestoreParams, model: Model, name: str) -> str:
    taken = f"{snapshot.taken_at:%Y-%m-%d %H:%M} UTC" if snapshot.taken_at else "an unknown time"
    like = model.placement
    is_aurora = snapshot.cluster and restored_settings.is_aurora(snapshot)
    size = "" if is_aurora else f" ({restored_settings.size_said(like, asked)})"
    said = f"Restore snapshot {snapshot.id} into the new {name}{size}{restored_settings.scaling_said(asked)}"
    said += f", which lacks everything written after {taken}"  # S19
    said += f"; it is {restored_settings.key_said(snapshot)}"
    said += f"; {model.id} is gone, so it is set up as was recorded with a backup" if model.is_gone else ""
    then = f"; it is deleted again, within {params.delete_after // 3600} h at the latest"
    return said + (then if params.throw_away else "")


def _swapped_by_hand(ctx: StepContext, params: RestoreParams, model: Model) -> str:
    """Said before hours are spent on it."""
    secret = managed_secret(ctx)
    if secret is None or params.throw_away:
        return ""
    return f"; putting it in use is then a person's work, who is told the steps: {why_not_in_use(secret, model.id)}"


def _memory(params: RestoreParams, snapshot: Snapshot) -> dict[str, Any]:
    return {
        "snapshot": snapshot.id,
        "taken_at": snapshot.taken_at.isoformat() if snapshot.taken_at else None,
        "delete_after": params.delete_after if params.throw_away else None,
    }


def _name(ctx: StepContext, change: Change) -> str:
    key = "DBClusterIdentifier" if change.operation == _CLUSTER else "DBInstanceIdentifier"
    return made.instance_named(change.parameters[key], ctx.run_id)


def _sent(ctx: StepContext, change: Change, until: str | None) -> dict[str, Any]:
    tags = made.tags_said(made.tags_for(ctx), ctx.run_id) | ({made.DELETE_AFTER_TAG: until} if until else {})
    names = ("DBInstanceIdentifier", "DBClusterIdentifier")
    named = {key: made.instance_named(change.parameters[key], ctx.run_id) for key in names if key in change.parameters}
    return {**change.parameters, **named, "Tags": tag_list(tags)}


def _on_its_way(ctx: StepContext, progress: ChangeProgress, found: Placed) -> Pending:
    """Percent where RDS tells them; else how long it has taken, since of an instance it tells nothing."""
    took = (ctx.now - (progress.started_at or ctx.now)).total_seconds()
    far = HowFar(done=int(took), unit="seconds")
    if found.percent is not None:
        rate = round(found.percent / took, 4) if took > 0 else 0.0
        far = HowFar(done=found.percent, total=100, unit="percent", rate_per_s=rate or None)
    return Pending(check_after_s=CHECK_AFTER_S, detail=f"{found.id} is {found.status}: {far}", how_far=far)


def _done(change: Change, progress: ChangeProgress, found: Placed) -> Done:
    facts = {
        "host": found.host,
        "port": found.port,
        "snapshot": change.precondition["snapshot"],
        "taken_at": change.precondition["taken_at"],
        "ordered_at": progress.before.get("ordered_at"),
    }
    if change.operation == _MEMBER:  # a cluster is reached at its own address
        return Done(detail=f"{found.id} is available", facts={"instance": found.id})
    kind = "cluster" if found.cluster else "instance"
    return Done(detail=f"{found.id} is available at {found.host}", facts={**facts, kind: found.id})
