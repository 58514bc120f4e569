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


def newest_elsewhere(ctx: StepContext) -> Backup | None:
    """The newest good copy in another region."""
    backups = ctx.history.backups(ctx.stack.stack, BackupKind.DATABASE)
    return next((one for one in backups if one.is_good and not is_here(ctx, one)), None)


def why_none(ctx: StepContext, database: str, when: str = "") -> str:
    copy = newest_elsewhere(ctx)
    if copy is None or when:
        return f"Steward has no good backup of {database}{when}: run snapshot-database, or name a snapshot"
    return f"Steward has no good backup of {database} in {ctx.stack.region}: {_brought_back(ctx, copy)}"


def refuse_elsewhere(ctx: StepContext, name: str) -> None:
    """A restore takes place in one region, with that region's network and keys: a copy is brought back first."""
    backups = ctx.history.backups(ctx.stack.stack, BackupKind.DATABASE)
    copy = next((one for one in backups if name in {one.id, one.ref} and not is_here(ctx, one)), None)
    if copy:
        raise StepRefused(f"snapshot {copy.id} cannot be restored in {ctx.stack.region}: {_brought_back(ctx, copy)}")


def _brought_back(ctx: StepContext, copy: Backup) -> str:
    region = (copy.ref or "").split(":")[3]
    is_cluster = ":cluster-snapshot:" in (copy.ref or "")
    command, kind = ("copy-db-cluster-snapshot", "db-cluster") if is_cluster else ("copy-db-snapshot", "db")
    return (
        f"its copy of {copy.as_of:%Y-%m-%d %H:%M} UTC is in {region}; bring it back by `aws rds {command} --region"
        f" {ctx.stack.region} --source-region {region} --source-{kind}-snapshot-identifier {copy.ref}"
        f" --target-{kind}-snapshot-identifier NAME --kms-key-id KEY`, and name that as the snapshot"
    )


def choose(ctx: StepContext, wanted: str) -> Snapshot:
    """Available, of this stack's database; raises StepRefused with the remedy."""
    database, cluster = made.database_of(ctx)
    name = wanted
    if wanted == NEWEST:
        good = newest_good(ctx)
        if good is None:
            raise StepRefused(why_none(ctx, database))
        name = good.id
    if name.startswith("arn:") and f":{ctx.stack.region}:" not in name:
        refuse_elsewhere(ctx, name)
    found = ctx.aws.rds_snapshots.find(name, cluster=cluster)
    if found is None:
        refuse_elsewhere(ctx, name)
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
