"""What can happen to backups of the artifacts: to the copies, to the bucket, to manifests, to what is backed up."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from steward.sandbox import place
from steward.sandbox.earlier_backup import back_up_earlier, newest_head_key
from steward.sandbox.fault import Fault
from steward.sandbox.moto_objects import put_object

if TYPE_CHECKING:
    from steward.sandbox.world import World

ODD_NAMES = ("plus+and space.txt", "100% done?.txt", "größe/模型.bin", "a//b.txt", "empty", "&<>'\".xml")
_MARKED_DAYS = 8


def _s3(world: "World") -> Any:  # noqa: ANN401 - a client of boto3
    world.prepare("s3")
    return world.own_client("s3")


def _put(world: "World", name: str, body: bytes) -> None:
    world.prepare("s3")
    put_object(place.BUCKET, f"{place.PREFIX}/{name}", body)


def _remove(world: "World", name: str) -> None:
    _s3(world).delete_object(Bucket=place.BUCKET, Key=f"{place.PREFIX}/{name}")


def _name(number: int) -> str:
    return f"{1 + number % 3}/{'%04x' % (40503 * number % 65536)}/artifacts/model-{number}.bin"


def artifacts_grown(world: "World", count: int = 12) -> None:
    for number in range(count):
        _put(world, _name(number), f"model {number}\n".encode() * (1 + number))
    for name in ODD_NAMES:
        _put(world, f"7/odd/artifacts/{name}", b"" if name == "empty" else name.encode())


def artifacts_backed_up(world: "World", count: int = 12, hours: int = 24) -> None:
    artifacts_grown(world, count)
    back_up_earlier(world, world.clock.now() - timedelta(hours=hours))


def artifacts_changed(world: "World", count: int = 12) -> None:
    artifacts_backed_up(world, count)
    _put(world, _name(0), b"trained again\n")
    _put(world, "9/new/artifacts/model.bin", b"new\n")
    _remove(world, _name(1))


def artifacts_vanished(world: "World", share: float = 0.5) -> None:
    artifacts_backed_up(world)
    for number in range(round(12 * share)):
        _remove(world, _name(number))


def artifacts_overwritten(world: "World") -> None:
    """One after the backup, with something newer; one lost. The backup is of an hour ago."""
    artifacts_backed_up(world, hours=1)
    _put(world, _name(0), b"newer than the backup\n")
    world.s3_wire.date(place.BUCKET, f"{place.PREFIX}/{_name(0)}", world.clock.now())
    _remove(world, _name(3))


def artifact_lost(world: "World") -> None:
    artifacts_backed_up(world, hours=1)
    _remove(world, _name(3))


def artifacts_long_gone(world: "World", new: int = 0) -> None:
    artifacts_grown(world)
    for days in (2 * _MARKED_DAYS, _MARKED_DAYS):
        back_up_earlier(world, world.clock.now() - timedelta(days=days))
        _remove(world, _name(0))
    for number in range(new):
        _put(world, f"9/new/artifacts/{number}.bin", b"new")


def s3_slow_down(world: "World", count: int = 3) -> None:
    artifacts_grown(world)
    world.s3_wire.troubles.slow_downs = count


def s3_errors(world: "World", count: int = 2) -> None:
    artifacts_grown(world)
    world.s3_wire.troubles.errors = count


def copy_truncated(world: "World", count: int = 1) -> None:
    artifacts_grown(world)
    world.s3_wire.troubles.truncated = count


def copies_denied(world: "World", after: int = 5) -> None:
    artifacts_grown(world)
    world.s3_wire.troubles.denied_after = after


def artifact_changes_meanwhile(world: "World", count: int = 1) -> None:
    artifacts_grown(world)
    world.s3_wire.troubles.changing = count


def backup_unversioned(world: "World") -> None:
    versioning = {"Status": "Suspended"}
    _s3(world).put_bucket_versioning(Bucket=place.BACKUP_BUCKET, VersioningConfiguration=versioning)


def backup_without_rule(world: "World") -> None:
    _s3(world).delete_bucket_lifecycle(Bucket=place.BACKUP_BUCKET)


def backup_expires_itself(world: "World") -> None:
    rule = {"ID": "cleanup", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 30}}
    rules = {"Rules": [rule]}
    _s3(world).put_bucket_lifecycle_configuration(Bucket=place.BACKUP_BUCKET, LifecycleConfiguration=rules)


def manifest_tampered(world: "World") -> None:
    artifacts_backed_up(world)
    client, key = _s3(world), newest_head_key(world)
    head = client.get_object(Bucket=place.BACKUP_BUCKET, Key=key)["Body"].read()
    forged = head.replace(b'"vanished":0', b'"vanished":1')
    client.put_object(Bucket=place.BACKUP_BUCKET, Key=key, Body=forged)


def manifest_cut(world: "World") -> None:
    """A part of the newest manifest is gone, with all its versions."""
    artifacts_backed_up(world)
    client = _s3(world)
    parts = [
        each for each in client.list_object_versions(Bucket=place.BACKUP_BUCKET)["Versions"] if "/parts/" in each["Key"]
    ]
    for each in parts:
        client.delete_object(Bucket=place.BACKUP_BUCKET, Key=each["Key"], VersionId=each["VersionId"])


BACKUP_FAULTS = (
    Fault("artifacts-grown", "New artifacts were logged, some with odd names; none is backed up yet.", artifacts_grown),
    Fault(
        "artifacts-backed-up", "The artifacts were backed up a day ago; nothing has changed since.", artifacts_backed_up
    ),
    Fault(
        "artifacts-changed",
        "Since yesterday's backup one artifact was trained again, one is new, one was deleted.",
        artifacts_changed,
    ),
    Fault("artifacts-vanished", "Since yesterday's backup half of the artifacts were deleted.", artifacts_vanished),
    Fault(
        "artifacts-overwritten",
        "Since the backup of an hour ago one artifact was written anew and one was lost.",
        artifacts_overwritten,
    ),
    Fault("artifacts-long-gone", "An artifact vanished longer ago than the grace period.", artifacts_long_gone),
    Fault("s3-slow-down", "S3 tells the next copies to slow down.", s3_slow_down),
    Fault("s3-errors", "S3 answers the next copies with 500.", s3_errors),
    Fault(
        "copy-truncated", "The next copy arrives with half of its bytes, and S3 says that it is well.", copy_truncated
    ),
    Fault("copies-denied", "After a few copies, S3 denies all further ones.", copies_denied),
    Fault("artifact-changes", "An artifact is written anew in the moment it is copied.", artifact_changes_meanwhile),
    Fault("backup-unversioned", "The backup bucket keeps no versions any more.", backup_unversioned),
    Fault("backup-without-rule", "The backup bucket's lifecycle was deleted.", backup_without_rule),
    Fault("backup-expires-itself", "A lifecycle rule deletes what is current in the backup.", backup_expires_itself),
    Fault("manifest-tampered", "Somebody changed the manifest of yesterday's backup.", manifest_tampered),
    Fault("manifest-cut", "A part of the manifest of yesterday's backup is gone for good.", manifest_cut),
)
