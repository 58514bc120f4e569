"""A rotation reaches every task: also at the ceiling of tasks, and also after a run that was there first."""

import pytest

from chalicelib.flows.approve import cancel
from chalicelib.flows.start import Request, start
from chalicelib.models.decision import Outcome
from chalicelib.models.run import RunStatus, Verdict
from steward.sandbox.simulation import Simulation
from steward.sandbox.world import World
from tests.shipped import read_runbooks


@pytest.fixture
def sim():
    with World.create(seed=2) as world:
        yield Simulation(world, read_runbooks())


def rotations(sim):
    return [run for run in sim.runs() if run.runbook.runbook == "credentials-rotated"]


def test_at_the_ceiling_of_tasks_a_deployment_brings_the_secret_s13(sim):
    sim.world.service.desired = sim.world.stack().limits.max_tasks
    sim.world.advance(600)
    sim.world.take_events()
    sim.world.break_with("secret-rotated")
    sim.run_until(lambda: bool(rotations(sim)) and sim.is_over(), limit_s=7200)
    (run,) = rotations(sim)
    assert run.verdict is Verdict.VERIFIED
    assert [f"{call.service}:{call.operation}" for call in sim.world.mutations()] == ["ecs:UpdateService"]


def test_one_that_meets_another_run_is_held_and_done_when_that_is_over(sim):
    start(sim.parts, Request("scale", sim.world.stack().stack, "ada", inputs={"tasks": 3}))
    sim.run_until(lambda: sim.runs()[-1].status is RunStatus.AWAITING_APPROVAL, limit_s=900)
    sim.world.break_with("secret-rotated")
    sim.run_until(lambda: bool(sim.decisions), limit_s=900)
    told = [part for one in sim.decisions for part in one.parts if part.runbook == "credentials-rotated"]
    assert [part.outcome for part in told] == [Outcome.HOLD]
    assert rotations(sim) == []
    cancel(sim.parts, sim.runs()[-1].id, by="ada", reason="the secret first")
    sim.run_until(lambda: bool(rotations(sim)) and not rotations(sim)[-1].status.is_live, limit_s=7200)
    (run,) = rotations(sim)
    assert run.verdict is Verdict.VERIFIED
    sim.run_until(lambda: not sim.parts.engine.incidents.open_of(run.stack), limit_s=7200)
    assert not sim.parts.engine.incidents.open_of(run.stack)
