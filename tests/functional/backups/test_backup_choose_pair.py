"""backup.choose_pair: snapshot and artifacts as of the same time, and what the two lose (S19)."""

from datetime import timedelta

import pytest

from chalicelib.backup.pair import Point, as_of, beside, says
from chalicelib.errors import StepRefused
from chalicelib.models.history import Backup, BackupKind
from chalicelib.models.words import utc
from steward.sandbox import place
from steward.sandbox.backup_faults import artifacts_grown
from steward.sandbox.earlier_backup import back_up_earlier

AT = utc("2026-11-20T01:30:00+00:00")


def point(hours, name="x"):
    return Point(f"{name}{hours}", AT + timedelta(hours=hours))


def test_the_first_backup_after_the_snapshot_goes_with_it_so_that_no_run_lacks_its_artifacts():
    assert beside(point(0), [point(-23), point(1), point(25)]) == point(1)


def test_where_there_is_none_after_it_the_last_before_is_taken_and_what_that_loses_is_said():
    chosen = beside(point(0), [point(-23), point(-47)])
    assert chosen == point(-23)
    assert says(point(0), chosen).endswith("the artifacts are 23 h older, so runs of that time lack what they logged")
    assert "some may have no run" in says(point(0), point(1))
    assert "stay as they are" in says(point(0), None)


def test_as_of_a_time_nothing_younger_and_nothing_doubted_is_chosen():
    backups = [
        Backup(
            stack="s", kind=BackupKind.DATABASE, id=f"b{hours}", run_id="r", as_of=AT - timedelta(hours=hours),
            verified_at=AT, suspect=doubt,
        )
        for hours, doubt in ((1, None), (25, "rows fell"), (49, None))
    ]  # fmt: skip
    assert as_of(backups, None).id == "b1"
    assert as_of(backups, AT - timedelta(hours=20)).id == "b49"
    assert as_of(backups, AT - timedelta(days=9)) is None


def test_on_the_world_both_are_found_with_the_gap_between_them(flight):
    now = flight.world.clock.now()
    flight.past("steward-day", now - timedelta(hours=3))
    artifacts_grown(flight.world)
    for hours in (26, 2):
        back_up_earlier(flight.world, now - timedelta(hours=hours))
    told = flight.read("backup.choose_pair")
    assert (told.snapshot, told.gap_s) == ("steward-day", 3600)
    assert told.artifacts.startswith(f"{now - timedelta(hours=2):%Y%m%dT%H%M%SZ}")


def test_s18_a_doubted_backup_of_the_artifacts_is_left_out(flight):
    now = flight.world.clock.now()
    flight.past("steward-day", now - timedelta(hours=3))
    artifacts_grown(flight.world)
    doubted = back_up_earlier(flight.world, now - timedelta(hours=2))
    ref = f"s3://{place.BACKUP_BUCKET}/head#{doubted.sha256}"
    flight.history.record_backup(
        Backup(
            stack=place.NAME, kind=BackupKind.ARTIFACTS, id=doubted.id, run_id="earlier", as_of=doubted.as_of,
            suspect="half of it vanished", ref=ref,
        )
    )  # fmt: skip
    assert flight.read("backup.choose_pair").artifacts is None


def test_times_that_are_none_and_times_before_any_backup_are_refused(flight):
    flight.past("steward-day", flight.world.clock.now() - timedelta(hours=3))
    for wrong, why in (
        ("yesterday", "is no time"),
        ("2026-11-02T02:00:00", "has no zone"),
        ("2020-01-01T00:00:00Z", "as of"),
    ):
        with pytest.raises(StepRefused, match=why):
            flight.read("backup.choose_pair", as_of=wrong)
    with pytest.raises(StepRefused, match="there is no snapshot"):
        flight.read("backup.choose_pair", snapshot="churn-2026")
