"""Stop, resume and freeze (S8)."""

from datetime import timedelta

import pytest

from chalicelib.errors import StoreUnavailable, UnknownName
from chalicelib.flows import query
from chalicelib.flows.stop import active_runs, freeze, resume, stop
from chalicelib.models.decision import Outcome
from chalicelib.models.run import Mode, RunStatus
from tests.unit.flows.asking import ask


@pytest.mark.parametrize("stack", ["prod", None])
def test_s8_a_stop_rings_the_runs_that_are_active(world, stack):
    run_id = world.fire().parts[0].run_id
    world.script = {"a": [world.pending] * 9}
    world.turn(run_id)
    assert active_runs(world.parts, stack) == (run_id,)
    assert stop(world.parts, stack=stack, by="ada", reason="upgrade") == (run_id,)
    assert world.run(run_id).woken
    world.turn(run_id)
    assert world.run(run_id).status is RunStatus.STOPPED


def test_s8_nothing_starts_while_it_is_stopped_and_it_does_again_after_resume(world):
    stop(world.parts, stack=None, by="ada", reason="audit")
    assert world.fire().outcome is Outcome.HOLD
    resume(world.parts, stack=None)
    world.wait(seconds=301)
    assert world.sweep().reconsidered == 1
    assert world.parts.engine.ledgers.read("prod").active


@pytest.mark.parametrize("stack", ["prod", None])
def test_s8_while_it_is_stopped_a_plan_is_made_and_a_live_run_refused(world, stack):
    stop(world.parts, stack=stack, by="ada", reason="audit")
    assert ask(world).outcome is Outcome.REFUSE
    run = world.finish(ask(world, mode=Mode.PLAN).parts[0].run_id)
    assert (run.status, run.verdict, world.applied) == (RunStatus.FINISHED, None, [])
    assert [change["resource"] for change in query.plan_of(world.parts, run.id)["changes"]] == ["a"]
    assert all(plan_mode for _, plan_mode in world.sessions.asked), "and it could not have changed anything"


def test_s8_a_stop_flag_that_cannot_be_read_admits_nothing(world):
    unreadable = StoreUnavailable("reading", "no network")
    world.table.fails = lambda call, key: unreadable if call == "get" and key.sk == "LEDGER" else None
    with pytest.raises(StoreUnavailable):  # the event comes again; nothing was admitted
        world.fire()
    world.table.fails = lambda _call, _key: None
    assert world.parts.engine.ledgers.read("prod").active == ()


def test_a_freeze_keeps_anything_from_starting_by_itself_until_it_is_over(world):
    freeze(world.parts, stack="prod", by="ada", reason="demo", until=world.now() + timedelta(hours=1))
    held = world.fire()
    assert (held.outcome, held.parts[0].reconsider_at) == (Outcome.HOLD, world.now() + timedelta(hours=1))
    assert query.now(world.parts)["frozen"][0]["reason"] == "demo"
    world.wait(hours=1, seconds=1)
    assert world.sweep().reconsidered == 1
    assert world.parts.engine.ledgers.read("prod").active


def test_a_freeze_of_everything_does_not_hold_people(world):
    freeze(world.parts, stack=None, by="ada", reason="demo", until=world.now() + timedelta(hours=1))
    assert world.fire().outcome is Outcome.HOLD
    assert ask(world).outcome is Outcome.RUN


@pytest.mark.parametrize("verb", ["stop", "resume", "freeze"])
def test_an_unknown_stack_cannot_be_stopped(world, verb):
    do = {
        "stop": lambda: stop(world.parts, stack="nope", by="ada", reason="x"),
        "resume": lambda: resume(world.parts, stack="nope"),
        "freeze": lambda: freeze(world.parts, stack="nope", by="ada", reason="x", until=world.now()),
    }[verb]
    with pytest.raises(UnknownName, match="known: prod"):
        do()
