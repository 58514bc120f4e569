"""db.facts: what a restored database holds, beside what the one in use holds; our blindness proves nothing (S3)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.models.made_names import mark_of
from chalicelib.net.database_contents import Contents, read_contents
from chalicelib.steps.database_facts import Held, why_suspect
from chalicelib.steps.probes.db_facts import compared
from steward.sandbox import place

MARK = f"{mark_of(place.NAME)}-{place.NAME}"

HELD = Held(
    answers=True,
    alembic_version=("a",),
    rows={"runs": 100, "experiments": 3},
    newest_run="r9",
    newest_run_at_ms=9_000_000,
)


@pytest.fixture
def restored(flight):
    flight.past("steward-day", flight.world.clock.now() - timedelta(hours=1))
    (done,) = flight.do("rds.restore_snapshot", throw_away=True)
    return flight, done.facts["host"]


def test_the_database_in_use_is_counted(flight):
    found = flight.read("db.facts")
    assert found.in_use.rows["runs"] > 18000
    assert found.in_use.alembic_version
    assert found.other is None


def test_a_restored_one_is_compared_with_it(restored):
    flight, host = restored
    flight.world.advance(1800)
    found = flight.read("db.facts", host=host, port=5432)
    assert found.proven is True
    assert found.same_schema
    assert found.newest_run_lag_s > 1000
    assert found.more_rows == ()


def test_one_that_does_not_answer_proves_nothing_good(restored):
    flight, host = restored
    flight.world.rds.restored[f"{MARK}-r-1-step"].status = "rebooting"
    found = flight.read("db.facts", host=host)
    assert (found.proven, found.other.problem) == (False, "refused")


def test_s3_where_nobody_can_log_in_from_here_nothing_is_said_of_the_databases(flight):
    flight.world.databases.out_of_reach = "not reachable from here"
    found = flight.read("db.facts", host="anywhere.example.com")
    assert (found.proven, found.skipped) == (None, "not reachable from here")


@pytest.mark.parametrize(
    ("change", "proven"),
    [
        ({}, True),
        ({"alembic_version": ("b",)}, False),
        ({"rows": {"runs": 100}}, False),
        ({"rows": {}}, False),
        ({"newest_run_at_ms": 99_000_000}, False),
        ({"newest_run_at_ms": None}, True),
        ({"answers": False}, False),
    ],
)
def test_proven_needs_the_same_schema_every_table_and_no_run_from_the_future(change, proven):
    assert compared(HELD, HELD.model_copy(update=change)).proven is proven


def test_beside_a_database_in_use_that_is_down_likeness_cannot_be_proven():
    assert compared(HELD.model_copy(update={"answers": False}), HELD).proven is None


def test_rows_are_counted_table_by_table_and_what_is_refused_is_left_out():
    def ask(sql):
        if "metrics" in sql:
            return None
        return [("run-1", 17)] if "run_uuid" in sql else [(5,)]

    found = read_contents(ask)
    assert "metrics" not in found.rows
    assert (found.rows["runs"], found.newest_run, found.newest_run_at_ms) == (5, "run-1", 17)
    assert read_contents(lambda _sql: None) == Contents()


def test_s18_a_fall_by_a_fifth_is_suspect_and_small_tables_are_not_judged():
    assert why_suspect({"runs": 100}, {"runs": 81}) is None
    assert "runs from 100 to 80" in why_suspect({"runs": 100, "x": 10}, {"runs": 80, "x": 1})
    assert why_suspect({"runs": 100}, {}) is None


def test_the_request_for_contents_crosses_to_the_function_in_the_network(flight):
    from chalicelib.net.database_login import DatabaseRequest
    from chalicelib.net.reach_words import AskDatabase

    request = DatabaseRequest("postgres", "db.example.com", 5432, "mlflow", "u", "p", 12.0, contents=True)
    assert AskDatabase.of(request).request() == request
    assert replace(request, contents=False) != request
