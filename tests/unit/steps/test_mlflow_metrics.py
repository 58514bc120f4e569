"""mlflow.metrics: request rate, error share and latency out of Prometheus text."""

from datetime import timedelta

import pytest

from chalicelib.net.http import HttpAnswer, HttpFailure
from chalicelib.steps.probes.mlflow_metrics import Counted, Metrics, MetricsParams

TEXT = """\
# HELP mlflow_http_request_total Total number of HTTP requests
# TYPE mlflow_http_request_total counter
mlflow_http_request_total{method="GET",status="200"} 90.0
mlflow_http_request_total{method="POST",status="500"} 6
mlflow_http_request_total{method="POST",status="503"} 4.0 1700000000
mlflow_http_request_total{broken
mlflow_http_request_duration_seconds_bucket{le="0.1",method="GET",status="200"} 40.0
mlflow_http_request_duration_seconds_bucket{le="0.5",method="GET",status="200"} 80.0
mlflow_http_request_duration_seconds_bucket{le="+Inf",method="GET",status="200"} 100.0
"""


@pytest.fixture
def served(world):
    world.stack["mlflow"] = {"metrics": "/metrics"}
    world.answers = lambda request: HttpAnswer(200, {}, TEXT.encode(), 0.1)
    return world


def read(world, **params):
    return Metrics().read(world.ctx(), MetricsParams(**params))


def test_totals_share_and_latency_are_read(served):
    output = read(served)
    assert (output.counted.requests, output.counted.errors, output.error_share) == (100.0, 10.0, 0.1)
    assert (output.latency_p50_s, output.latency_p90_s) == (0.2, 0.5)
    assert (output.requests_per_s, output.over_s) == (None, None)
    assert served.requests[0].url == "http://churn-alb.example.com/metrics"


def test_with_an_earlier_reading_the_rates_are_of_the_time_between(served):
    earlier = Counted(at=served.now - timedelta(seconds=60), requests=40, errors=10)
    output = read(served, earlier=earlier.model_dump(mode="json"))
    assert (output.over_s, output.requests_per_s, output.error_share) == (60, 1.0, 0.0)


def test_counters_that_went_back_are_of_another_process_and_are_not_compared(served):
    earlier = Counted(at=served.now - timedelta(seconds=60), requests=4000, errors=10)
    assert read(served, earlier=earlier).over_s is None


def test_the_process_s_own_start_gives_a_rate(served):
    start = served.now.timestamp() - 200
    text = f"{TEXT}process_start_time_seconds {start}\n"
    served.answers = lambda request: HttpAnswer(200, {}, text.encode(), 0.1)
    assert read(served).requests_per_s == 0.5


def test_no_metrics_there_means_not_applicable_and_a_login_that_is_wanted_means_skipped(served):
    served.answers = lambda request: HttpAnswer(404, {}, b"", 0.1)
    assert read(served).applicable is False
    served.answers = lambda request: HttpAnswer(401, {}, b"", 0.1)
    assert "login" in (read(served).skipped or "")


def test_s3_no_way_there_is_skipped(served):
    def refuse(request):
        raise HttpFailure("refused", "no connection")

    served.answers = refuse
    assert read(served).skipped == "not reachable from here: refused"


def test_what_is_no_prometheus_text_counts_nothing(served):
    served.answers = lambda request: HttpAnswer(200, {}, b"\xff<html>" * 1000, 0.1)
    output = read(served)
    assert (output.counted.requests, output.error_share, output.latency_p50_s) == (0, None, None)


def test_a_stack_without_metrics_says_so(world):
    assert read(world).applicable is False
