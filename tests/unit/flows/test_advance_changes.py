"""Steps and Changes: stored before the first call, applied once, tried again with patience, never planned anew."""

from datetime import timedelta

import pytest

from chalicelib.engine.stepwork import MOST_CLAIMS
from chalicelib.errors import StaleWrite, StoreUnavailable
from chalicelib.flows.advance import advance
from chalicelib.models.change import ChangeState
from chalicelib.models.run import Lease, RunStatus, StepStatus, Verdict
from tests.unit.flows.underway import running


def states(world, run_id, step="mend"):
    return [progress.state for progress in world.step(run_id, step).progress]


# -- stored first ------------------------------------------------------------------------------


def test_changes_are_stored_before_the_first_call(world):
    run_id = running(world)
    assert [change.resource for change in world.step(run_id).changes] == ["a"]
    assert states(world, run_id) == [ChangeState.STORED]
    assert world.applied == []


def test_started_is_stored_before_the_call_is_made(world):
    run_id = running(world)
    world.script = {"a": [world.Died()]}
    with pytest.raises(world.Died):
        world.once(run_id, "w1")
    record = world.step(run_id)
    assert states(world, run_id) == [ChangeState.STARTED]
    assert record.progress[0].before == {"was": "sick"}
    assert (record.lease.owner, record.attempt) == ("w1", 1)


def test_after_a_crash_the_stored_changes_are_applied_and_never_planned_anew(world):
    run_id = running(world)
    world.script = {"a": [world.Died()]}
    with pytest.raises(world.Died):
        world.once(run_id, "w1")
    world.items["b"] = "sick"  # planned anew, it would be mended too
    plans = world.plans
    world.wait(seconds=400)
    world.until(run_id, lambda _run: world.step(run_id).status is StepStatus.DONE)
    assert world.plans == plans
    assert world.applied == ["a", "a"]
    assert world.items == {"a": "well", "b": "sick"}
    assert world.step(run_id).attempt == 2


def test_the_lease_of_another_live_worker_is_waited_for_and_not_in_circles(world):
    run_id = running(world)
    until = world.now() + timedelta(seconds=300)
    record = world.step(run_id)
    world.parts.engine.runs.save_step(record.model_copy(update={"lease": Lease(owner="other", until=until)}))
    step = world.once(run_id, "me")
    assert (step.kind, step.until) == ("sleep", until)
    assert world.applied == []
    assert "held by another worker" in world.texts(run_id)


def test_an_expired_lease_goes_to_the_next_worker_with_the_next_attempt(world):
    run_id = running(world)
    past = world.now() - timedelta(seconds=1)
    record = world.step(run_id)
    dead = record.model_copy(update={"lease": Lease(owner="dead", until=past), "attempt": 1})
    world.parts.engine.runs.save_step(dead)
    world.once(run_id, "me")
    assert (world.step(run_id).attempt, world.step(run_id).lease) == (2, None)
    assert world.applied == ["a"]


def test_a_worker_that_lost_its_step_to_another_leaves_the_other_s_lease_alone(world):
    run_id = running(world)

    def lost(call, key):
        if call == "replace" and key.sk == "STEP#mend" and world.step(run_id).lease:
            world.table.fails = lambda _call, _key: None
            return StaleWrite(str(key))
        return None

    world.table.fails = lost
    assert world.once(run_id, "slow").kind == "advance"
    record = world.step(run_id)
    assert (record.lease.owner, record.status, record.retry_at) == ("slow", StepStatus.APPLYING, None)
    assert world.applied == []


def test_a_step_whose_workers_keep_dying_comes_to_an_end(world):
    run_id = running(world)
    world.script = {"a": [world.Died() for _ in range(40)]}
    for number in range(40):
        if world.step(run_id).status is StepStatus.FAILED:
            break
        try:
            world.once(run_id, f"w{number}")
        except world.Died:
            world.wait(seconds=400)
    assert len(world.applied) == MOST_CLAIMS
    run = world.finish(run_id)
    assert (run.verdict, run.needs_person) == (Verdict.FAILED, True)
    assert "died" in (run.outcome or "")


# -- looking first -----------------------------------------------------------------------------


def test_already_done_is_success(world):
    world.items = {"a": "sick", "b": "sick"}
    run_id = running(world)
    world.items["a"] = "well"
    run = world.finish(run_id)
    assert states(world, run_id) == [ChangeState.UNCHANGED, ChangeState.DONE]
    assert (world.applied, run.verdict) == (["b"], Verdict.VERIFIED)


