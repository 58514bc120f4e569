"""backup.posture: what stands, how old it is, what was proven, what others keep, and what nothing covers."""

from datetime import timedelta

from chalicelib.models.history import Drill
from steward.sandbox import place


def test_a_stack_without_backups_is_late_and_others_are_counted_not_taken_for_steward_s(flight):
    told = flight.read("backup.posture")
    assert told.late
    assert (told.posture.others.automated, told.posture.others.aws_backup) == (7, 2)
    assert "database: no good backup, and the objective is 26 h" in told.lines
    assert "no restore was ever proven: run restore-drill" in told.lines


def test_the_newest_good_backup_is_told_with_its_age_against_the_objective(flight):
    now = flight.world.clock.now()
    flight.past("steward-old", now - timedelta(hours=30))
    flight.past("steward-bad", now - timedelta(hours=1), good=False)
    (database, artifacts) = flight.read("backup.posture").posture.protections
    assert (database.newest_good, database.is_late, database.age_s) == ("steward-old", True, 30 * 3600)
    assert artifacts.newest_good is None
    flight.past("steward-new", now - timedelta(hours=2))
    assert not flight.read("backup.posture").posture.protections[0].is_late


def test_a_drill_that_proved_and_a_later_one_that_did_not_are_both_told(flight):
    now = flight.world.clock.now()
    for days, proven in ((9, True), (2, False)):
        at = now - timedelta(days=days)
        drill = Drill(stack=place.NAME, run_id=f"r-{days}", at=at, proven=proven, detail=f"{days} days")
        flight.history.record_drill(drill)
    lines = flight.read("backup.posture").lines
    assert "last proven restore: 9 d ago; 9 days" in lines
    assert "the last drill proved nothing: 2 days" in lines


def test_s3_snapshots_that_may_not_be_listed_are_said_to_be_unread(flight):
    flight.world.rds.trouble.denied.add("DescribeDBSnapshots")
    told = flight.read("backup.posture")
    assert told.posture.others is None
    assert "AccessDenied" in told.skipped


def test_recovery_points_of_the_bucket_are_counted_beside_those_of_the_database_and_without_one(flight):
    now = flight.world.clock.now()
    flight.world.bucket.recovery_points += [now - timedelta(days=2), now - timedelta(minutes=5)]
    told = flight.read("backup.posture")
    assert (told.posture.others.bucket, told.posture.others.newest_at) == (2, now - timedelta(minutes=5))
    assert "2 of AWS Backup of the artifact bucket" in " ".join(told.lines)
    flight.stack = flight.world.stack().model_copy(update={"database": None})
    assert flight.read("backup.posture").posture.others.bucket == 2


def test_a_stack_without_a_database_on_rds_is_told_so(flight):
    flight.stack = flight.world.stack().model_copy(update={"database": None})
    told = flight.read("backup.posture")
    assert [one.what for one in told.posture.protections] == ["artifacts"]
    assert told.posture.others is None
