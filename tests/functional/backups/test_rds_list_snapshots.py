"""rds.list_snapshots: everybody's snapshots are seen and counted; good is what Steward has verified (S18)."""

from datetime import timedelta

from chalicelib.models.check import Answer
from chalicelib.models.history import BackupKind
from chalicelib.models.made_names import mark_of
from chalicelib.steps.checks import CHECKS
from steward.sandbox import place

MARK = f"{mark_of(place.NAME)}-{place.NAME}"


def judge(flight, check):
    return CHECKS[check].judge(flight.read("rds.list_snapshots"), "").answer


def test_automated_ones_and_aws_backup_s_are_seen_and_counted(flight):
    found = flight.read("rds.list_snapshots")
    assert (found.total, found.automated, found.aws_backup, found.steward) == (9, 7, 2, 0)
    assert found.newest_good is None
    assert found.newest_any_at.startswith("2026-11-02T02:10")
    assert {one.whose for one in found.snapshots if one.good} == {"automated", "awsbackup"}
    assert judge(flight, "backup_fresh") is Answer.FALSE


def test_s18_one_of_steward_s_is_good_when_it_is_verified_and_not_doubted(flight):
    now = flight.world.clock.now()
    flight.past("steward-old", now - timedelta(hours=30))
    flight.past("steward-new", now - timedelta(hours=2), good=False)
    flight.past("by-hand", now, tags={}, record=False)
    found = flight.read("rds.list_snapshots")
    assert (found.steward, found.other, found.newest_good) == (2, 1, "steward-old")
    assert judge(flight, "backup_fresh") is Answer.FALSE
    flight.history.amend_backup(place.NAME, BackupKind.DATABASE, "steward-new", now, verified_at=now)
    assert judge(flight, "backup_fresh") is Answer.TRUE


def test_what_this_run_took_and_what_somebody_deleted_is_said(flight):
    flight.do("rds.create_snapshot")
    found = flight.read("rds.list_snapshots")
    assert found.of_this_run == found.of_this_run_good == (f"{MARK}-r-1-step",)
    assert judge(flight, "snapshot_taken") is Answer.TRUE
    assert judge(flight, "backups_kept") is Answer.TRUE
    del flight.world.rds.snapshots[place.REGION, f"{MARK}-r-1-step"]
    assert flight.read("rds.list_snapshots").lost == (f"{MARK}-r-1-step",)
    assert judge(flight, "backups_kept") is Answer.FALSE


def test_a_copy_in_the_other_region_is_not_lost_here(flight):
    flight.past("steward-day", flight.world.clock.now() - timedelta(hours=3))
    flight.do("rds.copy_snapshot")
    assert flight.read("rds.list_snapshots").lost == ()


def test_a_stack_without_a_database_has_none(flight):
    flight.stack = flight.world.stack().model_copy(update={"database": None})
    assert not flight.read("rds.list_snapshots").applicable
    assert judge(flight, "backup_fresh") is Answer.NOT_APPLICABLE
