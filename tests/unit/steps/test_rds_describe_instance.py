"""rds.describe_instance: enough of the database to stand aside for it (S6)."""

import pytest

from chalicelib.errors import AwsThrottled
from chalicelib.steps.probes.rds_describe_instance import DatabaseParams, DescribeInstance


def read(world, **params):
    return DescribeInstance().read(world.ctx(), DatabaseParams(**params))


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


def test_windows_and_backups_are_told(world):
    output = read(world)
    assert (output.backup_window, output.backup_days) == ("02:00-02:30", 7)


def test_metrics_are_asked_for_only_on_request_since_every_change_asks_this_probe(world):
    assert read(world).cpu_percent is None
    assert world.asked_metrics == []


def test_the_newest_value_of_each_metric_is_told_and_free_storage_as_a_share(world):
    world.series = {"cpu": [10.0, 91.5], "free": [2 * 1024**3, 1024**3], "connections": [80.0]}
    output = read(world, metrics=True)
    assert (output.cpu_percent, output.free_gib, output.free_share, output.connections) == (91.5, 1.0, 0.05, 80.0)


def test_s3_metrics_that_cannot_be_read_are_unknown_and_the_rest_stands(world):
    def throttled(*_):
        raise AwsThrottled("cloudwatch:GetMetricData", "Throttling", "slow down")

    ctx = world.ctx()
    ctx.aws.cloudwatch.metric_data = throttled
    output = DescribeInstance().read(ctx, DatabaseParams(metrics=True))
    assert (output.status, output.cpu_percent) == ("available", None)
    assert output.skipped == "not reachable from here: cloudwatch:GetMetricData answers Throttling"
