"""rds.copy_snapshot: the other region under a key of that region, another account by sharing, other stacks refused."""

from datetime import timedelta

import pytest

from chalicelib.errors import StepFailed, StepRefused
from chalicelib.models.history import BackupKind, MadeKind
from chalicelib.models.made_names import mark_of
from chalicelib.models.stack_backup import BackupPart
from chalicelib.steps.step import Done, Standing
from steward.sandbox import place

MARK = f"{mark_of(place.NAME)}-{place.NAME}"

COPY = (place.OFFSITE_REGION, f"{MARK}-r-1-step")
OTHER_ACCOUNT = "210987654321"


@pytest.fixture
def good(flight):
    flight.past("steward-day", flight.world.clock.now() - timedelta(hours=3))
    return flight


def offsite(flight, **said):
    part = BackupPart.model_validate({"offsite": said}) if said else BackupPart()
    flight.stack = flight.world.stack().model_copy(update={"backup": part})


def test_the_newest_good_one_is_copied_and_the_copy_is_a_backup_of_the_same_moment(good):
    (change,) = good.plan("rds.copy_snapshot")
    assert change.parameters["KmsKeyId"] == place.OFFSITE_KEY
    assert change.parameters["SourceRegion"] == place.REGION
    done = good.finish(change)
    assert done.facts == {"copy_id": COPY[1], "region": place.OFFSITE_REGION}
    assert good.world.rds.snapshots[COPY].key == place.OFFSITE_KEY
    original, copy = (good.history.backup(place.NAME, BackupKind.DATABASE, n) for n in ("steward-day", COPY[1]))
    assert copy.as_of == original.as_of
    record = good.history.creation(place.NAME, MadeKind.SNAPSHOT, COPY[1])
    assert record.region == place.OFFSITE_REGION


def test_what_was_copied_before_is_not_copied_again(good):
    good.do("rds.copy_snapshot")
    good.run = "r-2"
    assert good.plan("rds.copy_snapshot") == ()


def test_a_worker_that_died_after_the_call_made_no_second_copy(good):
    (change,) = good.plan("rds.copy_snapshot")
    _, progress = good.begin(change)
    good.apply(change, progress)
    look, progress = good.begin(change)
    assert look.standing is Standing.READY
    assert isinstance(good.finish(change, progress), Done)
    assert len(good.calls("CopyDBSnapshot")) == 1


def test_the_copy_is_shared_with_the_account_that_the_stack_names(good):
    offsite(good, region=place.OFFSITE_REGION, kmsKey=place.OFFSITE_KEY, account=OTHER_ACCOUNT)
    good.do("rds.copy_snapshot")
    assert good.world.rds.snapshots[COPY].shared_with == [OTHER_ACCOUNT]
    good.run = "r-2"
    assert good.plan("rds.copy_snapshot") == ()


def test_without_another_region_the_snapshot_itself_is_shared(good):
    offsite(good, account=OTHER_ACCOUNT)
    (change,) = good.plan("rds.copy_snapshot")
    assert change.operation == "rds:ModifyDBSnapshotAttribute"
    good.finish(change)
    assert good.world.rds.snapshots[place.REGION, "steward-day"].shared_with == [OTHER_ACCOUNT]


def test_under_amazon_s_own_key_sharing_is_refused_with_the_remedy(flight):
    flight.world.break_with("snapshot-default-key")
    flight.do("rds.create_snapshot")
    offsite(flight, account=OTHER_ACCOUNT)
    with pytest.raises(StepRefused, match=r"Amazon's own key.*kmsKey of your own"):
        flight.plan("rds.copy_snapshot")
    offsite(flight, account=OTHER_ACCOUNT, region=place.OFFSITE_REGION, kmsKey=place.OFFSITE_KEY)
    assert len(flight.plan("rds.copy_snapshot")) == 2


def test_an_encrypted_snapshot_without_a_key_of_that_region_is_refused_with_the_remedy(good):
    offsite(good, region=place.OFFSITE_REGION)
    with pytest.raises(StepRefused, match=r"name a KMS key of eu-west-1 as backup\.offsite\.kmsKey"):
        good.plan("rds.copy_snapshot")


def test_a_snapshot_of_another_database_or_stack_is_refused(good):
    good.past("steward-other", good.world.clock.now(), tags={"steward:stack": "churn-mlflow"})
    with pytest.raises(StepRefused, match="belongs to the stack churn-mlflow"):
        good.plan("rds.copy_snapshot", snapshot="steward-other")
    foreign = good.past("steward-foreign", good.world.clock.now())
    foreign.source = "churn-db"
    with pytest.raises(StepRefused, match="is of churn-db, not of fraud-scoring-mlflow-db"):
        good.plan("rds.copy_snapshot", snapshot="steward-foreign")


def test_no_other_place_and_nothing_to_copy_are_said(flight):
    with pytest.raises(StepRefused, match="run snapshot-database"):
        flight.plan("rds.copy_snapshot")
    offsite(flight)
    with pytest.raises(StepRefused, match=r"write backup\.offsite"):
        flight.plan("rds.copy_snapshot")


def test_a_copy_that_stands_still_is_named(good):
    good.world.break_with("snapshot-stalls")
    with pytest.raises(StepFailed, match="stood still at 40%"):
        good.do("rds.copy_snapshot")


def test_s18_a_copy_of_a_doubted_snapshot_is_doubted_and_has_its_rows(good):
    now = good.world.clock.now()
    good.history.amend_backup(place.NAME, BackupKind.DATABASE, "steward-day", now, suspect="runs fell")
    original = good.history.backup(place.NAME, BackupKind.DATABASE, "steward-day")
    good.do("rds.copy_snapshot", snapshot="steward-day")
    copy = good.history.backup(place.NAME, BackupKind.DATABASE, COPY[1])
    assert (copy.suspect, copy.is_good) == ("runs fell", False)
    assert copy.rows == original.rows
    assert good.read("rds.list_copies").newest_good is None