def test_a_precondition_that_no_longer_holds_stops_the_run(world):
    world.items = {"a": "sick", "b": "sick"}
    run_id = running(world)
    world.items["a"] = "replaced by somebody"
    run = world.finish(run_id)
    assert (run.status, run.verdict, world.applied) == (RunStatus.STOPPED, None, [])
    assert "precondition" in (run.outcome or "")


def test_the_guards_are_asked_again_before_every_change(world):
    """S6"""
    world.items = {"a": "sick", "b": "sick"}
    run_id = running(world)
    world.once(run_id)
    assert world.applied == ["a"]
    world.busy = True
    run = world.finish(run_id)
    assert world.applied == ["a"]
    assert (run.status, run.verdict, run.needs_person) == (RunStatus.STOPPED, Verdict.INCONCLUSIVE, True)
    assert "busy" in (run.outcome or "")


def test_what_cannot_be_read_before_a_change_refuses_it(world):
    run_id = running(world)
    gone = StoreUnavailable("reading", "no network")
    reads = []

    def last_read_fails(call, key):
        if call == "get" and key.pk == f"RUN#{run_id}" and key.sk == "META":
            reads.append(key)
            return gone if len(reads) == 2 else None
        return None

    world.table.fails = last_read_fails
    advance(world.parts, run_id, 1, "w")
    world.table.fails = lambda _call, _key: None
    assert world.applied == []
    assert world.run(run_id).status is RunStatus.STOPPED


def test_the_blast_radius_covers_the_whole_plan(make_world):
    world = make_world(runbooks=(make_world.runbook(guards={"blastRadius": {"tasks": "50%"}}),))
    world.items = {"a": "sick", "b": "sick", "c": "well"}
    run = world.finish(world.fire().parts[0].run_id)
    assert (run.status, run.needs_person, world.applied) == (RunStatus.STOPPED, True, [])
    assert "blast_radius" in (run.outcome or "")


def test_the_blast_radius_covers_steps_that_no_plan_knew(make_world):
    steps = [
        {"id": "mend", "do": "fake.mend", "with": {"max": 1}},
        {"id": "again", "do": "fake.look"},
        {"id": "rest", "do": "fake.mend", "when": "steps.again.sick > `0`"},
    ]  # fmt: skip
    world = make_world(runbooks=(make_world.runbook(steps=steps, guards={"blastRadius": {"tasks": 1}}),))
    world.items = {"a": "sick", "b": "sick"}
    run = world.finish(world.fire().parts[0].run_id)
    assert world.applied == ["a"]
    assert run.status is RunStatus.STOPPED
    assert "touches 2 of 2 tasks" in (run.outcome or "")


# -- what is known only later ------------------------------------------------------------------

LATE = [
    {"id": "first", "do": "fake.mend", "with": {"max": 1}},
    {"id": "again", "do": "fake.look"},
    {"id": "rest", "do": "fake.mend", "when": "steps.again.sick > `0`"},
]


def test_a_probe_behind_a_change_is_read_only_after_it(make_world):
    world = make_world(runbooks=(make_world.runbook(steps=LATE),))
    world.items = {"a": "sick", "b": "sick"}
    run_id = running(world)
    assert world.step(run_id, "again").known_later == "<from steps.first>"
    assert world.step(run_id, "rest").known_later == "<from steps.again>"
    assert world.finish(run_id).verdict is Verdict.VERIFIED
    assert world.step(run_id, "again").output == {"sick": 1, "names": ["b"], "busy": False}
    assert world.applied == ["a", "b"]


def test_a_step_whose_condition_is_false_is_skipped(make_world):
    steps = [{"id": "look", "do": "fake.look"}, {"id": "no", "do": "fake.mend", "when": "steps.look.sick > `9`"},
             {"id": "mend", "do": "fake.mend"}]  # fmt: skip
    world = make_world(runbooks=(make_world.runbook(steps=steps),))
    run_id = running(world)
    assert world.finish(run_id).verdict is Verdict.VERIFIED
    assert world.step(run_id, "no").status is StepStatus.SKIPPED


def test_a_failed_step_leads_to_its_fallback(make_world):
    steps = [
        {"id": "mend", "do": "fake.mend", "onFailure": "step:rescue"}, {"id": "rescue", "do": "fake.mend"},
    ]  # fmt: skip
    world = make_world(runbooks=(make_world.runbook(steps=steps, guards={"blastRadius": {"tasks": 4}}),))
    run_id = running(world)
    world.script = {"a": [RuntimeError("it broke")]}
    assert world.finish(run_id).verdict is Verdict.VERIFIED
    assert world.step(run_id, "mend").status is StepStatus.FAILED
    assert world.step(run_id, "rescue").status is StepStatus.DONE
