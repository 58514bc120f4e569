"""The world's RDS around its database: snapshots and restores that take time, and what can go wrong with them."""

import pytest
from botocore.exceptions import ClientError

from steward.sandbox import place
from steward.sandbox.world import World


@pytest.fixture
def world():
    with World.create(seed=3) as world:
        yield world


def rds(world, region=place.REGION):
    return world.session().client("rds", region_name=region)


def take(world, name="mine"):
    return rds(world).create_db_snapshot(DBSnapshotIdentifier=name, DBInstanceIdentifier=place.DATABASE)["DBSnapshot"]


def stands(world, name="mine"):
    (found,) = rds(world).describe_db_snapshots(DBSnapshotIdentifier=name)["DBSnapshots"]
    return found["Status"], found["PercentProgress"]


def told(world):
    return [each["detail"]["EventID"] for each in world.take_events() if each["detail-type"] == "RDS DB Snapshot Event"]


def refusal(call):
    with pytest.raises(ClientError) as caught:
        call()
    return caught.value.response["Error"]["Code"]


def test_a_snapshot_takes_its_time_and_the_instance_backs_up_meanwhile(world):
    assert take(world)["Status"] == "creating"
    world.advance(90)
    assert stands(world) == ("creating", 50)
    assert world.database.status == "backing-up"
    assert refusal(lambda: take(world, "second")) == "InvalidDBInstanceState"
    world.advance(120)
    assert stands(world) == ("available", 100)
    assert world.database.status == "available"
    assert told(world) == ["RDS-EVENT-0040", "RDS-EVENT-0042"]
    assert refusal(lambda: take(world)) == "DBSnapshotAlreadyExists"


def test_a_restored_instance_comes_up_answers_and_goes_slowly(world):
    take(world)
    world.advance(200)
    asked = {"DBInstanceIdentifier": "copy", "DBSnapshotIdentifier": "mine", "PubliclyAccessible": False}
    rds(world).restore_db_instance_from_db_snapshot(**asked)
    seen = []
    for _ in range(10):
        (found,) = rds(world).describe_db_instances(DBInstanceIdentifier="copy")["DBInstances"]
        seen += [found["DBInstanceStatus"]] if found["DBInstanceStatus"] not in seen else []
        world.advance(80)
    assert seen == ["creating", "backing-up", "available"]
    rds(world).delete_db_instance(DBInstanceIdentifier="copy", SkipFinalSnapshot=True)
    world.advance(100)
    assert rds(world).describe_db_instances(DBInstanceIdentifier="copy")["DBInstances"]
    world.advance(200)
    assert refusal(lambda: rds(world).describe_db_instances(DBInstanceIdentifier="copy")) == "DBInstanceNotFound"


def test_a_copy_in_another_region_needs_a_key_of_that_region(world):
    take(world)
    world.advance(200)
    arn = place.arn("rds", "snapshot:mine")
    there = rds(world, place.OFFSITE_REGION)
    asked = {"SourceDBSnapshotIdentifier": arn, "TargetDBSnapshotIdentifier": "far", "SourceRegion": place.REGION}
    assert refusal(lambda: there.copy_db_snapshot(**asked)) == "InvalidParameterCombination"
    there.copy_db_snapshot(**asked, KmsKeyId=place.OFFSITE_KEY)
    world.advance(500)
    (found,) = there.describe_db_snapshots(DBSnapshotIdentifier="far")["DBSnapshots"]
    assert (found["Status"], found["SourceDBSnapshotIdentifier"]) == ("available", arn)
    assert refusal(lambda: rds(world).describe_db_snapshots(DBSnapshotIdentifier="far")) == "DBSnapshotNotFound"


def test_automated_snapshots_and_aws_backup_s_are_there_and_cannot_be_deleted(world):
    listed = rds(world).describe_db_snapshots(DBInstanceIdentifier=place.DATABASE)["DBSnapshots"]
    assert {each["SnapshotType"] for each in listed} == {"automated", "awsbackup"}
    name = listed[0]["DBSnapshotIdentifier"]
    assert refusal(lambda: rds(world).delete_db_snapshot(DBSnapshotIdentifier=name)) == "InvalidDBSnapshotState"


