"""ecs.stop_duplicates stops what runs beside the service and serves nobody; S1 and S9 hold for it as well."""

from dataclasses import replace

import pytest

from chalicelib.steps.actions.ecs_stop_duplicates import StopDuplicates, StopDuplicatesParams
from chalicelib.steps.duplicates import read_family
from chalicelib.steps.service_state import read_service
from chalicelib.steps.step import Done, Pending, Standing, Unchanged

STEP = StopDuplicates()


def plan(world, **params):
    return STEP.plan(world.ctx(), StopDuplicatesParams(**params))


def names(changes):
    return [change.resource.rsplit("/", 1)[-1] for change in changes]


def left_by_an_older_deployment(world, name="left-over", target="unhealthy", **over):
    task = world.task(name, target, age_s=9000)
    world.tasks[-1] = replace(task, started_by="ecs-svc/0", group="service:churn", **over)
    return world.tasks[-1]


def test_a_task_that_somebody_ran_beside_the_service_is_stopped_and_nothing_is_started(world):
    world.run_by_hand("by-hand")
    (change,) = plan(world)
    assert change.operation == "ecs:StopTask"
    assert change.parameters["task"].endswith("/by-hand")
    assert change.parameters["reason"] == "steward run {run}: idle duplicate"
    assert change.precondition == {"task": "running", "duplicate": "outside_the_service", "serves": False}
    assert (change.touches, change.out_of, change.serves, change.undo) == ({"tasks": 1}, {"tasks": 3}, False, None)
    assert "somebody started outside churn and which serves nobody (2 of 2 wanted" in change.sentence


def test_it_is_pending_until_the_container_has_ended_and_aws_is_asked_once(world):
    world.run_by_hand("by-hand")
    (change,) = plan(world)
    look = STEP.look(world.ctx(), change)
    assert look.standing is Standing.READY
    progress = world.progress(look)
    assert isinstance(STEP.apply(world.ctx(), change, progress), Pending)
    assert isinstance(STEP.apply(world.ctx(), change, progress), Pending), "as after a crash: it sees its own effect"
    world.beside[0] = replace(world.beside[0], status="DEPROVISIONING")
    assert isinstance(STEP.apply(world.ctx(), change, progress), Done)
    assert world.changes == [("stop_task", "by-hand", "steward run run-42: idle duplicate")]


def test_a_task_that_ecs_has_forgotten_meanwhile_is_done(world):
    world.run_by_hand("by-hand")
    (change,) = plan(world)
    world.beside.clear()
    assert STEP.look(world.ctx(), change).standing is Standing.ALREADY
    assert isinstance(STEP.apply(world.ctx(), change, world.progress()), Done)


@pytest.mark.parametrize("target", ["healthy", "initial", "draining"])
def test_s9_a_task_that_the_load_balancer_sends_requests_is_left_alone(world, target):
    world.run_by_hand("by-hand", target=target)
    assert plan(world) == ()


@pytest.mark.parametrize(
    ("over", "why"),
    [
        ({"has_own_command": True}, "a command of its own"),
        ({"group": "service:other"}, "service:other, which would start it again"),
    ],
)
def test_a_job_and_another_service_s_task_are_no_duplicates_and_it_says_why(world, over, why):
    world.run_by_hand("by-hand", **over)
    family = read_family(world.ctx(), read_service(world.ctx()))
    assert family.idle == ()
    ((_, said),) = family.left_alone
    assert why in said


@pytest.mark.parametrize("over", [{"status": "PENDING"}, {"wanted": "STOPPED"}])
def test_what_is_not_running_is_nobody_s_duplicate(world, over):
    world.run_by_hand("by-hand", **over)
    assert plan(world) == ()


def test_a_task_of_another_family_is_not_even_looked_at(world):
    task = world.run_by_hand("by-hand")
    world.beside[0] = replace(task, task_definition=task.task_definition.replace("/churn:", "/churn-trial:"))
    assert plan(world) == ()


def test_without_a_load_balancer_nobody_can_tell_who_is_idle_so_nothing_is_stopped(world):
    world.stack = {key: value for key, value in world.stack.items() if key != "loadBalancer"}
    world.run_by_hand("by-hand")
    assert plan(world) == ()


def test_what_an_older_deployment_left_beyond_desired_is_stopped(world):
    left_by_an_older_deployment(world)
    (change,) = plan(world)
    assert names([change]) == ["left-over"]
    assert change.precondition["duplicate"] == "beyond_desired"
    assert "churn runs beyond its desired count" in change.sentence


@pytest.mark.parametrize("target", ["healthy", None])
def test_s9_beyond_desired_or_not_a_task_that_serves_or_starts_stays(world, target):
    world.task("surplus", target)
    world.tasks[-1] = replace(world.tasks[-1], started_by="ecs-svc/1", group="service:churn")
    assert plan(world) == ()


def test_s9_no_task_of_the_service_is_stopped_while_fewer_serve_than_are_wanted(world):
    left_by_an_older_deployment(world)
    world.set_target("new", "unhealthy")
    assert plan(world) == ()


def test_s9_within_the_desired_count_an_idle_task_stays_since_its_replacement_needs_connections(world):
    world.desired = 3
    left_by_an_older_deployment(world)
    assert plan(world) == ()


def test_s6_while_a_deployment_is_rolled_out_what_is_left_over_is_ecs_s_own_work(world):
    left_by_an_older_deployment(world)
    world.deployments.clear()
    world.deployment(2, "IN_PROGRESS")
    assert plan(world) == ()


def test_only_as_many_of_the_service_as_are_beyond_desired(world):
    left_by_an_older_deployment(world, "first")
    left_by_an_older_deployment(world, "second")
    world.desired = 2
    assert names(plan(world)) == ["first", "second"]
    world.tasks.pop(0)  # one that serves: then not all that are wanted do
    assert plan(world) == ()


def test_no_more_than_asked_for_and_the_oldest_first(world):
    world.run_by_hand("younger", age_s=600)
    world.run_by_hand("older", age_s=6000)
    assert names(plan(world)) == ["older", "younger"]
    assert names(plan(world, max=1)) == ["older"]


def test_s1_what_the_task_keeps_on_its_own_disk_is_named_in_the_plan(world):
    world.define(7, command="mlflow server --backend-store-uri sqlite:////tmp/x.db --artifacts-destination s3://b")
    world.run_by_hand("by-hand")
    (change,) = plan(world)
    assert "sqlite:////tmp/x.db" in (change.loses or "")


def test_s9_a_task_that_has_begun_to_serve_since_the_plan_is_left_alone(world):
    task = world.run_by_hand("by-hand")
    (change,) = plan(world)
    world.targets[task.address] = "healthy"
    assert STEP.look(world.ctx(), change).standing is Standing.DRIFTED
    assert isinstance(STEP.apply(world.ctx(), change, world.progress()), Unchanged)
    assert world.changes == []


def test_no_duplicates_is_no_change(world):
    assert plan(world) == ()
