"""What can be broken at the bucket of the artifacts."""

from typing import TYPE_CHECKING

from steward.sandbox import place
from steward.sandbox.bucket import ENDPOINT, KMS_KEY_ARN, Store
from steward.sandbox.fault import Fault, always_was
from steward.sandbox.task_definitions import definition_of, install_and_serve

if TYPE_CHECKING:
    from steward.sandbox.world import World

_BUCKET = {place.BUCKET: "AWS::S3::Bucket"}
_ROLE = place.TASK_ROLE_ARN.rsplit("/", 1)[-1]


def bucket_denied(world: "World", only_tasks: bool = False) -> None:
    """`only_tasks`: the task's role lost its rights; else the bucket's policy stops everybody."""
    world.bucket.state, world.bucket.only_tasks = Store.DENIED, only_tasks
    if only_tasks:
        asked = {"roleName": _ROLE, "policyName": "artifacts"}
        world.trail.note(world.clock.now(), "iam", "DeleteRolePolicy", {_ROLE: "AWS::IAM::Role"}, asked)
    else:
        world.trail.note(world.clock.now(), "s3", "PutBucketPolicy", _BUCKET, {"bucketName": place.BUCKET})


def bucket_missing(world: "World") -> None:
    world.bucket.state = Store.MISSING
    world.trail.note(world.clock.now(), "s3", "DeleteBucket", _BUCKET, {"bucketName": place.BUCKET})


def bucket_wrong_region(world: "World") -> None:
    world.bucket.state = Store.ELSEWHERE
    told = {ENDPOINT: f"https://s3.{place.REGION}.amazonaws.com"}
    always_was(world, definition_of(install_and_serve(), environment=told))


def kms_denied(world: "World") -> None:
    world.bucket.state = Store.KMS_DENIED
    world.trail.note(world.clock.now(), "kms", "PutKeyPolicy", {KMS_KEY_ARN: "AWS::KMS::Key"})


BUCKET_FAULTS = (
    Fault("bucket-denied", "The bucket's policy refuses everybody; tasks and database are well.", bucket_denied),
    Fault("bucket-missing", "Somebody deleted the bucket of the artifacts.", bucket_missing),
    Fault(
        "bucket-wrong-region",
        "The bucket lies in another region than the endpoint that the tasks are told to ask.",
        bucket_wrong_region,
    ),
    Fault(
        "kms-denied",
        "The bucket's key refuses everybody: artifacts can be listed, and neither read nor written.",
        kms_denied,
    ),
)