def test_snapshot_fails_at_forty_percent_with_an_event(world):
    world.break_with("snapshot-fails")
    take(world)
    world.advance(200)
    assert stands(world) == ("failed", 40)
    assert told(world)[-1] == "RDS-EVENT-0331"


def test_snapshot_stalls_at_forty_percent_and_nobody_says_so(world):
    world.break_with("snapshot-stalls")
    take(world)
    world.advance(7200)
    assert stands(world) == ("creating", 40)
    assert told(world) == ["RDS-EVENT-0040"]


def test_snapshot_quota_refuses_the_next_one(world):
    world.break_with("snapshot-quota")
    assert refusal(lambda: take(world)) == "SnapshotQuotaExceeded"


def test_snapshot_denied_is_a_right_that_is_missing(world):
    world.break_with("snapshot-denied")
    assert refusal(lambda: take(world)) == "AccessDenied"


def test_snapshot_default_key_cannot_be_shared(world):
    world.break_with("snapshot-default-key")
    take(world)
    world.advance(200)
    asked = {"DBSnapshotIdentifier": "mine", "AttributeName": "restore", "ValuesToAdd": ["210987654321"]}
    assert refusal(lambda: rds(world).modify_db_snapshot_attribute(**asked)) == "InvalidDBSnapshotState"


def test_rows_lost_shows_in_what_the_database_holds(world):
    before = world.rds.contents(world.clock.now()).rows
    world.break_with("rows-lost")
    after = world.rds.contents(world.clock.now()).rows
    assert all(after[table] < 0.7 * before[table] for table in before)


def test_restore_fails_as_incompatible(world):
    world.break_with("restore-fails")
    take(world)
    world.advance(200)
    rds(world).restore_db_instance_from_db_snapshot(DBInstanceIdentifier="copy", DBSnapshotIdentifier="mine")
    world.advance(600)
    (found,) = rds(world).describe_db_instances(DBInstanceIdentifier="copy")["DBInstances"]
    assert found["DBInstanceStatus"] == "incompatible-restore"


def test_database_gone_takes_rds_s_own_snapshots_along_and_leaves_those_that_somebody_took(world):
    take(world)
    world.advance(600)
    world.break_with("database-gone")
    asked = {"DBInstanceIdentifier": place.DATABASE}
    assert refusal(lambda: rds(world).describe_db_instances(**asked)) == "DBInstanceNotFound"
    assert rds(world).describe_db_instances()["DBInstances"] == []
    assert refusal(lambda: take(world, "late")) == "DBInstanceNotFound"
    kinds = {one["SnapshotType"] for one in rds(world).describe_db_snapshots(**asked)["DBSnapshots"]}
    assert kinds == {"manual", "awsbackup"}
    world.advance(300)
    assert not world.database.answers


def test_rotated_since_what_is_restored_refuses_the_password_of_today_until_it_is_set(world):
    world.break_with("rotated-since")
    automated = f"rds:{place.DATABASE}-2026-11-02-02-10"
    rds(world).restore_db_instance_from_db_snapshot(DBInstanceIdentifier="beside", DBSnapshotIdentifier=automated)
    setting = {"DBInstanceIdentifier": "beside", "MasterUserPassword": place.DATABASE_PASSWORD}
    assert refusal(lambda: rds(world).modify_db_instance(**setting)) == "InvalidDBInstanceState"
    world.advance(900)
    restored = world.rds.restored["beside"]
    assert restored.refusal(place.DATABASE_PASSWORD)
    rds(world).modify_db_instance(**setting)
    assert restored.status == "resetting-master-credentials"
    world.advance(60)
    assert (restored.status, restored.refusal(place.DATABASE_PASSWORD)) == ("available", None)
