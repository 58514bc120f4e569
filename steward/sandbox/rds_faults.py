"""What can be broken about snapshots, copies and restores of the database."""

from dataclasses import replace
from typing import TYPE_CHECKING

from steward.sandbox.backup_faults import artifact_lost
from steward.sandbox.fault import Fault

if TYPE_CHECKING:
    from steward.sandbox.world import World

_FORMER = "sandbox-former-password"


def snapshot_fails(world: "World", stalls: bool = False) -> None:
    world.rds.trouble.stalls, world.rds.trouble.fails = stalls, not stalls


def snapshot_quota(world: "World") -> None:
    world.rds.trouble.quota_full = True


def snapshot_denied(world: "World", operation: str = "CreateDBSnapshot") -> None:
    world.rds.trouble.denied.add(operation)


def rows_lost(world: "World", share: float = 0.4) -> None:
    world.rds.trouble.lost_rows = share


def default_key(world: "World") -> None:
    world.rds.trouble.default_key = True


def restore_fails(world: "World") -> None:
    world.rds.trouble.restore_fails = True


def database_gone(world: "World") -> None:
    """Its automated snapshots go with it, as RDS does unless it is told otherwise; manual ones stay."""
    artifact_lost(world)
    for one in [one for one in world.rds.snapshots.values() if one.kind == "automated"]:
        del world.rds.snapshots[one.region, one.id]
        world.rds.foreign_at_first -= 1
    world.database.delete(world.clock.now())


def rotated_since(world: "World") -> None:
    """All snapshots of until now: the database, its secret and the tasks have the new password by now."""
    for one in world.rds.snapshots.values():
        one.contents = replace(one.contents, password=_FORMER)


RDS_FAULTS = (
    Fault("snapshot-fails", "Snapshots of the database fail at 40%.", snapshot_fails),
    Fault(
        "snapshot-stalls",
        "Snapshots of the database, and copies of them, stand still at 40%.",
        lambda world: snapshot_fails(world, stalls=True),
    ),
    Fault("snapshot-quota", "The account may have no further manual snapshot in the region.", snapshot_quota),
    Fault("snapshot-denied", "Steward's role may not create snapshots.", snapshot_denied),
    Fault("snapshot-default-key", "The database is under Amazon's own key, which cannot be shared.", default_key),
    Fault("rows-lost", "Somebody deleted 40% of all rows in the database.", rows_lost),
    Fault(
        "database-gone",
        "Somebody deleted the database; RDS's own snapshots went with it, and so did an artifact.",
        database_gone,
    ),
    Fault("rotated-since", "All snapshots are from before a rotation: they hold a password of then.", rotated_since),
    Fault("restore-fails", "An instance that is restored ends as incompatible-restore.", restore_fails),
)
