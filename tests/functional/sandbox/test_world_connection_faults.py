"""Connections that are all taken, by the service's own duplicates or by others."""

import json

import pytest

from chalicelib.net.login_problem import Problem
from steward.sandbox import place
from steward.sandbox.database import LOGIN_LIMIT
from steward.sandbox.world import World
from tests.functional.sandbox.database_looks import SEARCH, ask, lines, look, metric


@pytest.fixture
def world():
    with World.create() as made:
        yield made


def test_connections_exhausted_is_at_the_limit_and_names_who_holds_them(world):
    world.break_with("connections-exhausted")
    world.advance(180)
    assert metric(world, "DatabaseConnections")[-1] == LOGIN_LIMIT
    assert "remaining connection slots are reserved" in json.loads(ask(world, SEARCH).body)["message"]
    assert lines(world, '"remaining connection slots are reserved"')
    facts = look(world)
    assert (facts.problem, facts.connections, facts.connection_limit) == (None, LOGIN_LIMIT, LOGIN_LIMIT)
    assert [(each.application, each.count) for each in facts.holders[:2]] == [("feature-export", 52), ("jupyter", 24)]


def test_connections_exhausted_may_refuse_every_login(world):
    world.break_with("connections-exhausted", lets_in=False)
    assert look(world).problem is Problem.TOO_MANY


@pytest.mark.parametrize("fault", ["connections-exhausted", "idle-duplicates"])
def test_exhausted_connections_ring_their_own_alarm_and_a_quiet_database_does_not(world, fault):
    world.advance(180)
    alarm = world.alarms.find(place.CONNECTIONS_ALARM)
    assert alarm.state.value == "OK"
    world.break_with(fault)
    world.advance(130)
    assert alarm.state.value == "ALARM"


def test_connections_exhausted_by_duplicates_is_healed_by_stopping_one_of_them(world):
    world.break_with("connections-exhausted", duplicates=True)
    assert ask(world, SEARCH).status == 503
    ecs = world.session().client("ecs")
    running = set(ecs.list_tasks(cluster=place.CLUSTER)["taskArns"])
    mine = set(ecs.list_tasks(cluster=place.CLUSTER, serviceName=place.SERVICE)["taskArns"])
    assert len(running - mine) == 2, "the service does not count them"
    ecs.stop_task(cluster=place.CLUSTER, task=min(running - mine))
    assert ask(world, SEARCH).status == 200
    assert world.service.desired == len(mine) == 2


def test_idle_duplicates_run_beside_the_service_and_get_no_requests(world):
    world.break_with("idle-duplicates")
    beside = [task for task in world.service.tasks.values() if task.deployment is None and task.is_running]
    assert len(beside) == 2
    assert all(task.definition == world.service.primary.definition for task in beside)
    assert not {task.address for task in beside} & {target.task.address for target in world.targets.routed()}
    assert [(each.address, each.count) for each in look(world).holders[:2]] == [
        (task.address, 40) for task in sorted(beside, key=lambda task: task.address)
    ]
    assert ask(world, SEARCH).status == 503
