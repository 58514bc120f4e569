"""rds.create_snapshot: followed until it is good, recorded before it is made (S16), doubted where rows fell (S18)."""

import pytest

from chalicelib.errors import AwsDenied, StepFailed, StepRefused
from chalicelib.models.history import BackupKind, MadeKind
from chalicelib.models.made_names import mark_of
from chalicelib.steps.step import Done, Pending, Standing
from steward.sandbox import place

MARK = f"{mark_of(place.NAME)}-{place.NAME}"

NAME = f"{MARK}-r-1-step"


def take(flight):
    (change,) = flight.plan("rds.create_snapshot")
    return flight.finish(change)


def test_it_is_called_and_tagged_by_run_and_step_and_the_plan_does_not_know_the_run(flight):
    (change,) = flight.plan("rds.create_snapshot")
    assert change.parameters["DBSnapshotIdentifier"] == f"{MARK}-{{run}}-step"
    assert change.operation == "rds:CreateDBSnapshot"
    flight.finish(change)
    made = flight.world.rds.snapshots[place.REGION, NAME]
    tags = {tag["Key"]: tag["Value"] for tag in made.tags}
    assert tags == {"steward:stack": place.NAME, "steward:run": "r-1", "steward:step": "step"}


def test_it_waits_by_answering_pending_and_says_how_far_it_is(flight):
    (change,) = flight.plan("rds.create_snapshot")
    _, progress = flight.begin(change)
    first, progress = flight.apply(change, progress)
    assert isinstance(first, Pending)
    flight.world.advance(90)
    second, _ = flight.apply(change, progress)
    assert (second.how_far.percent, second.how_far.unit) == (50, "percent")
    assert second.how_far.left_s == pytest.approx(90, rel=0.1), "as fast as it came this far"
    assert "50%, about 9" in second.detail or "50%, about 1m" in second.detail
    assert flight.world.database.status == "backing-up"


def test_done_means_available_verified_and_recorded_with_its_recovery_point(flight):
    done = take(flight)
    assert isinstance(done, Done)
    assert done.facts["snapshot"] == NAME
    backup = flight.history.newest_good(place.NAME, BackupKind.DATABASE)
    assert backup.id == NAME
    assert backup.as_of.isoformat() == done.facts["taken_at"]
    assert backup.rows["runs"] > 18000
    assert flight.world.database.status == "available"


def test_s16_the_creation_is_recorded_before_the_call_and_a_worker_that_dies_then_is_no_second_snapshot(flight):
    (change,) = flight.plan("rds.create_snapshot")
    _, progress = flight.begin(change)
    flight.apply(change, progress)
    assert flight.history.creation(place.NAME, MadeKind.SNAPSHOT, NAME)
    look, again = flight.begin(change)  # the first worker's progress is lost
    assert look.standing is Standing.READY
    assert isinstance(flight.finish(change, again), Done)
    assert len(flight.calls("CreateDBSnapshot")) == 1


def test_a_right_that_is_missing_is_named_and_no_record_of_nothing_is_left(flight):
    flight.world.break_with("snapshot-denied")
    with pytest.raises(AwsDenied, match="rds:CreateDBSnapshot"):
        take(flight)
    assert flight.history.creations(place.NAME) == ()


def test_a_quota_is_named_with_its_remedy_before_anything_is_touched(flight):
    flight.world.break_with("snapshot-quota")
    with pytest.raises(StepRefused, match="run prune-snapshots, or raise the quota"):
        flight.plan("rds.create_snapshot")


def test_a_quota_that_fills_up_meanwhile_is_named_too(flight):
    (change,) = flight.plan("rds.create_snapshot")
    flight.world.break_with("snapshot-quota")
    with pytest.raises(StepFailed, match="SnapshotQuotaExceeded"):
        flight.finish(change)
    assert flight.history.creations(place.NAME) == ()


@pytest.mark.parametrize(("fault", "why"), [("snapshot-fails", "failed at 40%"), ("snapshot-stalls", "stood still")])
def test_a_snapshot_that_fails_or_stands_still_is_named_and_is_no_backup(flight, fault, why):
    flight.world.break_with(fault)
    with pytest.raises(StepFailed, match=why):
        take(flight)
    assert flight.history.newest_good(place.NAME, BackupKind.DATABASE) is None


def test_a_database_that_is_busy_is_waited_for(flight):
    (change,) = flight.plan("rds.create_snapshot")
    _, progress = flight.begin(change)
    flight.world.database.status = "modifying"
    applied, progress = flight.apply(change, progress)
    assert "busy" in applied.detail
    flight.world.database.status = "available"
    assert isinstance(flight.finish(change, progress), Done)


def test_a_stopped_database_and_a_stack_without_one_are_refused(flight):
    flight.world.break_with("database-down")
    with pytest.raises(StepRefused, match="is stopped"):
        flight.plan("rds.create_snapshot")
    flight.stack = flight.world.stack().model_copy(update={"database": None})
    with pytest.raises(StepRefused, match=r"write database\.instance"):
        flight.plan("rds.create_snapshot")


def test_a_name_that_somebody_else_took_is_not_ours(flight):
    flight.past(NAME, flight.world.clock.now(), tags={"team": "else"}, record=False)
    (change,) = flight.plan("rds.create_snapshot")
    look, _ = flight.begin(change)
    assert look.standing is Standing.DRIFTED


def test_s18_rows_that_fell_by_a_fifth_make_it_suspect_until_a_person_says_all_is_well(flight):
    take(flight)
    flight.world.break_with("rows-lost")
    flight.run = "r-2"
    done = take(flight)
    assert "in doubt" in done.detail
    assert flight.history.newest_good(place.NAME, BackupKind.DATABASE).id == NAME
    assert "runs from" in flight.history.suspicion(place.NAME).why
    now = flight.world.clock.now()
    flight.history.clear_suspicion(place.NAME, "alice", "we deleted an experiment", now)
    flight.run = "r-3"
    assert "in doubt" not in take(flight).detail
    assert flight.history.newest_good(place.NAME, BackupKind.DATABASE).run_id == "r-3"
