"""rds.restore_snapshot: beside the one in use, never public (S16, S20), and it says what is not in it (S19)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.errors import StepFailed, StepRefused
from chalicelib.models.history import MadeKind, Placement
from chalicelib.models.made_names import mark_of
from chalicelib.models.stack_backup import BackupPart
from chalicelib.steps.registry import ACTIONS
from chalicelib.steps.restored_settings import of_instance
from chalicelib.steps.step import Done, Pending, Standing
from steward.sandbox import place

MARK = f"{mark_of(place.NAME)}-{place.NAME}"

NAME = f"{MARK}-r-1-step"


@pytest.fixture
def good(flight):
    flight.past("steward-day", flight.world.clock.now() - timedelta(hours=3))
    return flight


def test_it_is_set_up_like_the_one_in_use_and_s19_says_what_it_lacks(good):
    (change,) = good.plan("rds.restore_snapshot")
    asked = change.parameters
    assert asked["PubliclyAccessible"] is False
    assert asked["VpcSecurityGroupIds"] == [place.SECURITY_GROUP]
    assert asked["DBSubnetGroupName"] == place.SUBNET_GROUP
    assert (asked["MultiAZ"], asked["DeletionProtection"]) == (True, True)
    assert "lacks everything written after 2026-11-02 06:01 UTC" in change.sentence


def test_it_is_followed_until_it_answers_and_hands_on_where_it_is(good):
    (done,) = good.do("rds.restore_snapshot")
    assert isinstance(done, Done)
    assert done.facts["instance"] == NAME
    assert done.facts["host"].startswith(NAME)
    assert done.facts["snapshot"] == "steward-day"
    assert done.facts["ordered_at"] < good.world.clock.now().isoformat()
    assert good.world.rds.restored[NAME].protected


def test_on_its_way_it_says_how_long_it_has_taken_since_rds_tells_no_percent(good):
    (change,) = good.plan("rds.restore_snapshot")
    _, progress = good.begin(change)
    _, progress = good.apply(change, progress)
    good.world.advance(60)
    second, _ = good.apply(change, progress)
    assert isinstance(second, Pending)
    assert (second.how_far.done, second.how_far.total, second.how_far.unit) == (60, None, "seconds")
    assert "60 seconds" in second.detail


def test_s16_a_throw_away_has_a_record_a_time_to_be_deleted_and_groups_of_its_own(good):
    part = BackupPart(restore_security_groups=("sg-drill",))
    good.stack = good.world.stack().model_copy(update={"backup": part})
    good.do("rds.restore_snapshot", throw_away=True, delete_after="2h")
    made, record = good.world.rds.restored[NAME], good.history.creation(place.NAME, MadeKind.INSTANCE, NAME)
    assert record.delete_after - record.at == timedelta(hours=2)
    tags = {tag["Key"]: tag["Value"] for tag in made.tags}
    assert tags["steward:delete-after"] == record.delete_after.isoformat()
    assert (made.protected, made.settings["MultiAZ"], made.settings["VpcSecurityGroupIds"]) == (
        False,
        False,
        ["sg-drill"],
    )
    assert made.settings["PubliclyAccessible"] is False


def test_s16_a_throw_away_without_groups_of_its_own_is_refused_with_the_remedy(good):
    for said, why in (
        ((), r"S16.*write it as backup\.restoreSecurityGroups"),
        (("sg-drill", place.SECURITY_GROUP), f"S16.*names {place.SECURITY_GROUP}, which {place.DATABASE} has too"),
    ):
        part = BackupPart(restore_security_groups=said)
        good.stack = good.world.stack().model_copy(update={"backup": part})
        with pytest.raises(StepRefused, match=why):
            good.plan("rds.restore_snapshot", throw_away=True)
        assert good.plan("rds.restore_snapshot")


def test_a_worker_that_died_after_the_call_restored_only_one(good):
    (change,) = good.plan("rds.restore_snapshot")
    _, progress = good.begin(change)
    good.apply(change, progress)
    look, progress = good.begin(change)
    assert look.standing is Standing.READY
    assert isinstance(good.finish(change, progress), Done)
    assert len(good.calls("RestoreDBInstanceFromDBSnapshot")) == 1


def test_rds_s_automated_one_can_be_restored_by_name(flight):
    automated = f"rds:{place.DATABASE}-2026-11-02-02-10"
    (done,) = flight.do("rds.restore_snapshot", snapshot=automated, throw_away=True)
    assert done.facts["snapshot"] == automated


def test_a_snapshot_of_another_stack_is_refused_before_anything_is_touched(good):
    good.past("steward-other", good.world.clock.now(), tags={"steward:stack": "churn-mlflow"})
    with pytest.raises(StepRefused, match="belongs to the stack churn-mlflow"):
        good.plan("rds.restore_snapshot", snapshot="steward-other")
    with pytest.raises(StepRefused, match="there is no snapshot gone"):
        good.plan("rds.restore_snapshot", snapshot="gone")


def test_one_that_comes_up_broken_is_named(good):
    good.world.break_with("restore-fails")
    with pytest.raises(StepFailed, match="is incompatible-restore"):
        good.do("rds.restore_snapshot")


def test_a_cancelled_restore_says_what_becomes_of_it(good):
    (change,) = good.plan("rds.restore_snapshot", throw_away=True)
    action = ACTIONS["rds.restore_snapshot"]
    assert action.interruptible
    assert "deleted as what is thrown away" in action.abandon(good.ctx(), change, good.begin(change)[1])


@pytest.mark.parametrize(
    ("storage", "gib", "asked"),
    [
        ("io2", 100, {"StorageType": "io2", "Iops": 5000}),
        ("gp3", 500, {"StorageType": "gp3", "Iops": 5000, "StorageThroughput": 250}),
        ("gp3", 100, {"StorageType": "gp3"}),  # RDS refuses any word about speed below 400 GiB
        ("gp2", 500, {"StorageType": "gp2"}),
    ],
)
def test_storage_is_asked_for_with_its_speed_where_rds_wants_or_takes_it(good, storage, gib, asked):
    snapshot = replace(good.ctx().aws.rds_snapshots.find("steward-day", cluster=False), allocated_gib=gib)
    like = Placement(database=place.DATABASE, storage_type=storage, iops=5000, throughput=250)
    settings = of_instance(like, snapshot, "new", None, one_zone=True)
    speed = {"StorageType", "Iops", "StorageThroughput"}
    assert {key: value for key, value in settings.items() if key in speed} == asked


def test_the_plan_says_how_large_it_is_and_which_key_it_is_encrypted_with(good):
    (change,) = good.plan("rds.restore_snapshot")
    assert f"into the new {change.parameters['DBInstanceIdentifier']} (db.t3.micro)" in change.sentence
    assert f"encrypted with {place.DATABASE_KEY}" in change.sentence
    (drill,) = good.plan("rds.restore_snapshot", throw_away=True, instance_class="db.t4g.micro")
    assert "(db.t4g.micro, where fraud-scoring-mlflow-db is db.t3.micro, in one zone where" in drill.sentence
