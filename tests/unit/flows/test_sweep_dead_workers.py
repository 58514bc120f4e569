"""What workers left when they died is taken on by sweep, and brought to an end (S31)."""

import json

import pytest

from chalicelib.errors import StewardError, StoreUnavailable
from chalicelib.flows.start import undo
from chalicelib.flows.stop import resume, stop
from chalicelib.models.decision import DecisionState, Outcome
from chalicelib.models.run import RunStatus, Verdict


def test_an_event_whose_worker_died_is_decided_from_the_archive(world):
    world.table.die_after = 1
    with pytest.raises(world.Died):
        world.fire()
    world.table.die_after = None
    world.parts.archive.put("events/2026/11/02/e1.json", json.dumps(world.alarm()).encode())
    assert world.sweep().events == 0
    world.wait(seconds=61)
    assert world.sweep().events == 1
    assert world.parts.decisions.get("e1").outcome is Outcome.RUN


def test_an_event_that_was_never_archived_and_never_came_again_is_recorded_as_lost(world):
    world.parts.decisions.receive("e1", world.now())
    world.wait(minutes=5)
    assert world.sweep().events == 0
    world.wait(minutes=11)
    assert world.sweep().events == 1
    lost = world.parts.decisions.get("e1")
    assert (lost.state, lost.outcome) == (DecisionState.DECIDED, Outcome.INVALID)
    assert "died" in lost.parts[0].reasons[0]


def held_and_due(world):
    stop(world.parts, stack="prod", by="ada", reason="upgrade")
    world.fire()
    resume(world.parts, stack="prod")
    world.wait(seconds=301)


@pytest.mark.parametrize("moment", ["die_before", "die_after"])
def test_a_look_whose_worker_died_is_recorded_with_what_it_did(make_world, moment):
    whole = make_world()
    held_and_due(whole)
    before = whole.table.writes
    whole.sweep()
    for number in range(before + 1, whole.table.writes + 1):
        world = make_world()
        held_and_due(world)
        setattr(world.table, moment, number)
        with pytest.raises(world.Died):
            world.sweep()
        setattr(world.table, moment, None)
        for _ in range(20):
            world.wait(seconds=61)
            world.sweep()
        looks = [d for d in world.parts.decisions.recent("prod").rows if d.predecessor == "e1"]
        runs = world.parts.engine.runs.recent("prod").rows
        assert [look.outcome for look in looks] == [Outcome.RUN], f"{moment} {number}"
        assert [run.id for run in runs] == [looks[0].parts[0].run_id], f"{moment} {number}"


def test_an_outbox_that_a_crash_left_is_started(world):
    world.table.fails = lambda call, key: StoreUnavailable("x", "y") if key.pk.startswith("RUN#") else None
    with pytest.raises(StoreUnavailable):
        world.fire()
    world.table.fails = lambda _call, _key: None
    assert world.parts.engine.runs.recent("prod").rows == ()
    assert world.sweep().started == 1
    (run,) = world.parts.engine.runs.recent("prod").rows
    assert world.driver.due(world.now()) == [(run.id, 1)]
    assert world.parts.engine.ledgers.read("prod").outbox == ()
    assert world.sweep().started == 0


def test_s31_a_dead_run_gets_a_new_generation_within_ten_minutes_and_ends(world):
    run_id = world.fire().parts[0].run_id
    world.until(run_id, lambda run: run.status is RunStatus.RUNNING)
    world.driver.due(world.now())  # its execution is gone
    waited = 0
    while world.run(run_id).generation == 1:
        world.wait(seconds=60)
        waited += 60
        world.sweep()
        assert waited <= 600
    assert world.driver.due(world.now()) == [(run_id, 2)]
    assert world.finish(run_id).verdict is Verdict.VERIFIED


def test_s31_a_run_that_no_worker_can_move_is_ended_and_escalated_and_frees_its_lock(world):
    run_id = world.fire().parts[0].run_id
    world.until(run_id, lambda run: run.status is RunStatus.RUNNING)
    for _ in range(2):
        world.driver.due(world.now())  # dies before its first move
        world.wait(minutes=7)
        assert world.sweep().resumed == 1
    run = world.run(run_id)
    assert (run.status, run.needs_person, run.released.all_done) == (RunStatus.STOPPED, True, True)
    assert "no worker could move it" in run.outcome
    assert world.parts.engine.ledgers.read("prod").active == ()
    assert world.sweep().resumed == 0


def test_a_run_that_was_just_handed_over_is_not_handed_over_again_by_the_next_sweep(world):
    run_id = world.fire().parts[0].run_id
    world.wait(minutes=7)
    assert world.sweep().resumed == 1
    world.wait(seconds=60)
    assert world.sweep().resumed == 0
    assert world.run(run_id).generation == 2


def test_s31_a_run_that_ended_and_died_before_it_was_recorded_frees_its_lock(world):
    run_id = world.fire().parts[0].run_id
    world.until(run_id, lambda run: not run.status.is_live)
    assert world.parts.engine.ledgers.read("prod").active
    world.driver.due(world.now())
    world.wait(minutes=7)
    assert world.sweep().resumed == 1
    for found, generation in world.driver.due(world.now()):
        assert (found, generation) == (run_id, 2)
        world.turn(found)
    assert world.run(run_id).released.all_done
    assert world.parts.engine.ledgers.read("prod").active == ()


def test_a_run_that_sleeps_as_it_should_is_left_alone(make_world):
    world = make_world(runbooks=(make_world.runbook(autonomy="approve"),))
    run_id = world.fire().parts[0].run_id
    world.turn(run_id)
    world.wait(hours=3)
    assert world.sweep().resumed == 0


def test_a_request_to_undo_whose_worker_died_is_still_a_request_to_undo(world):
    run_id = world.fire().parts[0].run_id
    world.finish(run_id)
    world.table.fails = lambda call, key: (
        StoreUnavailable("x", "y") if key.sk == "LEDGER" and call == "replace" else None
    )
    with pytest.raises(StewardError):
        undo(world.parts, run_id, "ada", "too much", key="k1")
    world.table.fails = lambda _call, _key: None
    world.wait(seconds=61)
    assert world.sweep().events == 1
    decision = world.parts.decisions.get("manual-k1")
    assert (decision.outcome, decision.principal) == (Outcome.RUN, "ada")
    world.finish(decision.parts[0].run_id)
    assert world.items["a"] == "sick"
