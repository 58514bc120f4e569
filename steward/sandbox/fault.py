"""A fault: a sentence to promise, a function to keep it, and the moves that several of them make."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steward.sandbox import place
from steward.sandbox.task import Task

if TYPE_CHECKING:
    from steward.sandbox.world import World

_RETIRED = "ECS is performing maintenance on the underlying infrastructure hosting the task."


@dataclass(frozen=True)
class Fault:
    name: str
    sentence: str
    apply: Callable[..., None]
    """World first, then parameters by name, all with defaults."""
    asks_directory: bool = False
    """It can be shown whole only in a world whose stack has always had a directory: `World.create(for_fault=…)`."""


def serving(world: "World") -> list[Task]:
    """Oldest first."""
    now = world.clock.now()
    return sorted((t for t in world.service.live() if t.answers(now)), key=lambda t: (t.created_at, t.id))


def retire(world: "World") -> None:
    """Fargate ends the oldest serving task, as it does every few weeks; the service starts another."""
    for task in serving(world)[:1]:
        world.service.stop(task, world.clock.now(), "ServiceSchedulerInitiated", _RETIRED)


def always_was(world: "World", definition: Mapping[str, Any]) -> None:
    """The deployment has always been so: nothing is rolled out, the revision is simply another."""
    since = world.service.primary.created_at
    arn = world.definitions.register(definition, since)["taskDefinitionArn"]
    world.service.primary.definition = arn
    for task in world.service.live():
        task.definition = arn
        world.definitions.equip(task)


def roll_out(world: "World", definition: Mapping[str, Any], circuit_breaker: str) -> str:
    """`circuit_breaker`: off, stop or rollback. The new revision's ARN."""
    now, settings = world.clock.now(), world.service.settings
    settings.breaker, settings.breaker_rolls_back = circuit_breaker != "off", circuit_breaker == "rollback"
    arn = str(world.definitions.register(definition, now)["taskDefinitionArn"])
    note_deployment(world, arn)
    world.service.deploy(arn, now)
    return arn


def note_deployment(world: "World", arn: str) -> None:
    now = world.clock.now()
    world.trail.note(now, "ecs", "RegisterTaskDefinition", {arn: "AWS::ECS::TaskDefinition"})
    asked = {"cluster": place.CLUSTER, "service": place.SERVICE, "taskDefinition": arn}
    world.trail.note(now, "ecs", "UpdateService", {place.SERVICE: "AWS::ECS::Service"}, asked)
