"""rds.recent_events: RDS's own words, oldest first."""

from datetime import timedelta

from chalicelib.aws.rds import DbEvent
from chalicelib.errors import AwsDenied
from chalicelib.steps.probes.rds_recent_events import EventsParams, RecentEvents


def read(world, **params):
    return RecentEvents().read(world.ctx(), EventsParams(**params))


def happened(world, minutes, category, message="m"):
    world.db_events.append(DbEvent(world.now - timedelta(minutes=minutes), (category,), message))


def test_events_of_the_time_asked_for_are_told_oldest_first(world):
    happened(world, 600, "backup")
    happened(world, 20, "low storage", "Free storage capacity is low")
    happened(world, 5, "availability", "DB instance \x1b[31mrestarted")
    output = read(world, within="1h")
    assert (output.count, output.categories) == (2, ("availability", "low storage"))
    assert [event.message for event in output.events] == ["Free storage capacity is low", "DB instance restarted"]


def test_the_newest_are_kept_where_there_are_more(world):
    for minutes in (30, 20, 10):
        happened(world, minutes, "c", str(minutes))
    output = read(world, limit=2)
    assert [event.message for event in output.events] == ["20", "10"]
    assert output.count == 3


def test_s3_a_denial_is_skipped_and_no_empty_answer(world):
    world.denied["rds:DescribeEvents"] = AwsDenied("rds:DescribeEvents", "AccessDenied", "no")
    output = read(world)
    assert output.skipped == "not reachable from here: rds:DescribeEvents answers AccessDenied"


def test_a_stack_without_a_database_on_rds_says_so(world):
    del world.stack["database"]
    assert read(world).applicable is False
