"""rds.list_copies: which copies of the stack's snapshots stand in the other region, and which of them are good."""

from chalicelib.aws.rds_snapshots import AVAILABLE, MANUAL
from chalicelib.models.history import BackupKind
from chalicelib.steps import made
from chalicelib.steps.rds_permissions import LIST_SNAPSHOTS_OFFSITE
from chalicelib.steps.step import NoParams, Output, Probe, StepContext


class CopiesOutput(Output):
    applicable: bool
    """False: the stack names no database, or no other region."""
    region: str | None = None
    copies: int = 0
    newest_good: str | None = None
    newest_good_at: str | None = None
    newest_good_age_s: int | None = None
    of_this_run: tuple[str, ...] = ()
    of_this_run_good: tuple[str, ...] = ()


class ListCopies(Probe[NoParams, CopiesOutput]):
    """The copies of this stack's snapshots in its `backup.offsite` region, and how old the newest good one is.

    ```yaml
    - id: copies
      do: rds.list_copies
    ```
    """

    name = "rds.list_copies"
    Params = NoParams
    Output = CopiesOutput
    permissions = LIST_SNAPSHOTS_OFFSITE

    def read(self, ctx: StepContext, params: NoParams) -> CopiesOutput:  # noqa: ARG002 - it has none
        database, offsite = ctx.stack.database, ctx.stack.backup.offsite
        region = offsite.region if offsite else None
        if region is None or database is None or not (database.cluster or database.instance):
            return CopiesOutput(applicable=False)
        name, cluster = made.database_of(ctx)
        stack, kind = ctx.stack.stack, made.snapshot_kind(cluster=cluster)
        records = {one.id: one for one in ctx.history.creations(stack, kind) if one.region == region}
        backups = {one.id: one for one in ctx.history.backups(stack, BackupKind.DATABASE)}
        listed = ctx.aws.in_region(region).rds_snapshots.of_database(name, cluster=cluster, kind=MANUAL)
        mine = {one.id: one for one in listed if made.is_ours(ctx, one, records.get(one.id))}
        standing = [backups[n] for n, one in mine.items() if one.status == AVAILABLE and n in backups]
        good = [one for one in standing if one.is_good]
        newest = max(good, key=lambda one: (one.as_of, one.id), default=None)
        of_run = tuple(sorted(one.id for one in records.values() if one.run_id == ctx.run_id))
        return CopiesOutput(
            applicable=True,
            region=region,
            copies=len(mine),
            newest_good=newest.id if newest else None,
            newest_good_at=newest.as_of.isoformat() if newest else None,
            newest_good_age_s=int((ctx.now - newest.as_of).total_seconds()) if newest else None,
            of_this_run=of_run,
            of_this_run_good=tuple(one.id for one in good if one.id in of_run),
        )
