"""The steps against a service that moves: real gateways, the embedded AWS, virtual time."""

from dataclasses import replace

import pytest

from chalicelib.aws.gateways import Aws
from chalicelib.errors import StepRefused
from chalicelib.models.change import ChangeProgress
from chalicelib.steps.checks import CHECKS
from chalicelib.steps.registry import ACTIONS, PROBES
from chalicelib.steps.step import Pending, Standing, StepContext
from steward.sandbox.world import World


@pytest.fixture
def world():
    with World.create(seed=7) as world:
        world.advance(60)
        yield world


def ctx(world, *, acting=False):
    aws = Aws(world.session(), world.region, read_only=not acting)
    return StepContext(
        stack=world.stack(), run_id="run-1", step_id="step", now=world.clock.now(), aws=aws, http=world.http
    )


def carry_out(world, name, **params):
    """Plan, then look and apply change by change; returns operations and the fewest serving tasks seen."""
    action, fewest = ACTIONS[name], 99
    changes = action.plan(ctx(world), action.Params(**params))
    for change in changes:
        look = action.look(ctx(world), change)
        assert look.standing is Standing.READY, look.detail
        progress = ChangeProgress(state="started", started_at=world.clock.now(), before=dict(look.before))
        for _ in range(60):
            applied = action.apply(ctx(world, acting=True), change, progress)
            fewest = min(fewest, PROBES["ecs.describe_service"].read(ctx(world), None).healthy)
            if not isinstance(applied, Pending):
                break
            world.advance(applied.check_after_s)
        else:
            pytest.fail(f"never done: {change.sentence}")
    return changes, fewest


def judge(world, name):
    probe = PROBES[CHECKS[name].probe]
    return CHECKS[name].judge(probe.read(ctx(world), probe.Params()), "").answer.value


def mutations(world):
    return [call.operation for call in world.mutations()]


def test_an_unhealthy_task_is_replaced_by_exactly_one_call(world):
    world.break_with("task-hangs")
    world.advance(150)
    assert judge(world, "targets_healthy") == "false"
    carry_out(world, "ecs.restart_tasks")
    assert mutations(world) == ["StopTask"]
    assert [judge(world, name) for name in ("service_steady", "targets_healthy", "deep_health")] == ["true"] * 3


def test_s9_restarting_every_serving_task_never_leaves_fewer_serving_than_desired(world):
    before = {task.id for task in world.service.live()}
    _, fewest = carry_out(world, "ecs.restart_tasks", which="oldest", max=2)
    assert fewest == 2
    assert mutations(world) == ["UpdateService", "StopTask", "StopTask", "UpdateService"]
    assert not before & {task.id for task in world.service.live()}
    assert judge(world, "service_steady") == "true"


def test_s1_users_on_the_task_s_disk_are_named_in_the_plan(world):
    world.break_with("users-on-task-disk")
    world.advance(150)
    action = ACTIONS["ecs.restart_tasks"]
    (change,) = action.plan(ctx(world), action.Params())
    assert change.loses == "users in sqlite:////tmp/mlflow-auth.db on this task"
    assert mutations(world) == []


def test_s9_a_forced_deployment_replaces_all_and_starts_first(world):
    before = {task.id for task in world.service.live()}
    _, fewest = carry_out(world, "ecs.force_deployment")
    assert fewest >= 2
    world.advance(120)
    assert not before & {task.id for task in world.service.live()}
    assert mutations(world) == ["UpdateService"]


def test_scaling_out_is_undone_by_what_the_change_remembers(world):
    (change,), _ = carry_out(world, "ecs.scale_service", by=1)
    assert PROBES["ecs.describe_service"].read(ctx(world), None).healthy == 3
    undo = change.model_copy(update={"parameters": change.undo.parameters, "precondition": change.undo.precondition})
    action = ACTIONS["ecs.scale_service"]
    look = action.look(ctx(world), undo)
    assert look.standing is Standing.READY
    action.apply(ctx(world, acting=True), undo, ChangeProgress(before=dict(look.before)))
    world.advance(60)
    assert PROBES["ecs.describe_service"].read(ctx(world), None).desired == 2


def test_s10_a_failed_upgrade_is_not_rolled_back_over_a_possible_migration(world):
    world.break_with("failed-upgrade")
    world.advance(600)
    action = ACTIONS["ecs.roll_back_deployment"]
    with pytest.raises(StepRefused, match="S10"):
        action.plan(ctx(world), action.Params())
    assert mutations(world) == []


def test_a_failed_deployment_of_the_same_mlflow_is_rolled_back(world):
    good = world.service.primary.definition
    world.break_with("bad-deployment")
    world.advance(600)
    (change,), fewest = carry_out(world, "ecs.roll_back_deployment")
    assert fewest == 2
    assert change.parameters["taskDefinition"] == good
    assert mutations(world) == ["UpdateService"]
    assert [judge(world, name) for name in ("service_steady", "targets_healthy", "deep_health")] == ["true"] * 3


@pytest.mark.parametrize(
    ("fault", "state"),
    [("database-failing-over", "database"), ("artifacts-broken", "artifacts"), ("task-hangs", "down")],
)
def test_deep_health_names_what_is_broken(world, fault, state):
    world.break_with(fault)
    world.advance(30)
    probe = PROBES["http.deep_health"]
    assert probe.read(ctx(world), probe.Params()).state.value == state


def test_idle_duplicates_are_stopped_and_the_tasks_that_serve_are_not_touched(world):
    world.break_with("idle-duplicates")
    serving = {task.id for task in world.service.live()}
    changes, fewest = carry_out(world, "ecs.stop_duplicates")
    assert [change.precondition["duplicate"] for change in changes] == ["outside_the_service"] * 2
    assert fewest == 2
    assert mutations(world) == ["StopTask", "StopTask"]
    assert {task.id for task in world.service.tasks.values() if task.is_running} == serving
    assert judge(world, "deep_health") == "true", "the connections are free again"


def test_a_one_off_command_beside_the_service_is_no_duplicate_of_it(world):
    ecs = world.session().client("ecs")
    definition = world.service.primary.definition
    override = {"containerOverrides": [{"name": "mlflow", "command": ["mlflow", "gc"]}]}
    ecs.run_task(cluster=world.stack().ecs.cluster, taskDefinition=definition, overrides=override)
    ecs.run_task(cluster=world.stack().ecs.cluster, taskDefinition=definition)
    world.advance(40)
    action = ACTIONS["ecs.stop_duplicates"]
    (change,) = action.plan(ctx(world), action.Params())
    stopped = world.service.tasks[change.resource.rsplit("/", 1)[-1]]
    assert stopped.overrides == {}


def test_other_programs_that_hold_the_connections_are_named_and_no_duplicate_is(world):
    world.break_with("connections-exhausted")
    probe = PROBES["db.connection_holders"]
    output = probe.read(in_network(world), probe.Params())
    assert (output.duplicates, output.foreign, output.source) == (0, 76, "db.connect")
    assert "feature-export at 10.0.9.77 holds 52, jupyter at 10.0.9.78 holds 24" in output.named


def in_network(world):
    return replace(ctx(world), databases=world.databases, in_network=True)
