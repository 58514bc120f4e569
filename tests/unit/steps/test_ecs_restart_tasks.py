"""ecs.restart_tasks holds S1 (a task may hold state) and S9 (start before stop)."""

import pytest

from chalicelib.aws.autoscaling import ScalableTarget
from chalicelib.errors import StepFailed, StepRefused
from chalicelib.steps.actions.ecs_restart_tasks import RestartParams
from chalicelib.steps.step import Done, Pending, Standing, Unchanged
from tests.unit.steps.restarting import OLDEST, STEP, UNHEALTHY, goes_on, start


def operations(changes):
    return [
        (c.operation, c.parameters.get("desiredCount", c.parameters.get("task", "").rsplit("/", 1)[-1]))
        for c in changes
    ]


# Planning


def test_with_every_target_healthy_nothing_is_planned_for_unhealthy(world):
    assert STEP.plan(world.ctx(), UNHEALTHY) == ()
    assert world.changes == []


def test_an_unhealthy_task_is_stopped_directly_and_counts_against_the_blast_radius(world):
    world.set_target("new", "unhealthy")
    (change,) = STEP.plan(world.ctx(), UNHEALTHY)
    assert operations([change]) == [("ecs:StopTask", "new")]
    assert change.parameters["reason"] == "steward run {run}: unhealthy target"
    assert (change.touches, change.out_of, change.serves) == ({"tasks": 1}, {"tasks": 2}, False)
    assert "new" in change.sentence
    assert "1 of 2 tasks serve" in change.sentence
    assert change.loses is None
    assert world.changes == []


def test_oldest_takes_the_unhealthy_one_first(world):
    world.set_target("new", "unhealthy")
    assert operations(STEP.plan(world.ctx(), OLDEST)) == [("ecs:StopTask", "new")]


def test_s9_a_serving_task_is_framed_by_scaling_up_and_back(world):
    changes = STEP.plan(world.ctx(), OLDEST)
    assert operations(changes) == [("ecs:UpdateService", 3), ("ecs:StopTask", "old"), ("ecs:UpdateService", 2)]
    up, stop, back = changes
    assert up.undo
    assert up.undo.parameters["desiredCount"] == 2
    assert up.undo.precondition == {"desired": 3}
    assert back.undo is None
    assert stop.serves
    assert stop.touches == {"tasks": 1}
    assert up.touches == {}
    assert back.touches == {}


def test_several_serving_tasks_share_one_extra_task(world):
    changes = STEP.plan(world.ctx(), RestartParams(which="oldest", max=2))
    assert operations(changes) == [
        ("ecs:UpdateService", 3),
        ("ecs:StopTask", "old"),
        ("ecs:StopTask", "new"),
        ("ecs:UpdateService", 2),
    ]


def test_s9_with_zero_healthy_tasks_there_is_one_replacement_only(world):
    world.set_target("old", "unhealthy")
    world.set_target("new", "unhealthy")
    changes = STEP.plan(world.ctx(), RestartParams(which="oldest", max=4))
    assert operations(changes) == [("ecs:StopTask", "old")]
    assert changes[0].touches == {"tasks": 1}


def test_s9_after_a_failed_launch_no_serving_task_is_stopped(world):
    world.task("broken", target=None, age_s=120)
    world.ends("broken", "TaskFailedToStart", "CannotPullContainerError: pull image manifest has been retried")
    with pytest.raises(StepRefused, match=r"S9.*broken.*CannotPull"):
        STEP.plan(world.ctx(), OLDEST)


def test_s9_after_a_failed_launch_an_unhealthy_task_may_still_be_replaced(world):
    world.task("broken", target=None, age_s=120)
    world.ends("broken", "EssentialContainerExited", "Essential container in task exited", exit_code=1)
    world.set_target("new", "unhealthy")
    assert operations(STEP.plan(world.ctx(), UNHEALTHY)) == [("ecs:StopTask", "new")]


def test_s9_a_launch_that_crashed_is_a_failed_launch_too(world):
    world.task("broken", target=None, age_s=120)
    world.ends("broken", "EssentialContainerExited", "Essential container in task exited", exit_code=1)
    with pytest.raises(StepRefused, match=r"S9.*broken.*exit code 1"):
        STEP.plan(world.ctx(), OLDEST)


def test_s9_a_launch_that_failed_before_the_running_tasks_came_up_is_history(world):
    world.task("broken", target=None, age_s=9000)
    world.ends("broken", "EssentialContainerExited", "Essential container in task exited", exit_code=1)
    assert len(STEP.plan(world.ctx(), OLDEST)) == 3


def test_s13_the_extra_task_must_fit_the_stack_s_ceiling(world):
    world.stack["limits"] = {"maxTasks": 2}
    with pytest.raises(StepRefused, match=r"S13.*limits.maxTasks"):
        STEP.plan(world.ctx(), OLDEST)


def test_s13_the_extra_task_must_fit_the_scalable_target(world):
    world.bounds = ScalableTarget(minimum=1, maximum=2, suspended=False)
    with pytest.raises(StepRefused, match=r"S13.*between 1 and 2"):
        STEP.plan(world.ctx(), OLDEST)


