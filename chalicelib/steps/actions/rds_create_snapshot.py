"""rds.create_snapshot: a snapshot of the stack's instance or Aurora cluster, followed until it is good."""

from pydantic import Field

from chalicelib.aws.rds_snapshots import Snapshot, tag_list
from chalicelib.errors import AwsError, StepFailed, StepRefused
from chalicelib.models.change import Change, ChangeProgress
from chalicelib.models.history import Backup, BackupKind
from chalicelib.models.words import Duration, Risk
from chalicelib.steps import made
from chalicelib.steps.database_facts import READ_DATABASE, read_held, why_suspect
from chalicelib.steps.key_permissions import USE_DATABASE_KEY
from chalicelib.steps.placement import READ_WRITER, placement_for_backup
from chalicelib.steps.rds_permissions import CREATE_SNAPSHOT, LIST_SNAPSHOTS, READ_QUOTAS
from chalicelib.steps.snapshot_course import STALLED_AFTER_S, nothing_was_made, still_under_way, why_not_begun
from chalicelib.steps.step import Action, ActionOutput, Applied, Done, Look, Params, Pending, Standing, StepContext

_NEVER = {"stopped", "stopping", "deleting", "failed", "inaccessible-encryption-credentials", "restore-error"}
_ALREADY_THERE = {"DBSnapshotAlreadyExists", "DBClusterSnapshotAlreadyExistsFault"}


class SnapshotParams(Params):
    stalled_after: Duration = Field(default=STALLED_AFTER_S, ge=60)
    """Give up on one that has not come a percent further for so long."""


class SnapshotOutput(ActionOutput):
    snapshot: str | None = None
    arn: str | None = None
    taken_at: str | None = None
    """The recovery point."""
    engine_version: str | None = None


