"""What an account can have from the beginning that the usual one of the world has not; nothing in it is broken.

A rehearsal names these under `world: {unlike: [...]}`: at most one of those that are another task definition.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from chalicelib.errors import UnknownName
from steward.sandbox import place
from steward.sandbox.fault import always_was
from steward.sandbox.rds_faults import rotated_since
from steward.sandbox.task_definitions import SECRET_ARN, definition_of, install_and_serve

if TYPE_CHECKING:
    from steward.sandbox.world import World

_FLASK = "MLFLOW_FLASK_SERVER_SECRET_KEY"
_PARAMETER = "/mlflow/flask"


def make_unlike(world: "World", name: str) -> None:
    apply = UNLIKE.get(name)
    if apply is None:
        raise UnknownName("circumstance", name, list(UNLIKE))
    apply(world)


def _backup_without_block(world: "World") -> None:
    """The backup bucket is private by its grants and its policy alone."""
    world.prepare("s3")
    world.own_client("s3").delete_public_access_block(Bucket=place.BACKUP_BUCKET)


def _tagged_definition(world: "World") -> None:
    always_was(world, definition_of(install_and_serve()) | {"tags": [{"key": "cost-centre", "value": "ml-4711"}]})


def _host_in_secret(world: "World") -> None:
    """The tasks get their database's address from its secret, and no variable says it."""
    definition = definition_of(install_and_serve())
    (container,) = definition["containerDefinitions"]
    container["environment"] = [each for each in container["environment"] if each["name"] != "DB_HOST"]
    container["secrets"].append({"name": "DB_HOST", "valueFrom": f"{SECRET_ARN}:host::"})
    world.secrets.always_named(place.DATABASE_HOST)
    always_was(world, definition)


def _secret_in_parameter(world: "World") -> None:
    world.own_client("ssm").put_parameter(Name=_PARAMETER, Value="sandbox-flask-key", Type="SecureString")
    definition = definition_of(install_and_serve())
    (container,) = definition["containerDefinitions"]
    container["secrets"] = [each for each in container["secrets"] if each["name"] != _FLASK]
    container["secrets"].append({"name": _FLASK, "valueFrom": place.arn("ssm", f"parameter{_PARAMETER}")})
    always_was(world, definition)


def _tasks_by_the_clock(world: "World") -> None:
    """A rule and a schedule start tasks of old revisions that no service has any more."""
    role = place.EXECUTION_ROLE_ARN
    by_rule, by_schedule = (
        {"Arn": place.CLUSTER_ARN, "RoleArn": role, "EcsParameters": {"TaskDefinitionArn": _revision(number)}}
        for number in (4, 5)
    )
    events = world.own_client("events")
    events.put_rule(Name="nightly-export", ScheduleExpression="rate(1 day)")
    events.put_targets(Rule="nightly-export", Targets=[by_rule | {"Id": "1"}])
    world.own_client("scheduler").create_schedule(
        Name="weekly-report",
        ScheduleExpression="rate(7 days)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target=by_schedule,
    )


def _revision(number: int) -> str:
    return place.arn("ecs", f"task-definition/{place.FAMILY}:{number}")


UNLIKE: Mapping[str, Callable[["World"], None]] = {
    "backup-bucket-without-block": _backup_without_block,
    "tagged-definition": _tagged_definition,
    "host-in-secret": _host_in_secret,
    "secret-in-parameter": _secret_in_parameter,
    "rotated-since": rotated_since,
    "tasks-by-the-clock": _tasks_by_the_clock,
}
