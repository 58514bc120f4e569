"""Which snapshot is meant: one by name, or the newest good one. Another stack's is refused, however it is named."""

from chalicelib.aws.rds_snapshots import AVAILABLE, Snapshot
from chalicelib.errors import StepRefused
from chalicelib.models.history import Backup, BackupKind
from chalicelib.steps import made
from chalicelib.steps.step import StepContext

NEWEST = "newest"


def is_here(ctx: StepContext, backup: Backup) -> bool:
    """Copies in another region are backups too, and are not found in this one."""
    return backup.ref is None or f":{ctx.stack.region}:" in backup.ref


def newest_good(ctx: StepContext) -> Backup | None:
    backups = ctx.history.backups(ctx.stack.stack, BackupKind.DATABASE)
    return next((one for one in backups if one.is_good and is_here(ctx, one)), None)


def choose(ctx: StepContext, wanted: str) -> Snapshot:
    """Available, of this stack's database; raises StepRefused with the remedy."""
    database, cluster = made.database_of(ctx)
    name = wanted
    if wanted == NEWEST:
        good = newest_good(ctx)
        if good is None:
            why = f"Steward has no good backup of {database}: run snapshot-database, or name a snapshot"
            raise StepRefused(why)
        name = good.id
    found = ctx.aws.rds_snapshots.find(name, cluster=cluster)
    if found is None:
        raise StepRefused(f"there is no snapshot {name} in {ctx.stack.region}: rds.list_snapshots says which there are")
    refuse_foreign(ctx, found, database)
    if found.status != AVAILABLE:
        raise StepRefused(f"snapshot {name} is {found.status}, so it can be neither copied nor restored")
    return found


def refuse_foreign(ctx: StepContext, found: Snapshot, database: str) -> None:
    """Another stack's data under this stack's login would be a leak, and its loss."""
    if found.source != database:
        why = f"snapshot {found.id} is of {found.source}, not of {database}, the database of {ctx.stack.stack}"
        raise StepRefused(f"{why}; ask the stack it belongs to")
    other = found.tags.get(made.STACK_TAG, ctx.stack.stack)
    if other != ctx.stack.stack:
        raise StepRefused(f"snapshot {found.id} belongs to the stack {other}, not to {ctx.stack.stack}")
