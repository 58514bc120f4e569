"""What others do to the deployment while a run is at work on it; a rehearsal names it under `meanwhile`."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal

from chalicelib.models.shape import YamlShape
from chalicelib.models.words import StepId
from steward.sandbox.fault import note_deployment

if TYPE_CHECKING:
    from steward.sandbox.world import World

Event = Literal["redeployed", "fails-over"]
_FAILS_OVER_S = 1800


class Meanwhile(YamlShape):
    in_step: StepId
    """While this step has a Change in flight."""
    happens: Event


def happen(world: "World", event: Event) -> None:
    _EVENTS[event](world)


def _redeployed(world: "World") -> None:
    """A pipeline rolls out the same definition as another revision."""
    now, primary = world.clock.now(), world.service.primary
    same = world.definitions.find(primary.definition) or {}
    arn = str(world.definitions.register(same, now)["taskDefinitionArn"])
    note_deployment(world, arn)
    world.service.deploy(arn, now)


def _fails_over(world: "World") -> None:
    world.database.fail_over(world.clock.now(), _FAILS_OVER_S)


_EVENTS: Mapping[Event, Callable[["World"], None]] = {"redeployed": _redeployed, "fails-over": _fails_over}
