"""elb.target_health: every running task against its own target."""

from chalicelib.steps.probes.elb_target_health import TargetHealth
from chalicelib.steps.step import NoParams


def read(world):
    return TargetHealth().read(world.ctx(), NoParams())


def test_running_tasks_are_matched_to_their_own_targets(world):
    world.set_target("new", "unhealthy")
    world.targets["10.9.9.9"] = "healthy"  # somebody else's target in the same group
    output = read(world)
    assert (output.desired, output.running, output.running_healthy) == (2, 2, 1)
    assert (output.healthy, output.unhealthy) == (2, 1)


def test_without_a_load_balancer_it_says_that_it_does_not_apply(world):
    del world.stack["loadBalancer"]
    output = read(world)
    assert not output.applicable
    assert output.running_healthy == 0
