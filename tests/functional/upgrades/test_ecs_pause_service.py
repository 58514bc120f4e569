"""S13: scale-to-zero suspends whoever scales the service, and everything comes back as it was."""

import pytest

from chalicelib.errors import StepRefused
from chalicelib.steps.actions.ecs_pause_service import PauseService
from chalicelib.steps.actions.ecs_put_back import PutBack
from steward.sandbox import place
from steward.sandbox.fault import roll_out
from steward.sandbox.task_definitions import definition_of, install_and_serve

ACTION = PauseService()
NAME = f"service/{place.CLUSTER}/{place.SERVICE}"


def suspended(site):
    return dict(site.world.scaling.targets[NAME]["SuspendedState"])


@pytest.fixture
def scaled(site):
    site.world.break_with("older-mlflow", autoscaled=True)
    return site


def test_s13_scaling_is_suspended_before_the_last_task_stops_and_resumed_after(scaled):
    stops, resumes = scaled.plan(ACTION), scaled.plan(ACTION, paused=False)
    assert [change.operation for change in stops] == [
        "application-autoscaling:RegisterScalableTarget",
        "ecs:UpdateService",
    ]
    for change in stops:
        scaled.carry_out(ACTION, change)
    assert not scaled.world.service.live()
    assert all(suspended(scaled).values())
    assert scaled.world.scaling.targets[NAME]["MinCapacity"] == 2
    for change in resumes:
        scaled.carry_out(ACTION, change)
    scaled.world.advance(300)
    assert len(scaled.world.service.live()) == 2
    assert not any(suspended(scaled).values())


def test_s13_put_back_brings_all_of_it_back_after_a_failure(scaled):
    for change in scaled.plan(ACTION):
        scaled.carry_out(ACTION, change)
    backs = scaled.plan(PutBack())
    assert len(backs) == 2
    for change in backs:
        scaled.carry_out(ACTION, change)
    assert scaled.world.service.desired == 2
    assert not any(suspended(scaled).values())
    assert {ACTION.look(scaled.ctx(), change).standing.value for change in backs} == {"already"}


def test_s13_what_somebody_had_suspended_stays_suspended(scaled):
    state = scaled.world.scaling.targets[NAME]["SuspendedState"]
    state["DynamicScalingInSuspended"] = True
    before = dict(state)
    for change in (*scaled.plan(ACTION), *scaled.plan(PutBack())):
        scaled.carry_out(ACTION, change)
    for change in scaled.plan(PutBack()):
        scaled.carry_out(ACTION, change)
    assert {name: value for name, value in suspended(scaled).items() if value} == {
        name: value for name, value in before.items() if value
    }


def test_without_anybody_who_scales_only_the_count_changes(site):
    (change,) = site.plan(ACTION)
    assert change.parameters["desiredCount"] == 0
    assert change.touches == change.out_of == {"tasks": 2}
    assert change.serves


def test_a_service_at_zero_and_a_deployment_under_way_are_refused(site):
    roll_out(site.world, definition_of(install_and_serve() + " --dev"), "stop")
    with pytest.raises(StepRefused, match="S6"):
        site.plan(ACTION)
    site.world.service.desired = 0
    with pytest.raises(StepRefused, match="S13"):
        site.plan(ACTION, paused=False)


def test_somebody_who_scales_meanwhile_is_not_overruled(scaled):
    suspend, count = scaled.plan(ACTION)
    scaled.world.service.desired = 3
    scaled.world.scaling.targets[NAME]["SuspendedState"] = {"ScheduledScalingSuspended": True}
    assert ACTION.look(scaled.ctx(), count).standing.value == "drifted"
    assert ACTION.look(scaled.ctx(), suspend).standing.value == "drifted"
