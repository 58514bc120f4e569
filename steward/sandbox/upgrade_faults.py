"""Deployments that run an older MLflow, and what an upgrade of them can meet."""

from typing import TYPE_CHECKING, Any

from chalicelib.steps.mlflow_schemas import head_of
from steward.sandbox import place
from steward.sandbox.fault import Fault, always_was, retire
from steward.sandbox.task import Behaviour, Task
from steward.sandbox.task_definitions import definition_of, install_and_serve

if TYPE_CHECKING:
    from steward.sandbox.world import World

OLDER = "3.13.0"
_DIES = Behaviour(
    exits_after_s=70,
    exit_code=1,
    last_words=("ImportError: cannot import name 'TraceInfo' from 'mlflow.entities'",),
)
_SECRET_KEY = "MLFLOW_FLASK_SERVER_SECRET_KEY"  # noqa: S105 - the name of a variable


def older_mlflow(
    world: "World",
    version: str = OLDER,
    lacks: str = "",
    migration: str = "well",
    new_tasks: str = "serve",
    circuit_breaker: str = "stop",
    image: bool = False,
    autoscaled: bool = False,
    snapshot: str = "well",
) -> None:
    """`lacks`: hosts, secret_key or driver. `migration`: well, fails (nothing is changed), half, late or hangs.
    `new_tasks`: serve, or die soon after their start. `image`: MLflow comes with it. `snapshot`: well or fails."""
    always_was(world, _definition(version, lacks, image=image))
    world.database.schema = head_of(version) or world.database.schema
    world.upgrade_tasks.ends = migration
    world.rds.trouble.fails = snapshot == "fails"
    settings = world.service.settings
    settings.breaker, settings.breaker_rolls_back = circuit_breaker != "off", circuit_breaker == "rollback"
    if new_tasks == "die":
        world.service.tempers.append(lambda task: _DIES if _is_newer(task, version) else None)
    if autoscaled:
        name = f"service/{place.CLUSTER}/{place.SERVICE}"
        scalable = {"ResourceId": name, "ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}
        state = dict.fromkeys(("DynamicScalingInSuspended", "DynamicScalingOutSuspended"), False)
        bounds = {"MinCapacity": 2, "MaxCapacity": 4}
        world.scaling.targets[name] = {**scalable, **bounds, "SuspendedState": state}


def _is_newer(task: Task, version: str) -> bool:
    return task.deployment is not None and task.mlflow != version


def _definition(version: str, lacks: str, *, image: bool) -> dict[str, Any]:
    command = install_and_serve(version, any_host=lacks != "hosts")
    if lacks == "driver":
        command = command.replace(" psycopg2-binary", "")
    if image:
        before, _, after = command.partition("pip install")
        command = before + after.partition(" && ")[2]
    definition = definition_of(command, image=f"ghcr.io/example/mlflow:{version}" if image else place.IMAGE)
    (container,) = definition["containerDefinitions"]
    if lacks == "secret_key":
        container["secrets"] = [each for each in container["secrets"] if each["name"] != _SECRET_KEY]
    return definition


def schema_left_behind(world: "World") -> None:
    """Somebody restored a database from before the last upgrade."""
    world.database.schema = "b7e2c1a4d9f3"
    world.upgrade_tasks.releases.strict = True
    retire(world)


UPGRADE_FAULTS = (
    Fault("older-mlflow", "The deployment runs an older MLflow on that MLflow's schema, and is well.", older_mlflow),
    Fault(
        "schema-left-behind",
        "The database has the schema of an older MLflow: what runs goes on, and no task that starts comes up.",
        schema_left_behind,
    ),
)
