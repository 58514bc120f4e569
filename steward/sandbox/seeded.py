"""A past for the world: snapshots that Steward took on earlier days, with their records, as if it had run since."""

from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.models.history import Backup, BackupKind, Creation, MadeKind
from chalicelib.steps.made import RUN_TAG, STACK_TAG, STEP_TAG
from steward.sandbox import place
from steward.sandbox.snapshots import KEY, WorldSnapshot

if TYPE_CHECKING:
    from steward.sandbox.simulation import Simulation


def taken_daily(simulation: "Simulation", days: int) -> tuple[str, ...]:
    """One a day at 01:30, all verified; newest first. Asked for again, nothing is added."""
    world, history = simulation.world, simulation.parts.engine.history
    now, stack = world.clock.now(), world.stack().stack
    names = []
    for ago in range(1, days + 1):
        at = now.replace(hour=1, minute=30, second=0) - timedelta(days=ago)
        run = f"r-day{ago:04d}"
        name = f"steward-{run}-snapshot"
        names.append(name)
        if history.creation(stack, MadeKind.SNAPSHOT, name):
            continue
        tags = {STACK_TAG: stack, RUN_TAG: run, STEP_TAG: "snapshot"}
        listed = [{"Key": key, "Value": value} for key, value in tags.items()]
        contents = world.rds.contents(now)
        made = WorldSnapshot(name, place.REGION, place.DATABASE, "manual", at, contents, 20, KEY, listed)
        made.status, made.percent, made.taken_at = "available", 100, at
        world.rds.snapshots[made.region, made.id] = made
        ref = made.arn
        backup = Backup(
            stack=stack, kind=BackupKind.DATABASE, id=name, run_id=run, as_of=at, verified_at=at, ref=ref,
            rows=contents.rows,
        )  # fmt: skip
        history.record_backup(backup)
        history.record_creation(
            Creation(stack=stack, kind=MadeKind.SNAPSHOT, id=name, run_id=run, step="snapshot", at=at)
        )
    return tuple(names)
