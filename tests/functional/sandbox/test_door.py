"""The world's load balancer over a real connection: what other processes ask, with Steward's own guarded client."""

import pytest

from chalicelib.net.addresses import why_forbidden
from chalicelib.net.guarded import GuardedHttp
from chalicelib.net.http import HttpFailure, HttpRequest
from steward.sandbox.door import Door
from steward.sandbox.world import World


@pytest.fixture
def world():
    with World.create(0) as world:
        yield world


@pytest.fixture
def door(world):
    with Door() as door:
        door.behind = world.http
        yield door


def ask(door, path="/health", timeout_s=5.0, method="GET"):
    return GuardedHttp().ask(HttpRequest(method, f"{door.url}{path}", timeout_s=timeout_s, allow_hosts=(door.host,)))


def test_s25_the_door_stands_where_steward_may_connect_to(door):
    assert why_forbidden(door.host) is None
    with pytest.raises(HttpFailure) as refused:
        GuardedHttp().ask(HttpRequest("GET", f"{door.url}/health", allow_hosts=("elsewhere.example.com",)))
    assert refused.value.kind == "forbidden_address"


def test_it_answers_as_the_world_does(door, world):
    assert (ask(door).status, ask(door).body) == (200, b"OK")
    assert ask(door, "/version").status == 401
    assert world.server.asked == ["GET /health", "GET /health", "GET /version"]


def test_a_task_that_hangs_keeps_whoever_asks_waiting(door, world):
    for task in world.service.live():
        task.hung = True
    with pytest.raises(HttpFailure) as waited:
        ask(door, timeout_s=0.5)
    assert waited.value.kind == "timeout"


def test_without_a_world_behind_it_the_connection_ends(door):
    door.behind = None
    with pytest.raises(HttpFailure) as ended:
        ask(door)
    assert ended.value.kind == "protocol"
