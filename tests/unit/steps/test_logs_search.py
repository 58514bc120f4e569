"""logs.search: lines since the trouble began, bounded, inert."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from chalicelib.aws.logs import LogLine, LogPage
from chalicelib.errors import AwsNotFound, AwsThrottled
from chalicelib.steps.probes.logs_search import Search, SearchParams


@pytest.fixture
def logs(world):
    world.stack["logs"] = {"group": "/ecs/churn"}
    asked = []

    def search(group, since, until, **budget):
        asked.append((group, since, until, budget))
        return LogPage((LogLine(world.now, "mlflow/1", "boom"),), None)

    world.others["logs"] = SimpleNamespace(search=search, asked=asked)
    return world.others["logs"]


def read(world, since=None, **params):
    return Search().read(world.ctx(since=since), SearchParams(**params))


def test_it_searches_from_before_the_trouble_began(world, logs):
    began = world.now - timedelta(minutes=10)
    output = read(world, since=began, contains="ERROR", lines=5, kilobytes=2, budget="3s")
    ((group, since, until, budget),) = logs.asked
    assert (group, since, until) == ("/ecs/churn", began - timedelta(minutes=5), world.now)
    assert budget == {"term": "ERROR", "max_lines": 5, "max_bytes": 2048, "max_seconds": 3}
    assert (output.count, output.lines[0].text, output.cut_by) == (1, "boom", None)


def test_without_an_incident_it_goes_back_as_far_as_asked(world, logs):
    read(world, within="2h", lead="0s")
    assert logs.asked[0][1] == world.now - timedelta(hours=2)


def test_s29_s30_lines_come_without_credentials_and_terminal_sequences(world, logs):
    text = "\x1b[31mfail\u202e postgresql://mlflow:canary-7731@db/mlflow " + "x" * 2000
    logs.search = lambda *_, **__: LogPage((LogLine(world.now, "s", text),), "bytes")
    (line,) = read(world).lines
    assert line.text.startswith("fail postgresql://[dropped]@db/mlflow x")
    assert len(line.text) == 1000
    assert read(world).cut_by == "bytes"


def test_s29_a_credential_that_the_cut_would_halve_is_dropped_first(world, logs):
    text = "x" * 970 + " postgresql://mlflow:canary-7731-of-some-length@db/mlflow"
    logs.search = lambda *_, **__: LogPage((LogLine(world.now, "s", text),), None)
    assert "canary" not in read(world).lines[0].text


def test_a_missing_group_is_a_fact_and_a_throttle_is_ours(world, logs):
    def raising(error):
        def search(*_, **__):
            raise error

        return search

    logs.search = raising(AwsNotFound("logs:FilterLogEvents", "ResourceNotFoundException", "x"))
    assert (read(world).group_exists, read(world).skipped) == (False, None)
    logs.search = raising(AwsThrottled("logs:FilterLogEvents", "ThrottlingException", "x"))
    assert (read(world).group_exists, bool(read(world).skipped)) == (None, True)


def test_a_stack_without_a_log_group_says_so(world):
    assert read(world).applicable is False
