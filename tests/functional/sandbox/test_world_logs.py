"""Searching the log group: the pattern language of CloudWatch Logs over the world's own lines."""

import pytest
from botocore.exceptions import ClientError

from steward.sandbox import place
from steward.sandbox.bucket_faults import BUCKET_FAULTS
from steward.sandbox.database_faults import DATABASE_FAULTS
from steward.sandbox.logs_answers import pattern
from steward.sandbox.task_faults import TASK_FAULTS
from steward.sandbox.world import World


@pytest.fixture
def world():
    with World.create() as made:
        yield made


def search(world, **asked):
    return world.session().client("logs").filter_log_events(logGroupName=place.LOG_GROUP, **asked)


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("", "anything", True),
        ("ERROR", "an ERROR here", True),
        ("ERROR", "an error here", False),
        ("ERROR database", "database: ERROR", True),
        ("ERROR database", "ERROR", False),
        ('"out of memory"', "it ran out of memory", True),
        ('"out of memory"', "memory is out of reach", False),
        ("ERROR -health", "ERROR on /health", False),
        ("?ERROR ?WARN", "a WARN", True),
        ("?ERROR ?WARN", "an INFO", False),
        (r'"say \"no\""', 'to say "no" to it', True),
        ("%4[0-9]{2} %", "status 404 Not Found", True),
        ("%4[0-9]{2} %", "status 200 OK", False),
    ],
)
def test_a_pattern_finds_what_cloudwatch_logs_finds(text, line, found):
    assert pattern(text)(line) is found


@pytest.mark.parametrize("text", ["{ $.level = ERROR }", "[ip, user, status=4*]", "%(%"])
def test_a_pattern_the_sandbox_does_not_know_is_refused_and_not_faked(world, text):
    with pytest.raises(ClientError) as error:
        search(world, filterPattern=text)
    assert error.value.response["Error"]["Code"] == "InvalidParameterException"


def test_lines_come_by_time_over_all_streams_and_page_by_page(world):
    whole = search(world)["events"]
    assert [each["timestamp"] for each in whole] == sorted(each["timestamp"] for each in whole)
    assert len({each["logStreamName"] for each in whole}) == 2
    first = search(world, limit=5)
    rest = search(world, nextToken=first["nextToken"])
    assert first["events"] + rest["events"] == whole
    assert "nextToken" not in rest


def test_a_search_is_bounded_by_start_end_and_stream(world):
    world.break_with("database-down")
    world.advance(120)
    began = int(world.clock.now().timestamp() * 1000) - 60_000
    found = search(world, startTime=began, filterPattern="psycopg2")["events"]
    assert found
    assert min(each["timestamp"] for each in found) >= began
    assert search(world, endTime=0)["events"] == []
    stream = found[0]["logStreamName"]
    assert {each["logStreamName"] for each in search(world, logStreamNames=[stream])["events"]} == {stream}


def test_another_log_group_does_not_exist(world):
    with pytest.raises(ClientError, match="does not exist"):
        world.session().client("logs").filter_log_events(logGroupName="/ecs/other")


def test_whole_streams_are_read_from_moto_with_the_same_lines(world):
    logs = world.session().client("logs")
    stream = search(world)["events"][0]["logStreamName"]
    searched = [each["message"] for each in search(world, logStreamNames=[stream])["events"]]
    read = logs.get_log_events(logGroupName=place.LOG_GROUP, logStreamName=stream, startFromHead=True)["events"]
    assert [each["message"] for each in read] == searched


@pytest.mark.parametrize("fault", [fault.name for fault in (*DATABASE_FAULTS, *BUCKET_FAULTS, *TASK_FAULTS)])
def test_the_same_seed_and_fault_tell_the_same_story(fault):
    def told():
        with World.create(seed=3) as world:
            world.break_with(fault)
            world.advance(300)
            return search(world)["events"], world.take_events(), world.trail.events

    assert told() == told()
