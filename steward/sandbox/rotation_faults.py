"""What a rotation by Secrets Manager brings: the event that CloudTrail tells, and what may be wrong with it."""

from typing import TYPE_CHECKING

from steward.sandbox import place
from steward.sandbox.fault import Fault
from steward.sandbox.task_definitions import SECRET_ARN

if TYPE_CHECKING:
    from steward.sandbox.world import World

_NEW_PASSWORD = "sandbox-rotated-password"  # noqa: S105 - a world that nobody can reach


def secret_rotated(world: "World", database: str = "changed") -> None:
    """`database`: changed; or kept, where the rotation never told the database; or also_unknown, where
    somebody gave it a third password."""
    now = world.clock.now()
    password = {"changed": _NEW_PASSWORD, "also_unknown": "sandbox-third-password"}.get(database)
    if password is not None:
        world.database.set_password(now, password)
    world.secrets.rotate(now, _NEW_PASSWORD)
    _tell(world, "RotationSucceeded")


def rotation_failed(world: "World") -> None:
    """The new password stayed AWSPENDING, and the database has it already: tasks that run are locked out."""
    now = world.clock.now()
    world.secrets.leave_pending(_NEW_PASSWORD)
    world.database.set_password(now, _NEW_PASSWORD)
    _tell(world, "RotationFailed")


def rotated_but_refused(world: "World") -> None:
    secret_rotated(world, database="kept")


def _tell(world: "World", name: str) -> None:
    now = world.clock.now()
    world.trail.note(now, "secretsmanager", "RotateSecret", {place.DATABASE_SECRET: "AWS::SecretsManager::Secret"})
    detail = {
        "eventVersion": "1.11",
        "userIdentity": {"accountId": place.ACCOUNT, "invokedBy": "secretsmanager.amazonaws.com"},
        "eventTime": now,
        "eventSource": "secretsmanager.amazonaws.com",
        "eventName": name,
        "awsRegion": place.REGION,
        "requestParameters": None,
        "responseElements": None,
        "additionalEventData": {"SecretId": SECRET_ARN},
        "eventType": "AwsServiceEvent",
    }
    world.event_log.emit("aws.secretsmanager", "AWS Service Event via CloudTrail", now, SECRET_ARN, detail)


ROTATION_FAULTS = (
    Fault(
        "secret-rotated",
        "Secrets Manager rotated the database's password: tasks that run have the former.",
        secret_rotated,
    ),
    Fault(
        "rotated-but-refused", "A rotation that never told the database: it refuses AWSCURRENT.", rotated_but_refused
    ),
    Fault("rotation-failed", "A rotation that failed half-way: the database takes AWSPENDING only.", rotation_failed),
)
