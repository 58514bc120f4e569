"""An undo puts back exactly what a run changed (S34)."""

import pytest

from chalicelib.errors import InputError, UnknownName
from chalicelib.flows import query
from chalicelib.flows.start import undo
from chalicelib.models.decision import Outcome
from chalicelib.models.run import RunStatus


def done(world):
    world.items = {"a": "sick", "b": "sick"}
    return world.finish(world.fire().parts[0].run_id).id


def test_s34_an_undo_puts_back_what_a_run_changed_last_first(world):
    run_id = done(world)
    assert world.applied == ["a", "b"]
    world.applied.clear()
    decision = undo(world.parts, run_id, "ada", "it made things worse")
    undone = world.finish(decision.parts[0].run_id)
    assert world.applied == ["b", "a"]
    assert world.items == {"a": "sick", "b": "sick"}
    assert (undone.undo_of, undone.reason, undone.started_by) == (run_id, "it made things worse", "ada")


def test_s34_a_plan_of_an_undo_shows_it_and_does_nothing(world):
    run_id = done(world)
    world.applied.clear()
    shown = world.finish(undo(world.parts, run_id, "ada", None, plan=True).parts[0].run_id)
    changes = query.plan_of(world.parts, shown.id)["changes"]
    assert [(change["resource"], change["parameters"]) for change in changes] == [
        ("b", {"to": "sick"}), ("a", {"to": "sick"})
    ]  # fmt: skip
    assert world.applied == []


def test_s34_an_undo_refuses_when_somebody_changed_the_resource_since(world):
    run_id = done(world)
    world.applied.clear()
    world.items["b"] = "upgraded by somebody"
    run = world.finish(undo(world.parts, run_id, "ada", None).parts[0].run_id)
    assert (run.status, world.applied) == (RunStatus.STOPPED, [])
    assert "upgraded by somebody" in (run.outcome or "")


def test_s34_only_what_was_really_changed_is_put_back(world):
    world.items = {"a": "sick", "b": "sick"}
    run_id = world.fire().parts[0].run_id
    world.until(run_id, lambda run: run.status is RunStatus.RUNNING)
    world.items["a"] = "well"  # somebody else did it
    world.finish(run_id)
    world.applied.clear()
    world.finish(undo(world.parts, run_id, "ada", None).parts[0].run_id)
    assert world.applied == ["b"]


def test_an_undo_of_nothing_or_of_a_live_run_is_an_error(world):
    with pytest.raises(UnknownName):
        undo(world.parts, "r-none", "ada", None)
    run_id = world.fire().parts[0].run_id
    with pytest.raises(InputError, match="cancel it first"):
        undo(world.parts, run_id, "ada", None)
    world.items = {"a": "well"}
    world.finish(run_id)
    with pytest.raises(InputError, match="no change that can be undone"):
        undo(world.parts, run_id, "ada", None)


def test_s21_an_undo_is_capped_by_its_stack_too(make_world):
    world = make_world()
    run_id = done(world)
    world.applied.clear()
    capped = make_world.stack(autonomy="suggest")
    from dataclasses import replace

    world.with_parts(engine=replace(world.parts.engine, stacks={"prod": capped}))
    decision = undo(world.parts, run_id, "ada", None)
    assert decision.outcome is Outcome.SUGGEST
    world.finish(decision.parts[0].run_id)
    assert world.applied == []
