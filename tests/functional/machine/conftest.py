"""Clouds for tests of the machine."""

from collections.abc import Callable, Iterator

import pytest

from chalicelib.flows.parts import Parts
from chalicelib.models.run import Run, RunStatus
from chalicelib.models.runbook import Runbook
from steward.sandbox.world import World
from tests.functional.machine.cloud import MOTO, Cloud
from tests.shipped import read_runbooks


@pytest.fixture(scope="session")
def shipped() -> dict[str, Runbook]:
    return read_runbooks()


@pytest.fixture
def make_cloud(shipped) -> Iterator[Callable[..., Cloud]]:
    """`make_cloud(fault)`: a world that is broken and looked after by Steward in the cloud."""
    made: list[Cloud] = []

    def make(fault: str | None = None, change: Callable[[Parts], Parts] = lambda parts: parts) -> Cloud:
        world = World.create(moto_config=MOTO)
        made.append(Cloud(world, shipped, change))
        if fault:
            world.break_with(fault)
        return made[-1]

    yield make
    for cloud in made:
        cloud.close()
        cloud.world.close()


@pytest.fixture
def asking(make_cloud) -> tuple[Cloud, Run]:
    """A run that asks people about the users on a task's disk (S1), really asleep."""
    cloud = make_cloud("users-on-task-disk")
    cloud.time_passes = False
    return cloud, cloud.wait_for_bell(cloud.wait_for_run(), RunStatus.AWAITING_APPROVAL)
