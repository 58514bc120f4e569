"""A run that may not go on after it changed something: it puts back what it changed, and only then it ends."""

from dataclasses import dataclass, replace

import pytest

from chalicelib.engine.before_change import may_change
from chalicelib.errors import AwsUnavailable, StepRefused, StoreUnavailable
from chalicelib.flows.approve import answer, cancel
from chalicelib.flows.stop import stop
from chalicelib.models.run import RunStatus, StepStatus, Verdict
from chalicelib.steps.actions.ecs_put_back import PutBack
from chalicelib.steps.step import Pending

BOSS = "arn:aws:iam::111122223333:role/boss"
BACK = {"id": "back", "do": "ecs.put_back"}
GUARDS = {"blastRadius": {"tasks": 9}, "standAside": ["busy"]}


@dataclass
class _Back(PutBack):
    """Of whatever resource; the real one knows only services."""

    def plan(self, ctx, params):
        made = [change.model_copy(update={"resource": ctx.stack.service_ref}) for change, _ in ctx.made()]
        pairs = [(change, progress) for change, (_, progress) in zip(made, ctx.made(), strict=True)]
        names = [change.resource for change, _ in ctx.made()]
        changes = super().plan(replace(ctx, made=lambda: tuple(pairs)), params)
        return tuple(c.model_copy(update={"resource": n}) for c, n in zip(changes, reversed(names), strict=True))


def _finishing(world):
    class Finishing(type(world.parts.engine.actions["fake.mend"])):
        def finishes(self, ctx, change):
            return True

    return Finishing(world)


def flying(make_world, *steps, **guards):
    book = make_world.runbook(steps=[*steps, BACK], guards=GUARDS | guards)
    world = make_world(runbooks=(book,))
    actions = {**world.parts.engine.actions, "ecs.put_back": _Back()}
    world.with_parts(engine=replace(world.parts.engine, actions=actions))
    world.items = {"a": "sick", "b": "sick", "c": "sick"}
    world.script = {"b": [Pending(check_after_s=10, detail="under way")]}
    run_id = world.fire().parts[0].run_id
    world.until(run_id, lambda run: world.applied == ["a", "b"])
    return world, run_id


FAILS = {"id": "mend", "do": "fake.mend", "onFailure": "step:back"}
CANCELS = {"id": "mend", "do": "fake.mend", "onCancel": "step:back"}


@pytest.mark.parametrize("step", [FAILS, CANCELS, CANCELS | {"onFailure": "continue"}, CANCELS | FAILS])
def test_s13_a_guard_that_refuses_the_next_change_has_what_was_changed_put_back_first(make_world, step):
    world, run_id = flying(make_world, step)
    world.busy = True
    run = world.finish(run_id)
    assert (run.status, run.verdict, run.needs_person) == (RunStatus.STOPPED, Verdict.INCONCLUSIVE, True)
    assert run.outcome.startswith("step mend was not allowed to go on: stand_aside.busy")
    assert world.items == {"a": "sick", "b": "sick", "c": "sick"}
    assert world.step(run_id, "back").status is StepStatus.DONE


def test_s13_a_precondition_that_no_longer_holds_does_so_too(make_world):
    world, run_id = flying(make_world, CANCELS)
    world.items["c"] = "dead"
    run = world.finish(run_id)
    assert (run.status, world.items) == (RunStatus.STOPPED, {"a": "sick", "b": "sick", "c": "dead"})
    assert "precondition: c is dead" in run.outcome
    assert "what was changed is put back first" in world.texts(run_id)


def test_s13_what_somebody_changed_since_is_left_alone_and_the_rest_goes_back(make_world):
    world, run_id = flying(make_world, CANCELS)
    world.items |= {"c": "dead"}
    world.until(run_id, lambda run: run.status is RunStatus.CANCELLING)
    world.items["b"] = "taken away"
    world.finish(run_id)
    assert world.items == {"a": "sick", "b": "taken away", "c": "dead"}
    back = world.step(run_id, "back")
    assert back.status is StepStatus.FAILED
    assert "not all is put back: put back: mend b (b is taken away)" in back.detail


def test_s13_one_that_fails_to_go_back_keeps_no_other_from_it(make_world):
    world, run_id = flying(make_world, CANCELS)
    world.items |= {"c": "dead"}
    world.until(run_id, lambda run: run.status is RunStatus.CANCELLING)
    world.script["b"] = [StepRefused("it is stuck")]
    world.finish(run_id)
    assert world.items == {"a": "sick", "b": "well", "c": "dead"}
    assert "it is stuck" in world.step(run_id, "back").detail


def test_s8_a_person_who_stops_it_has_it_halt_where_it_is(make_world):
    world, run_id = flying(make_world, CANCELS)
    world.until(run_id, lambda run: world.items["b"] == "well")
    stop(world.parts, stack="prod", by="ada", reason="look at it")
    run = world.finish(run_id)
    assert world.items == {"a": "well", "b": "well", "c": "sick"}
    assert "2 change(s) done, 1 not begun" in run.outcome


