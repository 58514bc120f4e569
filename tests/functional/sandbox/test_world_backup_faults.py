"""What can happen to artifacts and their backup, as S3 itself shows it."""

import json

import pytest
from botocore.exceptions import ClientError

from chalicelib.aws.gateways import Aws
from chalicelib.errors import AwsDenied, AwsError
from steward.sandbox import place
from steward.sandbox.backup_faults import ODD_NAMES
from steward.sandbox.earlier_backup import newest_head_key
from steward.sandbox.world import World


@pytest.fixture
def world():
    with World.create(seed=3) as world:
        yield world


def s3(world):
    return world.session().client("s3", region_name=place.REGION)


def keys(world, bucket=place.BUCKET):
    found = s3(world).list_objects_v2(Bucket=bucket, Prefix=f"{place.PREFIX}/").get("Contents", [])
    return {one["Key"]: (one["Size"], one["ETag"]) for one in found}


def copy(world, key, times=1):
    """What the product's own lane says to a copy, `times` in a row."""
    lane = Aws(world.session(), place.REGION).s3_lane()
    size, etag = keys(world)[key]
    places = (place.BUCKET, key), (place.BACKUP_BUCKET, key)
    return [lane.copy(*places, size=size, etag=etag.strip('"')) for _ in range(times)][-1]


def a_key(world):
    return next(key for key, (size, _) in keys(world).items() if size > 1)


def test_artifacts_grown_leaves_new_ones_with_odd_names_and_no_backup(world):
    world.break_with("artifacts-grown", count=3)
    assert {f"{place.PREFIX}/7/odd/artifacts/{name}" for name in ODD_NAMES} <= set(keys(world))
    assert keys(world, place.BACKUP_BUCKET) == {}


def test_artifacts_backed_up_has_the_same_on_both_sides(world):
    world.break_with("artifacts-backed-up")
    assert keys(world) == keys(world, place.BACKUP_BUCKET) != {}
    assert newest_head_key(world)


def test_artifacts_changed_has_one_new_one_other_one_gone(world):
    world.break_with("artifacts-changed")
    ours, copies = keys(world), keys(world, place.BACKUP_BUCKET)
    other = [key for key in ours if key in copies and ours[key] != copies[key]]
    assert (len(ours.keys() - copies.keys()), len(copies.keys() - ours.keys()), len(other)) == (1, 1, 1)


def test_artifacts_vanished_takes_half_of_them(world):
    world.break_with("artifacts-vanished")
    assert len(keys(world, place.BACKUP_BUCKET).keys() - keys(world).keys()) == 6


def test_artifacts_overwritten_has_one_newer_and_one_lost(world):
    world.break_with("artifacts-overwritten")
    ours, copies = keys(world), keys(world, place.BACKUP_BUCKET)
    assert len(copies.keys() - ours.keys()) == 1
    assert sum(ours[key] != copies[key] for key in ours) == 1


def test_artifacts_long_gone_is_missing_since_the_backup_before_last(world):
    world.break_with("artifacts-long-gone")
    assert len(keys(world, place.BACKUP_BUCKET).keys() - keys(world).keys()) == 1


def test_s3_slow_down_tells_copies_to_come_again_and_then_lets_them(world):
    world.break_with("s3-slow-down", count=1)
    assert copy(world, a_key(world)) is not None
    assert world.s3_wire.troubles.slow_downs == 0


def test_s3_errors_answers_with_500_and_then_copies(world):
    world.break_with("s3-errors", count=1)
    assert copy(world, a_key(world)) is not None
    assert world.s3_wire.troubles.errors == 0


def test_copy_truncated_arrives_with_half_of_its_bytes_and_says_that_all_is_well(world):
    world.break_with("copy-truncated")
    key = a_key(world)
    copy(world, key)
    assert keys(world, place.BACKUP_BUCKET)[key][0] == keys(world)[key][0] // 2


def test_copies_denied_after_a_few_denies_all_further_ones(world):
    world.break_with("copies-denied", after=2)
    key = a_key(world)
    copy(world, key, times=2)
    for _ in range(2):
        with pytest.raises(AwsDenied):
            copy(world, key)


def test_artifact_changes_in_the_moment_it_is_copied(world):
    world.break_with("artifact-changes")
    key = a_key(world)
    before = keys(world)[key]
    with pytest.raises(AwsError, match=r"PreconditionFailed|412"):
        copy(world, key)
    assert keys(world)[key] != before


def test_backup_unversioned_keeps_no_versions(world):
    world.break_with("backup-unversioned")
    assert s3(world).get_bucket_versioning(Bucket=place.BACKUP_BUCKET)["Status"] == "Suspended"


def test_backup_without_rule_has_no_lifecycle(world):
    world.break_with("backup-without-rule")
    with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
        s3(world).get_bucket_lifecycle_configuration(Bucket=place.BACKUP_BUCKET)


def test_backup_expires_itself_by_a_rule_over_current_objects(world):
    world.break_with("backup-expires-itself")
    (rule,) = s3(world).get_bucket_lifecycle_configuration(Bucket=place.BACKUP_BUCKET)["Rules"]
    assert rule["Expiration"] == {"Days": 30}


def test_manifest_tampered_reads_well_and_says_something_else(world):
    world.break_with("manifest-tampered")
    forged = s3(world).get_object(Bucket=place.BACKUP_BUCKET, Key=newest_head_key(world))["Body"].read()
    assert json.loads(forged)
    assert b'"vanished":1' in forged


def test_manifest_cut_has_a_head_and_lacks_a_part(world):
    world.break_with("manifest-cut")
    assert newest_head_key(world)
    versions = s3(world).list_object_versions(Bucket=place.BACKUP_BUCKET).get("Versions", [])
    assert not any("/parts/" in one["Key"] for one in versions)
