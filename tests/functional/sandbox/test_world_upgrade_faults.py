"""A deployment whose MLflow or schema is of another day."""

import pytest

from chalicelib.steps.mlflow_schemas import head_of
from steward.sandbox.upgrade_faults import OLDER
from steward.sandbox.world import World


@pytest.fixture
def world():
    with World.create(seed=3) as world:
        yield world


def versions(world):
    return {task.mlflow for task in world.service.live() if task.answers(world.clock.now())}


def test_older_mlflow_serves_well_on_its_own_schema(world):
    world.break_with("older-mlflow")
    world.advance(300)
    assert versions(world) == {OLDER}
    assert world.database.schema == head_of(OLDER)
    assert not any(event["source"] == "aws.cloudwatch" for event in world.take_events())


def test_schema_left_behind_lets_no_task_come_up_that_starts(world):
    world.break_with("schema-left-behind")
    before = {task.id for task in world.service.live() if task.answers(world.clock.now())}
    world.advance(900)
    serving = {task.id for task in world.service.live() if task.answers(world.clock.now())}
    assert serving <= before
    assert world.database.schema != head_of("3.17.2")
