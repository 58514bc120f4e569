"""Restoring one quarantine by its id."""

import pytest
from pydantic import ValidationError

from chalicelib.errors import StepFailed, StepRefused
from chalicelib.steps.actions.s3_quarantine_artifacts import QuarantineArtifacts
from chalicelib.steps.actions.s3_restore_quarantined import RestoreQuarantined
from steward.sandbox.crash_objects import bodies

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


def test_only_ids_that_steward_makes_are_taken():
    for wrong in ("", "../x", "q-xyz-1"):
        with pytest.raises(ValidationError):
            ACTION.Params.model_validate({"quarantine": wrong})