class CreateSnapshot(Action[SnapshotParams]):
    """Take a snapshot of the stack's database, tagged as Steward's own, and wait until it is available.

    ```yaml
    - id: snapshot
      do: rds.create_snapshot
      timeout: 6h
    ```
    """

    name = "rds.create_snapshot"
    Params = SnapshotParams
    Output = SnapshotOutput
    permissions = (*READ_DATABASE, READ_WRITER, *LIST_SNAPSHOTS, READ_QUOTAS, *CREATE_SNAPSHOT, *USE_DATABASE_KEY)
    risk = Risk.LOW
    reversible = False

    def plan(self, ctx: StepContext, params: SnapshotParams) -> tuple[Change, ...]:
        database, cluster = made.database_of(ctx)
        status, engine, gib = _standing(ctx, database, cluster=cluster)
        if status in _NEVER or status.startswith("incompatible-"):
            raise StepRefused(f"{database} is {status}: RDS takes no snapshot of it; start or mend it first")
        _refuse_without_room(ctx, cluster=cluster)
        name = made.name_of(ctx, ctx.step_id)
        kind = "Cluster" if cluster else ""
        source = {"DBClusterIdentifier" if cluster else "DBInstanceIdentifier": database}
        change = Change(
            step=ctx.step_id,
            action=self.name,
            operation=f"rds:CreateDB{kind}Snapshot",
            parameters={f"DB{kind}SnapshotIdentifier": name, **source, "Tags": tag_list(made.tags_for(ctx))},
            resource=database,
            precondition={"engine": engine, "allocated_gib": gib, "stalled_after": params.stalled_after},
            sentence=f"Take snapshot {name} of {database} ({engine}{f', {gib} GiB' if gib else ''})",
        )
        return (change,)

    def look(self, ctx: StepContext, change: Change) -> Look:
        found = ctx.aws.rds_snapshots.find(_name(ctx, change), cluster=_is_cluster(change))
        if found is None:
            return Look(standing=Standing.READY, detail="there is no such snapshot yet")
        if made.is_of_this_step(ctx, found.tags, change.step):
            return Look(standing=Standing.READY, detail=f"an earlier attempt began {found.id}")
        return Look(standing=Standing.DRIFTED, detail=f"somebody else has made a snapshot named {found.id}")

    def apply(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:
        cluster, name = _is_cluster(change), _name(ctx, change)
        found = ctx.aws.rds_snapshots.find(name, cluster=cluster)
        if found is None:
            return self._begin(ctx, change, name)
        pending = still_under_way(
            ctx, found, progress, stalled_after_s=int(change.precondition.get("stalled_after", STALLED_AFTER_S))
        )
        return pending or _proven(ctx, change, found, dict(progress.checkpoint.get("rows", {})))

    def _begin(self, ctx: StepContext, change: Change, name: str) -> Pending:
        cluster, kind = _is_cluster(change), made.snapshot_kind(cluster=_is_cluster(change))
        made.record(ctx, kind, name, change.step)
        try:
            tags = made.tags_said(made.tags_for(ctx), ctx.run_id)
            began = ctx.aws.rds_snapshots.create(name, change.resource, tags, cluster=cluster)
        except AwsError as error:
            if error.code in _ALREADY_THERE:
                return Pending(check_after_s=1, detail=f"{name} is there already")
            return self._not_begun(ctx, error, name, cluster=cluster)
        rows = read_held(ctx).rows  # as close to the recovery point as can be; empty where nobody can log in
        return Pending(check_after_s=10, detail=f"snapshot {began.id} is {began.status}", checkpoint={"rows": rows})

    def _not_begun(self, ctx: StepContext, error: AwsError, name: str, *, cluster: bool) -> Pending:
        why = why_not_begun(ctx, error)
        if isinstance(why, Pending):
            return why
        if nothing_was_made(error):
            ctx.history.mark_gone(ctx.stack.stack, made.snapshot_kind(cluster=cluster), name, ctx.now)
        raise (why or error) from error


def _standing(ctx: StepContext, database: str, *, cluster: bool) -> tuple[str, str, int]:
    """Status, engine and size; Aurora's storage has no size to speak of."""
    if cluster:
        one = ctx.aws.rds.cluster(database)
        return one.status, f"{one.engine} {one.engine_version}", 0
    instance = ctx.aws.rds.instance(database)
    return instance.status, f"{instance.engine} {instance.engine_version}", instance.allocated_gib


def _refuse_without_room(ctx: StepContext, *, cluster: bool) -> None:
    """Asked before anything is begun: RDS would say it only after the run has started to act."""
    room = ctx.aws.rds_snapshots.room(cluster=cluster)
    if room and room[0] >= room[1] > 0:
        why = f"the account has {room[0]} of {room[1]} manual snapshots in {ctx.stack.region} (SnapshotQuotaExceeded)"
        raise StepRefused(f"{why}; run prune-snapshots, or raise the quota")


def _proven(ctx: StepContext, change: Change, found: Snapshot, rows: dict[str, int]) -> Done:
    """`available` is RDS's word; good is what is of this database, in its engine and whole (S18)."""
    engine, gib = f"{found.engine} {found.engine_version}", int(change.precondition.get("allocated_gib", 0))
    wrong = [] if found.source == change.resource else [f"it is of {found.source}"]
    wrong += [] if _family(engine) == _family(change.precondition["engine"]) else [f"its engine is {engine}"]
    wrong += [] if found.cluster or found.allocated_gib >= gib else [f"it holds {found.allocated_gib} of {gib} GiB"]
    if wrong or found.taken_at is None:
        why = "; ".join(wrong) or "RDS does not say of when it is"
        raise StepFailed(ctx.step_id, f"snapshot {found.id} is available, but not as expected: {why}")
    backup = Backup(
        stack=ctx.stack.stack, kind=BackupKind.DATABASE, id=found.id, run_id=ctx.run_id, as_of=found.taken_at,
        verified_at=ctx.now, ref=found.arn, bytes=found.allocated_gib * 1024**3, rows=rows,
        suspect=why_suspect(_rows_before(ctx, found), rows), placement=placement_for_backup(ctx),
    )  # fmt: skip
    backup = ctx.history.record_backup(backup)
    if backup.suspect:
        ctx.history.suspect(ctx.stack.stack, backup.suspect, ctx.run_id, ctx.now)
    facts = {
        "snapshot": found.id,
        "arn": found.arn,
        "taken_at": found.taken_at.isoformat(),
        "engine_version": found.engine_version,
    }
    doubt = f", but in doubt: the database {backup.suspect} (S18)" if backup.suspect else ""
    return Done(detail=f"snapshot {found.id} of {found.taken_at:%Y-%m-%d %H:%M} UTC is available{doubt}", facts=facts)


def _rows_before(ctx: StepContext, found: Snapshot) -> dict[str, int]:
    """Of the newest backup that is believed: good, or doubted until a person said that all is well."""
    last = ctx.history.last_suspicion(ctx.stack.stack)
    cleared = last.cleared_at if last and not last.stands else None
    for one in ctx.history.backups(ctx.stack.stack, BackupKind.DATABASE, gone=True):
        believed = one.suspect is None or (cleared is not None and one.as_of <= cleared)
        if one.id != found.id and one.rows and one.verified_at and believed:
            return one.rows
    return {}


def _family(engine: str) -> str:
    """Without its version: a minor upgrade between plan and snapshot is no reason to doubt it."""
    return engine.partition(" ")[0]


def _is_cluster(change: Change) -> bool:
    return "DBClusterSnapshotIdentifier" in change.parameters


def _name(ctx: StepContext, change: Change) -> str:
    key = "DBClusterSnapshotIdentifier" if _is_cluster(change) else "DBSnapshotIdentifier"
    return made.named(change.parameters[key], ctx.run_id)
