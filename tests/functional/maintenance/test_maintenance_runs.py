"""Whole runs: a task that does not end is stopped when its time is up, and planned work is left alone by alarms."""

from chalicelib.flows.approve import answer
from chalicelib.flows.start import Request, start
from chalicelib.models.decision import Outcome
from chalicelib.models.run import RunStatus
from steward.sandbox.simulation import Simulation
from steward.sandbox.world import World
from tests.shipped import read_runbooks


def begin(sim, runbook):
    start(sim.parts, Request(runbook, sim.world.stack().stack, "tester", "test", {}, key="once"))
    sim.run_until(lambda: sim.runs()[-1].status is RunStatus.AWAITING_APPROVAL, limit_s=600)
    answer(sim.parts, sim.runs()[-1].id, approve=True, by="tester", reason="as planned")


def one_offs(world):
    return [task for task in world.service.tasks.values() if task.deployment is None]


def test_s6_an_alarm_during_planned_work_starts_nothing():
    with World.create(seed=2) as world:
        sim = Simulation(world, read_runbooks())
        world.break_with("deleted-runs")
        begin(sim, "gc")
        sim.run_until(lambda: bool(one_offs(world)), limit_s=600)
        world.break_with("task-hangs")
        sim.run_until(lambda: any(d.outcome is Outcome.HOLD for d in sim.decisions), limit_s=600)
        held = next(d for d in sim.decisions if d.outcome is Outcome.HOLD)
        assert any("joins the planned work" in reason for part in held.parts for reason in part.reasons)
        assert len(sim.runs()) == 1


def test_the_events_of_the_one_off_task_are_known_for_steward_s_own():
    with World.create(seed=2) as world:
        sim = Simulation(world, read_runbooks())
        world.break_with("deleted-runs")
        begin(sim, "gc")
        assert sim.run_until(sim.is_over, limit_s=3600)
        told = [part for d in sim.decisions for part in d.parts if "own doing" in " ".join(part.reasons)]
        assert told
        assert {part.outcome for part in told} == {Outcome.IGNORE}


def test_a_task_whose_time_is_up_is_stopped():
    with World.create(seed=2) as world:
        runbooks = dict(read_runbooks())
        gc = runbooks["gc"]
        short = tuple(step.model_copy(update={"timeout": 30}) if step.id == "gc" else step for step in gc.steps)
        runbooks["gc"] = gc.model_copy(update={"steps": short})
        sim = Simulation(world, runbooks)
        world.break_with("deleted-runs")
        before = len(world.tracking.runs)
        begin(sim, "gc")
        assert sim.run_until(lambda: not sim.runs()[-1].status.is_live, limit_s=1800)
        world.advance(600)
        (task,) = one_offs(world)
        assert "not waited for any longer" in task.stopped_reason
        assert len(world.tracking.runs) == before
