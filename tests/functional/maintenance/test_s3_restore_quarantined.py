"""Restoring one quarantine by its id."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from chalicelib.errors import StepFailed, StepRefused
from chalicelib.models.change import ChangeProgress
from chalicelib.steps.actions.s3_quarantine_artifacts import QuarantineArtifacts
from chalicelib.steps.actions.s3_restore_quarantined import RestoreQuarantined
from chalicelib.steps.step import Done
from steward.sandbox import place
from steward.sandbox.crash_objects import bodies
from tests.functional.backup.conftest import Ticks

ACTION = RestoreQuarantined()


@pytest.fixture
def quarantined(bench):
    bench.world.break_with("orphaned-artifacts")
    before, changes = bodies(bench.world), bench.plan(QuarantineArtifacts())
    bench.carry_out(QuarantineArtifacts(), changes)
    return before, changes[0].parameters["quarantine"]


def test_everything_is_back_and_the_quarantine_is_over(bench, quarantined):
    before, name = quarantined
    (change,) = bench.plan(ACTION, quarantine=name)
    bench.carry_out(ACTION, [change])
    assert bodies(bench.world) == before
    assert ACTION.look(bench.ctx(), change).standing.value == "already"
    with pytest.raises(StepRefused, match="cannot be restored"):
        bench.plan(ACTION, quarantine=name)


def test_a_key_that_holds_something_new_keeps_both(bench, quarantined):
    before, name = quarantined
    key = next(key for key in before if "spaces" in key)
    bench.world.artifacts.put(key, b"new work", bench.world.clock.now())
    with pytest.raises(StepFailed, match="1 keys hold something else"):
        bench.carry_out(ACTION, bench.plan(ACTION, quarantine=name))
    now = bodies(bench.world)
    assert now[key] == b"new work"
    assert before[key] in [body for other, body in now.items() if other.startswith(".steward/")]


def test_the_same_folders_can_be_quarantined_again(bench, quarantined):
    _, name = quarantined
    bench.carry_out(ACTION, bench.plan(ACTION, quarantine=name))
    bench.world.skip(3600 * 24 * 31)
    (again,) = bench.plan(QuarantineArtifacts())
    assert again.parameters["quarantine"] != name


MIB = 1024**2


def in_slices(bench, change, budget_s, checkpoint=None):
    """Calls until it is done, and what each of them left behind."""
    progress, found = ChangeProgress(checkpoint=checkpoint or {}), []
    for _ in range(100):
        applied = ACTION.apply(bench.ctx(monotonic=Ticks(1.0), budget_s=budget_s), change, progress)
        if isinstance(applied, Done):
            return found, applied
        found.append(applied)
        progress = ChangeProgress(checkpoint=applied.checkpoint)
    raise AssertionError("it came to no end")


@pytest.mark.parametrize("budget_s", [0, 1, 3])
def test_a_restore_goes_on_within_a_folder_where_its_time_was_up(bench, quarantined, budget_s):
    before, name = quarantined
    (change,) = bench.plan(ACTION, quarantine=name)
    slices, done = in_slices(bench, change, budget_s)
    assert bodies(bench.world) == before
    assert done.detail == "8 objects are back where they were"
    assert slices
    assert {one.how_far.total for one in slices} == {4}
    assert [one.checkpoint["back"] for one in slices] == sorted(one.checkpoint["back"] for one in slices)


@pytest.fixture
def large(bench, number):
    """In quarantine, and back under another ETag than it had, as after a worker died."""
    bench.world.break_with("orphaned-artifacts")
    key = f"{place.PREFIX}/1/{number(200)}/artifacts/large.bin"
    body = b"0123456789abcdef" * (25 * MIB // 16)
    bench.world.artifacts.put(key, body, bench.world.clock.now() - timedelta(days=400))
    changes = bench.plan(QuarantineArtifacts())
    bench.carry_out(QuarantineArtifacts(), changes)
    bench.world.artifacts.put_in_parts(key, body, bench.world.clock.now())
    return key, body, bench.plan(ACTION, quarantine=changes[0].parameters["quarantine"])[0]


def test_the_comparison_of_a_large_object_goes_on_where_its_time_was_up(bench, large):
    key, body, change = large
    slices, done = in_slices(bench, change, 0)
    compared = [one.checkpoint["compared"] for one in slices if one.checkpoint["compared"]]
    assert compared == [8 * MIB, 16 * MIB, 24 * MIB]
    assert done.detail == "9 objects are back where they were"
    assert bodies(bench.world)[key] == body
    assert not [one for one in bodies(bench.world) if one.startswith(".steward/")]


def test_what_was_written_over_in_the_middle_of_a_comparison_is_compared_from_the_start(bench, large):
    key, body, change = large
    applied = ACTION.apply(bench.ctx(monotonic=Ticks(1.0), budget_s=0), change, ChangeProgress())
    while not applied.checkpoint["compared"]:
        progress = ChangeProgress(checkpoint=applied.checkpoint)
        applied = ACTION.apply(bench.ctx(monotonic=Ticks(1.0), budget_s=0), change, progress)
    other = b"X" + body[1:]  # differs only in what was compared already
    bench.world.artifacts.put(key, other, bench.world.clock.now())
    with pytest.raises(StepFailed, match="8 objects are back; 1 keys hold something else"):
        in_slices(bench, change, 3, applied.checkpoint)
    assert body in [kept for name, kept in bodies(bench.world).items() if name.startswith(".steward/")]


def test_keys_that_hold_something_else_are_counted_once_however_many_slices_it_takes(bench, quarantined):
    before, name = quarantined
    for key in [key for key in before if "spaces" in key and ".steward" not in key]:
        bench.world.artifacts.put(key, b"new work", bench.world.clock.now())
    (change,) = bench.plan(ACTION, quarantine=name)
    with pytest.raises(StepFailed, match="4 objects are back; 4 keys hold something else"):
        in_slices(bench, change, 0)


def test_only_ids_that_steward_makes_are_taken():
    for wrong in ("", "../x", "q-xyz-1"):
        with pytest.raises(ValidationError):
            ACTION.Params.model_validate({"quarantine": wrong})
