"""What a drill leaves behind when it is stopped for good: instances and side copies, with their records."""

from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.models.history import Creation, MadeKind
from chalicelib.models.made_names import made_name
from chalicelib.steps.made import RUN_TAG, STACK_TAG, STEP_TAG
from steward.sandbox import place
from steward.sandbox.restored import Restored

if TYPE_CHECKING:
    from steward.sandbox.simulation import Simulation

RUN = "r-stopped"
INSTANCE = made_name(place.NAME, RUN, "restore")
SIDE_COPY = f"steward-restored/{RUN}/place/"


def left_by_a_stopped_drill(simulation: "Simulation", *, overdue_s: int = 60) -> None:
    """Once; asked for again, nothing is added."""
    world, history = simulation.world, simulation.parts.engine.history
    stack, now = world.stack().stack, world.clock.now()
    if history.creation(stack, MadeKind.INSTANCE, INSTANCE):
        return
    at, until = now - timedelta(hours=7), now - timedelta(seconds=overdue_s)
    tags = {STACK_TAG: stack, RUN_TAG: RUN, STEP_TAG: "restore"}
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    instances = (INSTANCE, f"{INSTANCE}-1", f"{INSTANCE}-2")
    for name in instances:
        made = Restored(name, at, world.rds.contents(now), {}, listed)
        made.status = "available"
        world.rds.restored[name] = made
    world.prepare("s3")
    for number in range(2):
        world.own_client("s3").put_object(Bucket=place.BUCKET, Key=f"{SIDE_COPY}{number}.bin", Body=b"restored")
    for kind, name in (*((MadeKind.INSTANCE, name) for name in instances), (MadeKind.SIDE_COPY, SIDE_COPY)):
        history.record_creation(
            Creation(stack=stack, kind=kind, id=name, run_id=RUN, step="restore", at=at, delete_after=until)
        )
