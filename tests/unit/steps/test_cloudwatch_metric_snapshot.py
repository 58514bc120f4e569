"""cloudwatch.metric_snapshot: the stack's standard metrics, null where nothing was measured."""

from chalicelib.steps.probes.cloudwatch_metric_snapshot import MetricSnapshot, SnapshotParams


def read(world):
    return MetricSnapshot().read(world.ctx(), SnapshotParams())


def test_values_are_summed_up_and_the_share_of_errors_is_worked_out(world):
    world.series = {"cpu": [10.0, 30.0], "requests": [60.0, 40.0], "errors_5xx": [5.0]}
    output = read(world)
    assert output.cpu
    assert (output.cpu.last, output.cpu.average, output.cpu.maximum) == (30.0, 20.0, 30.0)
    assert output.error_share == 0.05
    assert output.latency_p95_s is None


def test_no_requests_give_no_share(world):
    assert read(world).error_share is None


def test_dimensions_come_from_the_target_group_and_its_load_balancer(world):
    read(world)
    dimensions = {query.id: dict(query.dimensions) for query in world.asked_metrics}
    assert dimensions["requests"] == {
        "TargetGroup": "targetgroup/churn-tg/0123456789abcdef",
        "LoadBalancer": "app/churn-alb/fedcba9876543210",
    }
    assert dimensions["database_cpu"] == {"DBInstanceIdentifier": "churn-db"}


def test_parts_that_the_stack_lacks_are_not_asked_about(world):
    del world.stack["loadBalancer"], world.stack["database"]
    read(world)
    assert [query.id for query in world.asked_metrics] == ["cpu", "memory"]
