"""ecs.restart_tasks planned and carried out, as the executor does."""

from chalicelib.steps.actions.ecs_restart_tasks import RestartParams, RestartTasks
from chalicelib.steps.step import Standing

STEP = RestartTasks()
UNHEALTHY = RestartParams()
OLDEST = RestartParams(which="oldest")


def start(world, change):
    """Look and apply once, as the executor does; returns the progress to go on with and the answer."""
    look = STEP.look(world.ctx(), change)
    assert look.standing is Standing.READY, look.detail
    progress = world.progress(look)
    return progress, STEP.apply(world.ctx(), change, progress)


def goes_on(world, change, progress):
    return STEP.apply(world.ctx(), change, progress)
