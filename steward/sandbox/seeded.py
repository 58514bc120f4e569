"""A past for the world: snapshots that Steward took and copied on earlier days, with the records of them."""

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.models.history import Backup, BackupKind, Creation, MadeKind, Placement
from chalicelib.models.made_names import made_name
from chalicelib.steps.made import RUN_TAG, STACK_TAG, STEP_TAG
from steward.sandbox import place
from steward.sandbox.snapshots import KEY, OFFSITE_KEY, WorldSnapshot

if TYPE_CHECKING:
    from steward.sandbox.simulation import Simulation

PLACEMENT = Placement(
    database=place.DATABASE,
    host=place.DATABASE_HOST,
    port=place.DATABASE_PORT,
    subnet_group=place.SUBNET_GROUP,
    security_groups=(place.SECURITY_GROUP,),
    parameter_group="default.postgres15",
    instance_class="db.t3.micro",
    storage_type="gp3",
    multi_az=True,
)
"""How the world's database is set up, as a snapshot that is taken records it."""


def taken_daily(simulation: "Simulation", days: int) -> tuple[str, ...]:
    """One a day at 01:30, all verified; newest first. Asked for again, nothing is added."""
    world, history = simulation.world, simulation.parts.engine.history
    now, stack = world.clock.now(), world.stack().stack
    names = []
    for ago in range(1, days + 1):
        at = now.replace(hour=1, minute=30, second=0) - timedelta(days=ago)
        run = f"r-day{ago:04d}"
        name = made_name(stack, run, "snapshot")
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
            rows=contents.rows, placement=PLACEMENT,
        )  # fmt: skip
        history.record_backup(backup)
        history.record_creation(
            Creation(stack=stack, kind=MadeKind.SNAPSHOT, id=name, run_id=run, step="snapshot", at=at)
        )
    return tuple(names)


def copied_daily(simulation: "Simulation", names: tuple[str, ...]) -> tuple[str, ...]:
    """Of each of these snapshots a verified copy in the other region, made two hours after it."""
    world, history = simulation.world, simulation.parts.engine.history
    stack, copies = world.stack().stack, []
    for name in names:
        of = world.rds.snapshots[place.REGION, name]
        run = next(tag["Value"] for tag in of.tags if tag["Key"] == RUN_TAG) + "c"
        copy, at = made_name(stack, run, "copy"), of.began_at + timedelta(hours=2)
        copies.append(copy)
        tags = {STACK_TAG: stack, RUN_TAG: run, STEP_TAG: "copy"}
        listed = [{"Key": key, "Value": value} for key, value in tags.items()]
        made = replace(of, id=copy, region=place.OFFSITE_REGION, began_at=at, key=OFFSITE_KEY, tags=listed)
        made.copied_from, made.shared_with = of.arn, []
        world.rds.snapshots[made.region, made.id] = made
        history.record_creation(
            Creation(stack=stack, kind=MadeKind.SNAPSHOT, id=copy, run_id=run, step="copy", at=at, region=made.region)
        )
        kind, as_of = BackupKind.DATABASE, of.taken_at or of.began_at
        history.record_backup(
            Backup(
                stack=stack,
                kind=kind,
                id=copy,
                run_id=run,
                as_of=as_of,
                verified_at=at,
                ref=made.arn,
                placement=PLACEMENT,
            )  # fmt: skip
        )
    return tuple(copies)
