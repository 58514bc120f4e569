"""`verified` means that the values stand which were asked for, not only that the service is well (S5, S13)."""

import pytest

from chalicelib.errors import InputsRejected
from chalicelib.flows.approve import answer
from chalicelib.flows.start import Request, start
from chalicelib.models.run import RunStatus, Verdict
from steward.sandbox.simulation import Simulation
from steward.sandbox.world import World
from tests.shipped import read_runbooks


@pytest.fixture
def sim():
    with World.create(seed=2) as world:
        yield Simulation(world, read_runbooks())


def verifying(sim, **inputs):
    start(sim.parts, Request("scale", sim.world.stack().stack, "ada", inputs=inputs))
    sim.run_until(lambda: sim.runs()[-1].status is RunStatus.AWAITING_APPROVAL, limit_s=900)
    answer(sim.parts, sim.runs()[-1].id, approve=True, by="ada", reason="yes")
    sim.run_until(lambda: sim.runs()[-1].status is RunStatus.VERIFYING, limit_s=3600)


def service(sim, **settings):
    ecs = sim.world.stack().ecs
    sim.world.session().client("ecs").update_service(cluster=ecs.cluster, service=ecs.service, **settings)


def test_a_count_that_somebody_put_back_meanwhile_is_no_success_s13(sim):
    verifying(sim, tasks=3)
    service(sim, desiredCount=2)
    sim.run_until(sim.is_over, limit_s=3600)
    run = sim.runs()[-1]
    assert run.verdict is Verdict.FAILED
    assert "changes_stand: not as this run set it: desired count of ECS service" in run.outcome
    assert "the desired count is 2" in run.outcome


def test_a_size_that_a_circuit_breaker_rolled_back_is_no_success_s13(sim):
    former = sim.world.service.primary.definition
    verifying(sim, cpu=1024, memory=4096)
    service(sim, taskDefinition=former)
    sim.run_until(sim.is_over, limit_s=7200)
    run = sim.runs()[-1]
    assert run.verdict is Verdict.FAILED
    assert "changes_stand: not as this run set it: task definition of ECS service" in run.outcome


def test_a_size_and_a_count_that_stand_are_verified(sim):
    verifying(sim, tasks=3, cpu=1024, memory=4096)
    sim.run_until(sim.is_over, limit_s=7200)
    assert sim.runs()[-1].verdict is Verdict.VERIFIED


def test_to_scale_nothing_is_refused_with_what_there_is_to_say(sim):
    with pytest.raises(InputsRejected, match="at least one of `tasks`, `cpu`, `memory`, `databaseClass`"):
        start(sim.parts, Request("scale", sim.world.stack().stack, "ada"))
    assert sim.runs() == []
