"""Runs that are on their way."""

from chalicelib.models.run import RunStatus


def started(world, **more):
    return world.fire(**more).parts[0].run_id


def running(world, **more):
    """A run whose plan is made and that comes to its first Change next."""
    run_id = world.fire(**more).parts[0].run_id
    world.until(run_id, lambda run: run.status is RunStatus.RUNNING)
    return run_id


def slow(world):
    world.items = {"a": "sick", "b": "sick"}
    world.script = {"a": [world.pending]}
    run_id = started(world)
    world.until(run_id, lambda run: bool(world.applied))
    return run_id
