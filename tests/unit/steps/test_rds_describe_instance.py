"""rds.describe_instance: enough of the database to stand aside for it (S6)."""

import pytest

from chalicelib.steps.probes.rds_describe_instance import DescribeInstance
from chalicelib.steps.step import NoParams


def read(world):
    return DescribeInstance().read(world.ctx(), NoParams())


def test_an_instance_is_described_with_the_names_of_what_is_pending(world):
    output = read(world)
    assert (output.id, output.status, output.engine, output.pending) == (
        "churn-db",
        "available",
        "postgres",
        ("StorageType",),
    )
    assert not output.is_cluster
    assert not output.failing_over


@pytest.mark.parametrize(
    ("status", "failing_over"), [("rebooting", True), ("failing-over", True), ("modifying", False)]
)
def test_changing_hands_is_seen_in_the_status(world, status, failing_over):
    world.db_status = status
    assert read(world).failing_over is failing_over


def test_an_aurora_cluster_is_asked_as_a_cluster(world):
    world.stack["database"] = {"cluster": "churn-aurora", "instance": "churn-aurora-1"}
    output = read(world)
    assert output.is_cluster
    assert output.id == "churn-aurora"


def test_a_stack_without_a_database_on_rds_says_so(world):
    del world.stack["database"]
    assert read(world).applicable is False
