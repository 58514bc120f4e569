"""backup.record_drill: what was proven, in figures, once a run; what could not be compared is no proof (S3, S5)."""

from datetime import timedelta

from chalicelib.models.history import BackupKind
from chalicelib.steps.registry import ACTIONS
from chalicelib.steps.step import Done, Standing
from steward.sandbox import place

NAME = "backup.record_drill"


def facts(flight, **over):
    now = flight.world.clock.now()
    given = {
        "snapshot": "steward-day", "taken_at": (now - timedelta(hours=8)).isoformat(),
        "ordered_at": (now - timedelta(minutes=12)).isoformat(), "proven": True, "lag_s": 28000,
        "artifacts": "20261102T020000Z-0123456789ab-abcdef", "compared": 20,
    }  # fmt: skip
    return given | over


def recorded(flight, **over):
    (change,) = flight.plan(NAME, **facts(flight, **over))
    assert isinstance(flight.finish(change), Done)
    (drill,) = flight.history.drills(place.NAME)
    return drill


def test_recovery_time_and_point_are_what_was_really_achieved(flight):
    flight.past("steward-day", flight.world.clock.now() - timedelta(hours=8))
    drill = recorded(flight)
    assert (drill.proven, drill.recovery_time_s, drill.recovery_point_s) == (True, 720, 8 * 3600 - 720)
    assert drill.detail == (
        "steward-day holds the database: 12 min to get it back, 7 h old, its newest run 7 h behind; "
        "20 artifacts of 20261102T020000Z-0123456789ab-abcdef came back as they were"
    )
    assert flight.history.backup(place.NAME, BackupKind.DATABASE, "steward-day").restored_at is not None


def test_s3_what_could_not_be_read_is_neither_proof_nor_disproof(flight):
    drill = recorded(flight, proven=None, skipped="not reachable from here")
    assert (drill.proven, drill.blind, drill.recovery_time_s) == (False, "not reachable from here", None)
    assert flight.read("backup.drill").proven is None


def test_a_database_without_its_rows_is_no_proof(flight):
    drill = recorded(flight, proven=False, missing_tables=("runs",))
    assert not drill.proven
    assert "runs is empty or missing" in drill.detail
    assert flight.read("backup.drill").proven is False


def test_artifacts_that_are_to_be_backed_up_and_did_not_come_back_are_no_proof(flight):
    flight.past("steward-day", flight.world.clock.now() - timedelta(hours=8))
    drill = recorded(flight, artifacts=None, compared=None)
    assert not drill.proven
    assert "no artifact was restored" in drill.detail
    assert flight.history.backup(place.NAME, BackupKind.DATABASE, "steward-day").restored_at is not None


def test_where_artifacts_are_not_backed_up_the_database_alone_is_the_proof(flight):
    stack = flight.world.stack()
    bare = stack.artifacts.model_copy(update={"backup_bucket": None})
    flight.stack = stack.model_copy(update={"artifacts": bare})
    assert recorded(flight, artifacts=None, compared=None).proven


def test_without_facts_it_records_that_nothing_was_proven(flight):
    (change,) = flight.plan(NAME)
    flight.finish(change)
    (drill,) = flight.history.drills(place.NAME)
    assert not drill.proven
    assert drill.detail.startswith("no database was restored")


def test_a_run_has_one_drill_however_often_it_is_recorded(flight):
    (change,) = flight.plan(NAME, **facts(flight))
    _, progress = flight.begin(change)
    flight.apply(change, progress)
    flight.world.advance(300)
    flight.apply(change, progress)
    assert len(flight.history.drills(place.NAME)) == 1
    assert flight.plan(NAME) == ()
    assert ACTIONS[NAME].look(flight.ctx(), change).standing is Standing.ALREADY
