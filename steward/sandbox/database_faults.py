"""What can be broken at the database."""

from datetime import timedelta
from typing import TYPE_CHECKING

from steward.sandbox import place
from steward.sandbox.database import Holder
from steward.sandbox.ecs_service import new_task
from steward.sandbox.fault import Fault, retire
from steward.sandbox.task import Status

if TYPE_CHECKING:
    from steward.sandbox.world import World

_INSTANCE = {place.DATABASE: "AWS::RDS::DBInstance"}
_NEW_PASSWORD = "sandbox-rotated-password"  # noqa: S105 - a world that nobody can reach
_NEWER_SCHEMA = "b7f0c3d9e214"
_BY_HAND_SINCE = timedelta(hours=1)


def database_down(world: "World") -> None:
    now = world.clock.now()
    world.trail.note(now, "rds", "StopDBInstance", _INSTANCE, {"dBInstanceIdentifier": place.DATABASE})
    world.database.stop(now)


def password_rotated(world: "World", in_secret: bool = False) -> None:
    """`in_secret`: Secrets Manager rotated it, so a task that starts now has the new one."""
    now = world.clock.now()
    world.database.set_password(now, _NEW_PASSWORD)
    if in_secret:
        world.secrets.rotate(now, _NEW_PASSWORD)
        world.trail.note(now, "secretsmanager", "RotateSecret", {place.DATABASE_SECRET: "AWS::SecretsManager::Secret"})
    else:
        asked = {"dBInstanceIdentifier": place.DATABASE, "masterUserPassword": "****"}
        world.trail.note(now, "rds", "ModifyDBInstance", _INSTANCE, asked)


def database_disk_full(world: "World") -> None:
    world.database.fill(world.clock.now())


def connections_exhausted(world: "World", duplicates: bool = False, lets_in: bool = True) -> None:
    """`duplicates`: by tasks of the same revision that somebody ran by hand; else by other programs.

    `lets_in`: a login that needs one connection for a moment, like a probe's, still finds one.
    """
    world.database.slots_come_and_go = lets_in
    if duplicates:
        world.database.holders += [_by_hand(world), _by_hand(world)]
    else:
        world.database.holders += [Holder("feature-export", "10.0.9.77", 52), Holder("jupyter", "10.0.9.78", 24)]


def idle_duplicates(world: "World") -> None:
    connections_exhausted(world, duplicates=True)


def _by_hand(world: "World") -> Holder:
    since, service = world.clock.now() - _BY_HAND_SINCE, world.service
    task = new_task(world.ids, service.primary.definition, f"family:{place.FAMILY}", "", since)
    world.definitions.equip(task)
    task.status, task.version, task.started_at, task.said_ready = Status.RUNNING, 3, since, True
    service.tasks[task.id] = task
    return Holder("", task.address, 40, lambda: task.is_running)


def schema_too_new(world: "World", lacks_tables: bool = False) -> None:
    """`lacks_tables`: then MLflow tries to migrate, and Alembic says that it does not know the revision."""
    now = world.clock.now()
    world.database.schema, world.database.lacks_tables = _NEWER_SCHEMA, lacks_tables
    world.trail.note(now, "ecs", "RunTask", {place.CLUSTER: "AWS::ECS::Cluster"}, {"taskDefinition": "mlflow-trial"})
    retire(world)


DATABASE_FAULTS = (
    Fault("database-down", "Somebody stopped the database: the API answers 503, /health stays 200.", database_down),
    Fault(
        "password-rotated",
        "The database has another password than the secret says; nobody who has the old one gets in.",
        password_rotated,
    ),
    Fault(
        "database-disk-full",
        "The database's storage is used up: logins work, and everything that is then asked fails.",
        database_disk_full,
    ),
    Fault(
        "connections-exhausted",
        "Other programs hold all connections that the database gives; MLflow gets none.",
        connections_exhausted,
    ),
    Fault(
        "idle-duplicates",
        "Two tasks that somebody ran beside the service and forgot hold the connections that MLflow needs.",
        idle_duplicates,
    ),
    Fault(
        "schema-too-new",
        "A newer MLflow migrated the schema: what runs goes on, and no task that starts comes up.",
        schema_too_new,
    ),
)
