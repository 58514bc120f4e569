"""ecs.describe_service: the counts that runbooks branch on."""

import pytest

from chalicelib.steps.probes.ecs_describe_service import DescribeService
from chalicelib.steps.step import NoParams


def read(world):
    return DescribeService().read(world.ctx(), NoParams())


def test_it_counts_who_serves_and_who_does_not(world):
    world.set_target("new", "unhealthy")
    world.task("third", "initial")
    output = read(world)
    assert (output.desired, output.running, output.pending) == (2, 3, 0)
    assert (output.healthy, output.unhealthy, output.starting) == (1, 1, 1)
    assert [(task.id, task.standing.value) for task in output.tasks] == [
        ("old", "serving"),
        ("new", "unhealthy"),
        ("third", "starting"),
    ]


@pytest.mark.parametrize(
    ("rollouts", "deploying"),
    [
        (["COMPLETED"], False),
        (["IN_PROGRESS", "COMPLETED"], True),
        (["FAILED", "COMPLETED"], False),  # the circuit breaker has stopped it
        (["IN_PROGRESS", "FAILED"], True),  # and here it rolls back
        ([None, None], True),
        ([None], False),
    ],
)
def test_a_deployment_is_seen_by_its_rollout(world, rollouts, deploying):
    world.deployments = []
    for number, rollout in enumerate(rollouts):
        world.deployment(number, rollout, status="PRIMARY" if number == 0 else "ACTIVE")
    assert read(world).deployment_in_progress is deploying


def test_the_output_of_a_large_service_stays_small(world):
    for number in range(80):
        world.task(f"{number:032x}")
    output = read(world)
    assert output.running == 82
    assert len(output.tasks) == 20
    assert len(output.model_dump_json()) < 8192
