"""ecs.stopped_tasks: why tasks ended, newest first."""

from chalicelib.steps.probes.ecs_stopped_tasks import StoppedParams, StoppedTasks


def test_recent_stops_come_newest_first_with_why_and_how_long_they_lived(world):
    world.task("early", age_s=900)
    world.ends("early", "EssentialContainerExited", "Essential container in task exited", after_s=60, exit_code=1)
    world.task("late", age_s=300)
    world.ends("late", "EssentialContainerExited", "Essential container in task exited", after_s=100, exit_code=3)
    output = StoppedTasks().read(world.ctx(), StoppedParams())
    assert (output.count, output.failed_to_start, output.out_of_memory) == (2, 2, 0)
    assert [(task.id, task.lived_s, task.exit_codes) for task in output.tasks] == [
        ("late", 100, (3,)),
        ("early", 60, (1,)),
    ]
    assert output.newest_why == "Essential container in task exited; exit code 3"


def test_older_stops_are_left_out_and_the_list_is_cut_to_its_limit(world):
    world.ends("old", "UserInitiated", "by hand", after_s=60)
    for number in range(3):
        world.task(f"t{number}", age_s=100)
        world.ends(f"t{number}", "EssentialContainerExited", "Essential container in task exited", after_s=5)
    output = StoppedTasks().read(world.ctx(), StoppedParams(within="10m", limit=2))  # type: ignore[arg-type]
    assert output.count == 3
    assert len(output.tasks) == 2


def test_a_full_list_of_long_reasons_stays_small(world):
    for number in range(15):
        world.task(f"{number:032x}", age_s=100)
        world.ends(f"{number:032x}", "TaskFailedToStart", "CannotPullContainerError: " + "x" * 1000)
    output = StoppedTasks().read(world.ctx(), StoppedParams(limit=15))
    assert len(output.model_dump_json()) < 12_000
