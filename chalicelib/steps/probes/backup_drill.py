"""backup.drill: what this run's restore drill proved, and whether anything that it made is still there (S5, S16)."""

from chalicelib.models.history import Creation, MadeKind
from chalicelib.steps import made
from chalicelib.steps.backup_permissions import LIST_SOURCE
from chalicelib.steps.rds_permissions import READ_RESTORED
from chalicelib.steps.step import NoParams, Output, Probe, StepContext

THROW_AWAY = (MadeKind.INSTANCE, MadeKind.CLUSTER, MadeKind.SIDE_COPY)

DELETES = ("rds:DeleteDBInstance", "rds:DeleteDBCluster", "s3:DeleteObject")


class DrillOutput(Output):
    recorded: bool
    proven: bool | None = None
    """None: nothing could be compared, for reasons of Steward's own."""
    detail: str = ""
    recovery_time_s: int | None = None
    recovery_point_s: int | None = None
    made: tuple[str, ...] = ()
    """Everything that this run made to be thrown away."""
    still_there: tuple[str, ...] = ()
    """Of these and of whatever carries this run's tag: each asked for by its name, or found by its tag."""
    unrecorded: tuple[str, ...] = ()
    """Gone, and not marked as gone."""
    cleared: tuple[str, ...] = ()
    """What this run was to delete, whoever made it."""
    overdue: tuple[str, ...] = ()
    """Of the whole stack: what should be gone by now, and is there or not known to be gone."""


class DescribeDrill(Probe[NoParams, DrillOutput]):
    """What this run's restore drill has proven, and what it left behind, asked for by name.

    ```yaml
    - id: drill
      do: backup.drill
    ```
    """

    name = "backup.drill"
    Params = NoParams
    Output = DrillOutput
    permissions = (*READ_RESTORED, LIST_SOURCE)

    def read(self, ctx: StepContext, params: NoParams) -> DrillOutput:  # noqa: ARG002 - it has none
        drill = next((one for one in ctx.history.drills(ctx.stack.stack) if one.run_id == ctx.run_id), None)
        records = thrown_away_by(ctx)
        there = {one.id for one in records if _is_there(ctx, one)} | _tagged(ctx, records)
        return DrillOutput(
            recorded=drill is not None,
            proven=None if drill and drill.blind else drill.proven if drill else None,
            detail=drill.detail if drill else "",
            recovery_time_s=drill.recovery_time_s if drill else None,
            recovery_point_s=drill.recovery_point_s if drill else None,
            made=tuple(one.id for one in records),
            still_there=tuple(sorted(there)),
            unrecorded=tuple(one.id for one in records if one.gone_at is None and one.id not in there),
            cleared=_cleared(ctx),
            overdue=_overdue(ctx),
        )


def thrown_away_by(ctx: StepContext) -> tuple[Creation, ...]:
    return tuple(one for one in _all_of(ctx) if one.run_id == ctx.run_id and one.delete_after is not None)


def _all_of(ctx: StepContext) -> tuple[Creation, ...]:
    return tuple(one for kind in THROW_AWAY for one in ctx.history.creations(ctx.stack.stack, kind, gone=True))


def _cleared(ctx: StepContext) -> tuple[str, ...]:
    return tuple(change.resource.partition("://")[2] or change.resource for change, _ in ctx.made() if
                 change.operation in DELETES)  # fmt: skip


def _overdue(ctx: StepContext) -> tuple[str, ...]:
    """What is marked as gone since this run began is asked for once more (S5)."""
    since = min((progress.started_at for _, progress in ctx.made() if progress.started_at), default=ctx.now)
    due = (one for one in _all_of(ctx) if one.delete_after is not None and one.delete_after <= ctx.now)
    return tuple(one.id for one in due if one.gone_at is None or (one.gone_at >= since and _is_there(ctx, one)))


def _is_there(ctx: StepContext, one: Creation) -> bool:
    if one.kind is MadeKind.SIDE_COPY:
        artifacts = ctx.stack.artifacts
        return artifacts is not None and any(True for _ in ctx.aws.s3.many().list(artifacts.bucket, one.id))
    return ctx.aws.rds_restores.find(one.id, cluster=one.kind is MadeKind.CLUSTER) is not None


def _tagged(ctx: StepContext, records: tuple[Creation, ...]) -> set[str]:
    """Also what no record knows of, where this run restored a database at all."""
    if not any(one.kind in {MadeKind.INSTANCE, MadeKind.CLUSTER} for one in records):
        return set()
    gateway = ctx.aws.rds_restores
    found = (one for cluster in (False, True) for one in gateway.tagged(made.RUN_TAG, ctx.run_id, cluster=cluster))
    return {one.id for one in found}
