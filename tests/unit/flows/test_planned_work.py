"""Planned work opens an expected-outage window on its stack: alarms join it and start nothing (S6, S19)."""

import pytest

from chalicelib.flows.start import Request, start
from chalicelib.models.decision import Outcome
from chalicelib.models.run import RunStatus


@pytest.fixture
def at_work(make_world):
    """A world in whose stack the planned work `upgrade` has begun."""
    planned = make_world.runbook("upgrade", on=[{"manual": {}}], planned_work=True)
    world = make_world(runbooks=(planned, make_world.runbook()))
    run_id = start(world.parts, Request("upgrade", "prod", "ada", "new version")).parts[0].run_id
    world.until(run_id, lambda run: run.status is RunStatus.RUNNING)
    return world, run_id


def test_an_alarm_joins_the_planned_work_and_starts_nothing_s6(at_work):
    world, run_id = at_work
    decision = world.fire("e1")
    assert decision.outcome is Outcome.HOLD
    assert decision.parts[0].reasons[0] == f"expected: it joins the planned work of run {run_id} (upgrade)"
    assert world.run(run_id).joined == ("prod-down",)
    assert "alarm prod-down joined it" in world.texts(run_id)
    assert len(world.parts.engine.runs.recent("prod").rows) == 1


def test_the_alarm_that_joined_is_asked_in_the_verification(at_work):
    world, run_id = at_work
    world.fire("e1")
    assert world.run(run_id).alarms == ("prod-down",)


def test_the_same_alarm_joins_once(at_work):
    world, run_id = at_work
    for event in ("e1", "e2"):
        world.fire(event)
    assert world.run(run_id).joined == ("prod-down",)
    assert world.texts(run_id).count("joined it") == 1


def test_what_is_expected_is_no_trouble_in_the_fleet_s7(at_work):
    world, _ = at_work
    world.fire("e1")
    assert world.parts.engine.ledgers.read_fleet().firing == ()


def test_when_the_work_is_over_and_the_alarm_still_fires_it_is_looked_after(at_work):
    world, run_id = at_work
    world.fire("e1")
    world.finish(run_id)
    world.items["a"] = "sick"
    world.wait(minutes=20)
    world.sweep()
    assert [run.runbook.runbook for run in world.parts.engine.runs.recent("prod").rows] == ["mend", "upgrade"]


def test_an_alarm_during_other_work_is_held_and_joins_nothing(make_world):
    world = make_world(runbooks=(make_world.runbook("other", on=[{"manual": {}}]), make_world.runbook()))
    run_id = start(world.parts, Request("other", "prod", "ada", "x")).parts[0].run_id
    world.until(run_id, lambda run: run.status is RunStatus.RUNNING)
    assert world.fire("e1").outcome is Outcome.HOLD
    assert world.run(run_id).joined == ()
