"""rds.list_snapshots: which snapshots of the database there are, whose they are, and which is the newest good one."""

from datetime import datetime

from chalicelib.aws.rds_snapshots import AVAILABLE, MANUAL, Snapshot
from chalicelib.models.history import Backup, BackupKind, Creation
from chalicelib.models.shape import Shape
from chalicelib.steps import made
from chalicelib.steps.rds_permissions import LIST_SNAPSHOTS
from chalicelib.steps.snapshot_choice import is_here
from chalicelib.steps.step import NoParams, Output, Probe, StepContext

_MOST = 25


class SnapshotFacts(Shape):
    id: str
    whose: str
    """steward, automated (RDS's own), awsbackup, or other: somebody took it by hand."""
    status: str
    taken_at: str | None
    good: bool
    """Verified by Steward and not doubted. RDS's own and AWS Backup's count as good when available."""
    held: bool
    """Under a legal hold."""


class SnapshotsOutput(Output):
    applicable: bool
    """False: the stack names no database on RDS."""
    database: str | None = None
    total: int = 0
    steward: int = 0
    automated: int = 0
    aws_backup: int = 0
    other: int = 0
    failed: int = 0
    newest_good: str | None = None
    """The newest good one of Steward's own."""
    newest_good_at: str | None = None
    newest_good_age_s: int | None = None
    newest_any_at: str | None = None
    """Of whoever's: RDS's automated ones and AWS Backup's too."""
    objective_s: int = 0
    of_this_run: tuple[str, ...] = ()
    """Snapshots that this run began, and those of them that are good."""
    of_this_run_good: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    """Recorded as standing and not there any more: somebody else deleted them."""
    suspicion: str | None = None
    snapshots: tuple[SnapshotFacts, ...] = ()
    """The newest of them; the counts are of all."""


class ListSnapshots(Probe[NoParams, SnapshotsOutput]):
    """Every snapshot of the stack's database: Steward's verified ones, RDS's automated ones and AWS Backup's.

    ```yaml
    - id: snapshots
      do: rds.list_snapshots
    ```
    """

    name = "rds.list_snapshots"
    Params = NoParams
    Output = SnapshotsOutput
    permissions = LIST_SNAPSHOTS

    def read(self, ctx: StepContext, params: NoParams) -> SnapshotsOutput:  # noqa: ARG002 - it has none
        database = ctx.stack.database
        if database is None or not (database.cluster or database.instance):
            return SnapshotsOutput(applicable=False)
        name, cluster = made.database_of(ctx)
        found = list_all(ctx, name, cluster=cluster)
        records = creations_of(ctx, cluster=cluster)
        backups = {one.id: one for one in ctx.history.backups(ctx.stack.stack, BackupKind.DATABASE)}
        return _output(ctx, name, found, records, backups)


def list_all(ctx: StepContext, name: str, *, cluster: bool) -> tuple[Snapshot, ...]:
    """AWS Backup's are asked for by name: RDS leaves them out of an answer to "all"."""
    gateway = ctx.aws.rds_snapshots
    usual = gateway.of_database(name, cluster=cluster)
    known = {one.id for one in usual}
    more = gateway.of_database(name, cluster=cluster, kind="awsbackup")
    return (*usual, *(one for one in more if one.id not in known))


def creations_of(ctx: StepContext, *, cluster: bool) -> dict[str, Creation]:
    """Of this region; copies elsewhere have records of their own."""
    kind = made.snapshot_kind(cluster=cluster)
    return {one.id: one for one in ctx.history.creations(ctx.stack.stack, kind) if one.region is None}


def _output(
    ctx: StepContext,
    database: str,
    found: tuple[Snapshot, ...],
    records: dict[str, Creation],
    backups: dict[str, Backup],
) -> SnapshotsOutput:
    there = {one.id for one in found}
    facts = sorted(
        (_facts(ctx, one, records.get(one.id), backups.get(one.id)) for one in found),
        key=lambda one: one.taken_at or "9",
        reverse=True,
    )
    good = next((one for one in facts if one.good and one.whose == "steward"), None)
    good_at = datetime.fromisoformat(good.taken_at) if good and good.taken_at else None
    doubt = ctx.history.suspicion(ctx.stack.stack)
    mine = tuple(sorted(one.id for one in records.values() if one.run_id == ctx.run_id))
    return SnapshotsOutput(
        applicable=True,
        database=database,
        total=len(facts),
        steward=sum(one.whose == "steward" for one in facts),
        automated=sum(one.whose == "automated" for one in facts),
        aws_backup=sum(one.whose == "awsbackup" for one in facts),
        other=sum(one.whose == "other" for one in facts),
        failed=sum(one.status == "failed" for one in facts),
        newest_good=good.id if good else None,
        newest_good_at=good.taken_at if good else None,
        newest_good_age_s=int((ctx.now - good_at).total_seconds()) if good_at else None,
        newest_any_at=next((one.taken_at for one in facts if one.status == AVAILABLE), None),
        objective_s=ctx.stack.backup.objective,
        of_this_run=mine,
        of_this_run_good=tuple(one.id for one in facts if one.good and one.id in mine),
        lost=tuple(sorted(one.id for one in backups.values() if one.id not in there and is_here(ctx, one)))[:_MOST],
        suspicion=doubt.why if doubt else None,
        snapshots=tuple(facts[:_MOST]),
    )


def _facts(ctx: StepContext, one: Snapshot, record: Creation | None, backup: Backup | None) -> SnapshotFacts:
    ours = made.is_ours(ctx, one, record)
    whose = "steward" if ours else one.kind if one.kind != MANUAL else "other"
    trusted = backup is not None and backup.is_good if ours else whose in {"automated", "awsbackup"}
    return SnapshotFacts(
        id=one.id,
        whose=whose,
        status=one.status,
        taken_at=one.taken_at.isoformat() if one.taken_at else None,
        good=trusted and one.status == AVAILABLE,
        held=made.is_held(one.tags),
    )
