"""rds.delete_restored: deletes the throw-away instances that Steward restored, and sees that they are gone (S16)."""

from typing import Literal

from chalicelib.aws.rds_restores import Placed
from chalicelib.errors import AwsError, StepFailed, StepRefused
from chalicelib.models.change import Change, ChangeProgress
from chalicelib.models.history import Creation, MadeKind
from chalicelib.models.words import Risk
from chalicelib.steps import made
from chalicelib.steps.rds_permissions import DELETE_RESTORED, READ_RESTORED
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
    Unchanged,
)

CHECK_AFTER_S = 30
_NOT_YET = {"InvalidDBInstanceState", "InvalidDBClusterStateFault"}


class DeleteParams(Params):
    which: Literal["this_run", "due"] = "this_run"
    """Those that this run restored, or all of the stack whose time is over, whichever run left them."""


class DeleteRestored(Action[DeleteParams]):
    """Delete the throw-away instances of this run, or all whose time is over, and wait until they are gone.

    ```yaml
    - id: tidy
      do: rds.delete_restored
      timeout: 2h
    ```
    """

    name = "rds.delete_restored"
    Params = DeleteParams
    Output = ActionOutput
    permissions = (*READ_RESTORED, *DELETE_RESTORED)
    risk = Risk.MEDIUM
    reversible = False

    def plan(self, ctx: StepContext, params: DeleteParams) -> tuple[Change, ...]:
        return tuple(self._change(ctx, one) for one in _meant(ctx, params.which))

    def _change(self, ctx: StepContext, one: Creation) -> Change:
        cluster = one.kind is MadeKind.CLUSTER
        asked = {"DBClusterIdentifier": one.id} if cluster else {"DBInstanceIdentifier": one.id}
        options: dict[str, object] = {"SkipFinalSnapshot": True}
        options |= {} if cluster else {"DeleteAutomatedBackups": True}
        found = ctx.aws.rds_restores.find(one.id, cluster=cluster)
        if found is not None:
            refuse_others(ctx, found, one)
        is_member = found is not None and found.of_cluster is not None
        return Change(
            step=ctx.step_id,
            action=self.name,
            operation="rds:DeleteDBCluster" if cluster else "rds:DeleteDBInstance",
            parameters=asked | ({} if is_member else options),
            resource=one.id,
            precondition={"made_by": one.run_id},
            sentence=f"Delete {one.id}, which run {one.run_id} restored to be thrown away",
        )

    def look(self, ctx: StepContext, change: Change) -> Look:
        record, found = _record(ctx, change), _find(ctx, change)
        if found is None:
            return Look(standing=Standing.READY, detail=f"{change.resource} is not there")
        if record is None:
            return Look(standing=Standing.DRIFTED, detail=f"S16: no record says that Steward made {change.resource}")
        refuse_others(ctx, found, record)
        return Look(standing=Standing.READY, detail=f"{found.id} is {found.status}", before={"was_there": True})

    def apply(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:
        found, record = _find(ctx, change), _record(ctx, change)
        if found is None:
            return _gone(ctx, change, progress)
        if record is None:
            raise StepFailed(ctx.step_id, f"S16: there is no record that Steward made {change.resource}")
        refuse_others(ctx, found, record)
        if found.status == "deleting":
            return Pending(check_after_s=CHECK_AFTER_S, detail=f"{found.id} is deleting", checkpoint={"deleted": True})
        gateway = ctx.aws.rds_restores
        try:
            if found.cluster:
                gateway.delete_cluster(found.id)
            elif found.of_cluster:
                gateway.delete_member(found.id)
            else:
                gateway.delete_instance(found.id)
        except AwsError as error:
            if error.code in _NOT_YET:  # coming up, or its instances are still going
                return Pending(check_after_s=CHECK_AFTER_S, detail=f"{found.id} is {found.status}: {error.message}")
            raise
        return Pending(check_after_s=CHECK_AFTER_S, detail=f"{found.id} is going", checkpoint={"deleted": True})


def _meant(ctx: StepContext, which: str) -> tuple[Creation, ...]:
    """Instances before their clusters. What was restored to stay has no time to be deleted, and is never meant."""
    kinds = (MadeKind.INSTANCE, MadeKind.CLUSTER)
    records = [one for kind in kinds for one in ctx.history.creations(ctx.stack.stack, kind) if one.delete_after]
    if which == "this_run":
        return tuple(one for one in records if one.run_id == ctx.run_id)
    return tuple(one for one in records if one.delete_after and one.delete_after <= ctx.now)


def refuse_others(ctx: StepContext, found: Placed, record: Creation) -> None:
    database = ctx.stack.database
    in_use = {database.instance, database.cluster} if database else set()
    if found.id in in_use:
        raise StepRefused(f"{found.id} is the database that the stack uses", rule="S16")
    if found.tags.get(made.STACK_TAG) != ctx.stack.stack or found.tags.get(made.RUN_TAG) != record.run_id:
        raise StepRefused(f"{found.id} does not carry the tags that Steward gives when it makes one", rule="S16")
    if record.delete_after is None or made.is_held(found.tags):
        raise StepRefused(f"{found.id} was not made to be thrown away", rule="S16")
    if found.protected:
        raise StepRefused(f"somebody has protected {found.id} from deletion, so it stays", rule="S16")


def _find(ctx: StepContext, change: Change) -> Placed | None:
    return ctx.aws.rds_restores.find(change.resource, cluster=_is_cluster(change))


def _record(ctx: StepContext, change: Change) -> Creation | None:
    return ctx.history.creation(ctx.stack.stack, _kind(change), change.resource)


def _kind(change: Change) -> MadeKind:
    return MadeKind.CLUSTER if _is_cluster(change) else MadeKind.INSTANCE


def _is_cluster(change: Change) -> bool:
    return change.operation == "rds:DeleteDBCluster"


def _gone(ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:
    ctx.history.mark_gone(ctx.stack.stack, _kind(change), change.resource, ctx.now)
    # After a crash nothing else tells that an earlier attempt had already asked for it to be deleted.
    if progress.checkpoint.get("deleted") or progress.before.get("was_there"):
        return Done(detail=f"{change.resource} is gone")
    return Unchanged(detail=f"{change.resource} was not there")
