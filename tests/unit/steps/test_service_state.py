"""Which tasks serve, and which launches failed (S9)."""

from dataclasses import replace

import pytest

from chalicelib.aws.ecs_shapes import Container
from chalicelib.steps.service_state import TaskStanding, failed_to_start, read_service, why_stopped

STANDINGS = {
    "healthy": TaskStanding.SERVING,
    "unhealthy": TaskStanding.UNHEALTHY,
    "initial": TaskStanding.STARTING,
    "draining": TaskStanding.UNKNOWN,
}


@pytest.mark.parametrize(("target", "standing"), STANDINGS.items())
def test_a_task_stands_as_its_target_does(world, target, standing):
    world.set_target("new", target)
    state = read_service(world.ctx())
    assert state.standing(state.tasks[-1]) is standing


def test_a_task_without_a_target_is_not_taken_for_serving(world):
    world.task("third", target=None)
    state = read_service(world.ctx())
    assert [task.id for task in state.serving] == ["old", "new"]


def test_without_a_load_balancer_the_container_s_own_health_counts(world):
    del world.stack["loadBalancer"]
    world.tasks[0] = replace(world.tasks[0], health="UNHEALTHY")
    state = read_service(world.ctx())
    assert [task.id for task in state.unhealthy] == ["old"]
    assert [task.id for task in state.serving] == ["new"]


@pytest.mark.parametrize(
    ("stop", "after_s", "exit_code", "failed"),
    [
        ("TaskFailedToStart: CannotPullContainerError: no such image", 0, None, True),
        ("EssentialContainerExited: Essential container in task exited", 100, 1, True),
        ("EssentialContainerExited: Essential container in task exited", 20, 0, True),  # a taken port exits with 0
        ("EssentialContainerExited: Essential container in task exited", 4000, 1, False),
        ("ServiceSchedulerInitiated: Task failed ELB health checks in (target-group x)", 200, 137, True),
        ("ServiceSchedulerInitiated: Scaling activity initiated by (deployment ecs-svc/1)", 60, 143, False),
        ("UserInitiated: steward run run-1: unhealthy target", 60, 137, False),
    ],
)
def test_a_failed_start_is_told_from_a_wanted_stop(world, stop, after_s, exit_code, failed):
    code, _, reason = stop.partition(": ")
    task = world.ends("new", code, reason, after_s=after_s, exit_code=exit_code)
    assert failed_to_start(task) is failed


def test_out_of_memory_shows_only_in_the_container_s_reason(world):
    task = world.ends("new", "EssentialContainerExited", "Essential container in task exited", exit_code=137)
    reason = "OutOfMemoryError: Container killed due to memory usage"
    task = replace(task, containers=(Container("mlflow", "STOPPED", 137, reason),))
    assert why_stopped(task) == f"Essential container in task exited; {reason}; exit code 137"
