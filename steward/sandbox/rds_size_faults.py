"""What stands in the way of a resize: storage that has grown already."""

from typing import TYPE_CHECKING

from steward.sandbox.fault import Fault

if TYPE_CHECKING:
    from steward.sandbox.world import World

_GREW_TO = 40


def storage_grew_lately(world: "World") -> None:
    """Storage autoscaling was at it: in force now, and RDS lets nobody change it again for six hours."""
    now = world.clock.now()
    world.database.allocate(now, _GREW_TO)
    world.database.status = "available"
    world.rds.resizing.last_growth = now


SIZE_FAULTS = (Fault("storage-grew-lately", "The database's storage has just grown to 40 GiB.", storage_grew_lately),)