def test_s13_where_no_task_more_is_allowed_a_deployment_replaces_them_all_if_that_is_asked_for(world):
    world.stack["limits"] = {"maxTasks": 2}
    asked = RestartParams(which="oldest", max=100, without_room="deploy")
    (change,) = STEP.plan(world.ctx(), asked)
    assert (change.action, change.parameters["forceNewDeployment"]) == ("ecs.force_deployment", True)
    assert change.touches == {"tasks": 2}
    world.stack["limits"] = {"maxTasks": 3}
    assert {one.action for one in STEP.plan(world.ctx(), asked)} == {"ecs.restart_tasks"}


@pytest.mark.parametrize(("least", "most"), [(100, 100), (50, 200)])
def test_s9_that_deployment_must_start_before_it_stops(world, least, most):
    world.stack["limits"] = {"maxTasks": 2}
    world.minimum_healthy_percent, world.maximum_percent = least, most
    with pytest.raises(StepRefused, match="S9"):
        STEP.plan(world.ctx(), RestartParams(which="oldest", without_room="deploy"))


def test_s1_what_is_lost_is_said_on_every_change_that_stops_a_task(world):
    world.define(7, command="mlflow server --backend-store-uri sqlite:////tmp/mlflow.db --artifacts-destination s3://b")
    changes = STEP.plan(world.ctx(), OLDEST)
    assert [change.loses for change in changes] == [
        None,
        "experiments in sqlite:////tmp/mlflow.db on this task",
        "experiments in sqlite:////tmp/mlflow.db on this task",
    ]


def test_a_task_that_is_only_starting_is_left_alone(world):
    world.set_target("new", "initial")
    assert STEP.plan(world.ctx(), UNHEALTHY) == ()


# Acting on an unhealthy task


@pytest.fixture
def ill(world):
    world.set_target("new", "unhealthy")
    (change,) = STEP.plan(world.ctx(), UNHEALTHY)
    return change


def test_the_stop_names_the_run_and_then_waits_for_a_healthy_replacement(world, ill):
    progress, answer = start(world, ill)
    assert isinstance(answer, Pending)
    assert answer.check_after_s == 15
    assert world.changes == [("stop_task", "new", "steward run run-42: unhealthy target")]

    world.passes(60)
    world.ends("new", "UserInitiated", "steward run run-42: unhealthy target", exit_code=137)
    assert isinstance(goes_on(world, ill, progress), Pending)
    world.task("fresh", "initial", age_s=10)
    assert isinstance(goes_on(world, ill, progress), Pending)
    world.set_target("fresh", "healthy")
    answer = goes_on(world, ill, progress)
    assert isinstance(answer, Done)
    assert "fresh" in answer.detail
    assert len(world.changes) == 1


def test_after_a_crash_the_stopped_task_is_recognised_and_no_other_is_stopped(world, ill):
    progress, _ = start(world, ill)
    for _ in range(3):  # workers that died after the call, before anything was recorded
        assert isinstance(goes_on(world, ill, progress), Pending)
    assert len(world.changes) == 1


def test_a_task_that_ecs_has_forgotten_counts_as_stopped(world, ill):
    progress, _ = start(world, ill)
    world.tasks = [task for task in world.tasks if task.id != "new"]
    world.task("fresh", age_s=-5)
    assert isinstance(goes_on(world, ill, progress), Done)


def test_a_replacement_that_crashes_fails_the_step_with_its_reason(world, ill):
    progress, _ = start(world, ill)
    world.passes(90)
    world.ends("new", "UserInitiated", "steward run run-42: unhealthy target")
    world.task("fresh", "initial", age_s=60)
    world.ends("fresh", "EssentialContainerExited", "Essential container in task exited", exit_code=1)
    with pytest.raises(StepFailed, match=r"replacement fresh stopped: .*exit code 1"):
        goes_on(world, ill, progress)


def test_a_replacement_that_ecs_gives_up_after_its_grace_fails_the_step(world, ill):
    progress, _ = start(world, ill)
    world.passes(1000)
    world.ends("new", "UserInitiated", "steward run run-42: unhealthy target")
    world.task("fresh", "unhealthy", age_s=950)
    world.ends("fresh", "ServiceSchedulerInitiated", "Task failed ELB health checks in (target-group x)", after_s=900)
    with pytest.raises(StepFailed, match="failed ELB health checks"):
        goes_on(world, ill, progress)


def test_a_task_that_is_gone_before_we_act_is_already_done(world, ill):
    world.ends("new", "ServiceSchedulerInitiated", "Task failed ELB health checks")
    assert STEP.look(world.ctx(), ill).standing is Standing.ALREADY


def test_a_task_that_recovered_before_we_act_is_left_alone(world, ill):
    world.set_target("new", "healthy")
    look = STEP.look(world.ctx(), ill)
    assert look.standing is Standing.ALREADY
    assert "left alone" in look.detail


def test_s9_a_task_that_recovered_between_look_and_stop_is_left_alone(world, ill):
    progress = world.progress(STEP.look(world.ctx(), ill))
    world.set_target("new", "healthy")
    assert isinstance(goes_on(world, ill, progress), Unchanged)
    assert world.changes == []


def test_a_task_that_is_neither_ill_nor_well_any_more_has_drifted(world, ill):
    world.set_target("new", "draining")
    assert STEP.look(world.ctx(), ill).standing is Standing.DRIFTED


# Acting on a serving task
