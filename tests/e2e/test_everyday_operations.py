"""Whole runs of the everyday runbooks: called off, failed on the way, undone. What was, is again."""

import pytest

from chalicelib.flows.approve import answer, cancel
from chalicelib.flows.start import Request, start, undo
from chalicelib.models.run import RunStatus, Verdict
from steward.sandbox import place
from steward.sandbox.simulation import Simulation
from steward.sandbox.task import Behaviour
from steward.sandbox.world import World
from tests.shipped import read_runbooks

BY = "tester"


@pytest.fixture(scope="module")
def runbooks():
    return read_runbooks()


@pytest.fixture
def simulation(runbooks):
    with World.create(seed=3) as world:
        yield Simulation(world, runbooks)


def begin(simulation, runbook, **inputs):
    start(simulation.parts, Request(runbook, place.NAME, BY, "a test", inputs))
    simulation.pass_time(5)
    (run,) = [run for run in simulation.runs() if run.runbook.runbook == runbook]
    if run.status is RunStatus.AWAITING_APPROVAL:
        answer(simulation.parts, run.id, approve=True, by=BY, reason="a test")
    return run.id


def get(simulation, run_id):
    return simulation.parts.engine.runs.get(run_id)


def ends(simulation, run_id):
    assert simulation.run_until(lambda: not get(simulation, run_id).status.is_live, limit_s=8 * 3600)
    simulation.run_until(simulation.is_over, limit_s=600)
    return get(simulation, run_id)


def runs_on(world):
    return world.service.primary.definition.rsplit(":", 1)[-1]


def test_debug_logging_that_is_cancelled_goes_back_at_once(simulation):
    world = simulation.world
    run_id = begin(simulation, "debug-logging", minutes=120)
    simulation.pass_time(900)
    assert runs_on(world) == "2"
    began = world.clock.now()
    cancel(simulation.parts, run_id, by=BY, reason="seen enough")
    run = ends(simulation, run_id)
    assert run.status is RunStatus.CANCELLED
    assert runs_on(world) == "1"
    assert (world.clock.now() - began).total_seconds() < 1800


def test_debug_logging_whose_tasks_do_not_come_up_is_put_back(simulation):
    world = simulation.world
    world.service.settings.breaker, world.service.settings.breaker_rolls_back = True, False
    dies = Behaviour(exits_after_s=20, exit_code=1)
    world.service.tempers.append(lambda task: dies if task.definition.endswith(":2") else None)
    run = ends(simulation, begin(simulation, "debug-logging", minutes=10))
    steps = {record.id: record.status.value for record in simulation.parts.engine.runs.steps(run.id)}
    assert steps == {"debug": "failed", "back": "unchanged"}  # what the failed step abandoned is put back already
    assert runs_on(world) == "1"
    assert run.verdict is Verdict.VERIFIED


def test_s34_what_scale_changed_is_put_back_by_its_undo(simulation):
    world = simulation.world
    run_id = begin(simulation, "scale", databaseClass="db.t3.small", tasks=3)
    assert ends(simulation, run_id).verdict is Verdict.VERIFIED
    assert (world.database.instance_class, world.service.desired) == ("db.t3.small", 3)
    undo(simulation.parts, run_id, BY, "it was only for a day")
    assert simulation.run_until(lambda: world.database.instance_class == "db.t3.micro", limit_s=3600)
    assert simulation.run_until(simulation.is_over, limit_s=3600)
    assert (world.database.instance_class, world.service.desired) == ("db.t3.micro", 2)
    assert simulation.runs()[-1].verdict is Verdict.VERIFIED


def test_s34_storage_cannot_be_undone_and_the_run_says_why(simulation):
    run_id = begin(simulation, "scale", databaseStorageGib=40)
    assert ends(simulation, run_id).verdict is Verdict.VERIFIED
    undo(simulation.parts, run_id, BY, "too dear")
    assert simulation.run_until(lambda: simulation.runs()[-1].undo_of == run_id, limit_s=60)
    run = ends(simulation, simulation.runs()[-1].id)
    assert run.status is RunStatus.STOPPED
    assert "storage only grows" in run.outcome
    assert simulation.world.database.allocated_gib == 40
