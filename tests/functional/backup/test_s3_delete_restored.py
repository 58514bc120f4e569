"""s3.delete_restored holds S14 and S16: side copies of a drill, key by key, by record, until none is left."""

from datetime import timedelta

import pytest

from chalicelib.errors import StepFailed, StepRefused
from chalicelib.models.history import Creation, MadeKind
from chalicelib.steps.registry import ACTIONS
from chalicelib.steps.step import Done, Standing, Unchanged
from steward.sandbox import place
from steward.sandbox.backup_faults import artifacts_backed_up

NAME = "s3.delete_restored"


@pytest.fixture
def sampled(desk):
    artifacts_backed_up(desk.world)
    desk.carry_out("s3.restore_sample", objects=4)
    return desk


def side_copies(desk):
    return [key for key in desk.world.artifacts.keys("") if key.startswith("steward-restored/")]


def test_s14_the_plan_names_every_key_and_afterwards_none_is_left(sampled):
    before = [key for key in sampled.world.artifacts.keys("") if key not in side_copies(sampled)]
    (change,) = sampled.plan(NAME)
    assert sorted(change.parameters["objects"]) == sorted(side_copies(sampled))
    assert isinstance(sampled.apply(change), Done)
    assert side_copies(sampled) == []
    assert list(sampled.world.artifacts.keys("")) == before
    assert sampled.history.creations(place.NAME, MadeKind.SIDE_COPY) == ()
    assert sampled.plan(NAME) == ()


def test_s16_another_run_deletes_them_only_when_their_time_is_over(sampled):
    sampled.runs += 1
    assert sampled.plan(NAME) == ()
    assert sampled.plan(NAME, which="due") == ()
    sampled.later(hours=7)
    (change,) = sampled.plan(NAME, which="due")
    assert isinstance(sampled.apply(change), Done)
    assert side_copies(sampled) == []


def test_s16_without_a_record_nothing_is_deleted(sampled):
    (change,) = sampled.plan(NAME)
    forged = change.model_copy(update={"parameters": {**change.parameters, "sideCopy": "steward-restored/x/y/"}})
    assert ACTIONS[NAME].look(sampled.ctx(), forged).standing is Standing.DRIFTED
    with pytest.raises(StepFailed, match="S16"):
        ACTIONS[NAME].apply(sampled.ctx(acting=True), forged, sampled.made[-1][1])
    assert len(side_copies(sampled)) == 4


@pytest.mark.parametrize("prefix", ["", "mlflow-artifacts/1/", "steward-restored/", "steward-restored/run-9/"])
def test_s16_a_record_of_another_place_deletes_nothing(desk, prefix):
    now = desk.world.clock.now()
    desk.history.record_creation(
        Creation(
            stack=place.NAME, kind=MadeKind.SIDE_COPY, id=prefix, run_id="run-0", step="s", at=now,
            delete_after=now - timedelta(hours=1),
        )
    )  # fmt: skip
    with pytest.raises(StepRefused, match="not where a drill restores to"):
        desk.plan(NAME, which="due")


def test_what_somebody_put_there_meanwhile_is_not_deleted_and_is_told(sampled):
    (change,) = sampled.plan(NAME)
    mine = f"{change.parameters['sideCopy']}mine.bin"
    sampled.world.own_client("s3").put_object(Bucket=place.BUCKET, Key=mine, Body=b"not of a drill")
    with pytest.raises(StepFailed, match=r"1 objects are still in .*mine\.bin"):
        sampled.apply(change)
    assert side_copies(sampled) == [mine]


def test_copies_that_were_never_made_are_marked_as_gone(desk):
    now = desk.world.clock.now()
    name = "steward-restored/run-0/place/"
    desk.history.record_creation(
        Creation(stack=place.NAME, kind=MadeKind.SIDE_COPY, id=name, run_id="run-0", step="s", at=now, delete_after=now)
    )
    desk.world.prepare("s3")
    (change,) = desk.plan(NAME, which="due")
    assert isinstance(desk.apply(change), Unchanged)
    assert desk.plan(NAME, which="due") == ()
