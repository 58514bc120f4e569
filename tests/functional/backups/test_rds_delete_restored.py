"""rds.delete_restored holds S16: only throw-away instances that Steward made, by tag and by record, until gone."""

from datetime import timedelta

import pytest

from chalicelib.errors import StepRefused
from chalicelib.models.history import Creation, MadeKind
from chalicelib.models.made_names import mark_of
from chalicelib.steps.step import Done, Standing, Unchanged
from steward.sandbox import place

MARK = f"{mark_of(place.NAME)}-{place.NAME}"

NAME = f"{MARK}-r-1-step"


@pytest.fixture
def thrown(flight):
    flight.past("steward-day", flight.world.clock.now() - timedelta(hours=3))
    flight.do("rds.restore_snapshot", throw_away=True, delete_after="2h")
    return flight


def test_what_this_run_restored_is_deleted_and_seen_to_be_gone(thrown):
    (done,) = thrown.do("rds.delete_restored")
    assert isinstance(done, Done)
    assert thrown.world.rds.restored == {}
    assert thrown.history.creation(place.NAME, MadeKind.INSTANCE, NAME).gone_at
    assert thrown.plan("rds.delete_restored") == ()


def test_another_run_sweeps_it_once_its_time_is_over_and_not_before(thrown):
    thrown.run = "r-2"
    assert thrown.plan("rds.delete_restored") == ()
    assert thrown.plan("rds.delete_restored", which="due") == ()
    thrown.world.advance(2 * 3600)
    (change,) = thrown.plan("rds.delete_restored", which="due")
    assert change.parameters["DBInstanceIdentifier"] == NAME
    assert isinstance(thrown.finish(change), Done)


def test_one_that_is_still_coming_up_is_deleted_too(flight):
    flight.past("steward-day", flight.world.clock.now() - timedelta(hours=3))
    (restore,) = flight.plan("rds.restore_snapshot", throw_away=True)
    flight.apply(restore, flight.begin(restore)[1])
    (done,) = flight.do("rds.delete_restored")
    assert isinstance(done, Done)
    assert flight.world.rds.restored == {}


def test_one_that_was_recorded_and_never_made_is_marked_as_gone(flight):
    now = flight.world.clock.now()
    flight.history.record_creation(
        Creation(stack=place.NAME, kind=MadeKind.INSTANCE, id=NAME, run_id="r-1", step="s", at=now, delete_after=now)
    )
    (done,) = flight.do("rds.delete_restored")
    assert isinstance(done, Unchanged)
    assert flight.calls("DeleteDBInstance") == []
    assert flight.plan("rds.delete_restored") == ()


def test_a_worker_that_died_after_the_call_goes_on_waiting(thrown):
    (change,) = thrown.plan("rds.delete_restored")
    thrown.apply(change, thrown.begin(change)[1])
    assert isinstance(thrown.finish(change), Done)
    assert len(thrown.calls("DeleteDBInstance")) == 1


def test_s16_what_was_restored_to_stay_is_never_meant(flight):
    flight.past("steward-day", flight.world.clock.now() - timedelta(hours=3))
    flight.do("rds.restore_snapshot")
    flight.world.skip(10 * 86400)
    assert flight.plan("rds.delete_restored") == ()
    assert flight.plan("rds.delete_restored", which="due") == ()


def test_s16_without_its_tags_without_its_record_or_protected_by_somebody_it_stays(thrown):
    (change,) = thrown.plan("rds.delete_restored")
    made = thrown.world.rds.restored[NAME]
    tags, made.tags = made.tags, []
    with pytest.raises(StepRefused, match=r"S16.*tags"):
        thrown.begin(change)
    made.tags, made.protected = tags, True
    with pytest.raises(StepRefused, match=r"S16.*protected"):
        thrown.plan("rds.delete_restored")
    made.protected = False
    other = change.model_copy(update={"resource": "steward-unknown"})
    thrown.world.rds.restored["steward-unknown"] = made
    made.id = "steward-unknown"
    assert thrown.begin(other)[0].standing is Standing.DRIFTED


def test_s16_the_database_in_use_is_refused_whatever_the_records_say(flight):
    now = flight.world.clock.now()
    flight.history.record_creation(
        Creation(
            stack=place.NAME, kind=MadeKind.INSTANCE, id=place.DATABASE, run_id="r-1", step="s", at=now,
            delete_after=now,
        )
    )  # fmt: skip
    with pytest.raises(StepRefused, match=r"S16.*the database that the stack uses"):
        flight.plan("rds.delete_restored")