def test_without_a_step_that_puts_back_it_ends_where_it_is_and_says_so(make_world):
    world, run_id = flying(
        make_world,
        {"id": "mend", "do": "fake.mend"},
    )
    world.busy = True
    run = world.finish(run_id)
    assert (run.status, run.needs_person) == (RunStatus.STOPPED, True)
    assert "2 change(s) done, 1 not begun" in run.outcome


def test_s13_each_that_goes_back_has_attempts_of_its_own(make_world):
    world, run_id = flying(make_world, CANCELS)
    world.items |= {"c": "dead"}
    world.until(run_id, lambda run: run.status is RunStatus.CANCELLING)
    world.script = {"b": [world.throttled, world.throttled], "a": [world.throttled]}
    world.finish(run_id)
    assert world.items == {"a": "sick", "b": "well", "c": "dead"}


def test_once_something_was_changed_a_guard_without_an_answer_is_asked_again_for_a_while(make_world):
    world, run_id = flying(make_world, FAILS)
    world.until(run_id, lambda run: world.items["b"] == "well")
    world.probe_error = AwsUnavailable("fake:Look", "ReadTimeoutError", "no answer")
    world.until(run_id, lambda run: bool(world.step(run_id).unsure_since))
    assert "asks again: stand_aside.busy: lacks an answer" in world.step(run_id).detail
    world.probe_error = None
    run = world.finish(run_id)
    assert (run.verdict, world.items) == (Verdict.VERIFIED, {"a": "well", "b": "well", "c": "well"})
    assert world.step(run_id).unsure_since is None


def test_a_guard_that_never_answers_refuses_in_the_end(make_world):
    world, run_id = flying(make_world, FAILS)
    world.until(run_id, lambda run: world.items["b"] == "well")
    world.probe_error, began = AwsUnavailable("fake:Look", "ReadTimeoutError", "no answer"), world.now()
    run = world.finish(run_id)
    assert (run.status, world.items) == (RunStatus.STOPPED, {"a": "sick", "b": "sick", "c": "sick"})
    assert "stand_aside.busy: lacks an answer" in run.outcome
    assert 500 < (world.now() - began).total_seconds() < 900


def test_before_anything_was_changed_a_guard_without_an_answer_refuses_at_once(make_world):
    world = make_world(runbooks=(make_world.runbook(guards=GUARDS),))
    run_id = world.fire().parts[0].run_id
    world.until(run_id, lambda run: run.status is RunStatus.RUNNING)
    world.probe_error = AwsUnavailable("fake:Look", "ReadTimeoutError", "no answer")
    run = world.finish(run_id)
    assert (run.status, world.applied) == (RunStatus.STOPPED, [])
    assert world.step(run_id).unsure_since is None


def test_a_store_that_cannot_be_read_between_two_changes_is_asked_again(make_world):
    world, run_id = flying(make_world, FAILS)
    world.until(run_id, lambda run: world.items["b"] == "well")
    clear = may_change_with_a_store_that_fails(world, run_id)
    assert (clear.unsure, "could not be read" in clear.refusal) == (True, True)


def may_change_with_a_store_that_fails(world, run_id):
    engine, run = world.parts.engine, world.run(run_id)
    steps, stack = engine.runs.steps(run_id), engine.stacks["prod"]
    record = world.step(run_id)
    world.table.fails = lambda call, key: (
        StoreUnavailable("get", "throttled") if call == "get" and str(key).startswith(f"RUN#{run_id}") else None
    )
    return may_change(engine, run, stack, world.now(), (), record, tuple(steps))


def test_what_finishes_what_cannot_be_taken_back_does_not_stand_aside(make_world):
    world, run_id = flying(make_world, FAILS)
    actions = {**world.parts.engine.actions, "fake.mend": _finishing(world)}
    world.with_parts(engine=replace(world.parts.engine, actions=actions))
    world.busy = True
    run = world.finish(run_id)
    assert (run.status, world.items) == (RunStatus.FINISHED, {"a": "well", "b": "well", "c": "well"})


def losing(make_world, **step):
    book = make_world.runbook(steps=[{"id": "mend", "do": "fake.mend", "onCancel": "continue", **step}], guards=GUARDS)
    world = make_world(runbooks=(book,))
    world.items = {"a": "sick", "b": "sick"}
    world.loses = "the schema as it is"
    world.script = {"a": [Pending(check_after_s=10, detail="under way")]}
    run_id = world.fire().parts[0].run_id
    world.until(run_id, lambda run: run.status is RunStatus.AWAITING_APPROVAL)
    return world, run_id


def test_a_cancel_after_what_cannot_be_brought_back_comes_too_late_and_the_outcome_says_so(make_world):
    world, run_id = losing(make_world)
    answer(world.parts, run_id, approve=True, by=BOSS, reason="go")
    world.until(run_id, lambda run: world.applied == ["a"])
    cancel(world.parts, run_id, by="ada", reason="too late")
    run = world.finish(run_id)
    assert (run.status, run.verdict) == (RunStatus.FINISHED, Verdict.VERIFIED)
    assert "ada cancelled it too late" in run.outcome


def test_a_cancel_before_that_ends_the_run_as_ever(make_world):
    world, run_id = losing(make_world)
    cancel(world.parts, run_id, by="ada", reason="not now")
    assert world.finish(run_id).status is RunStatus.CANCELLED
    assert world.applied == []
