"""How the database was set up is kept with its backups, so that a restore needs no database (S19)."""

from datetime import timedelta
from pathlib import Path

import pytest

from chalicelib.catalog.load import load_runbook
from chalicelib.errors import StepRefused
from chalicelib.models.check import Answer
from chalicelib.models.history import BackupKind, MadeKind
from chalicelib.models.made_names import mark_of
from chalicelib.steps.registry import CHECKS
from chalicelib.steps.step import Done
from steward.sandbox import place

ROOT = Path(__file__).parents[3]
NAME = f"{mark_of(place.NAME)}-{place.NAME}-r-2-step"


def gone_after_a_snapshot(flight):
    flight.do("rds.create_snapshot")
    flight.run = "r-2"
    flight.world.break_with("database-gone")
    return flight


def test_a_verified_snapshot_records_how_the_database_is_set_up(flight):
    flight.do("rds.create_snapshot")
    (backup,) = flight.history.backups(place.NAME, BackupKind.DATABASE)
    was = backup.placement
    assert (was.database, was.host, was.port) == (place.DATABASE, place.DATABASE_HOST, 5432)
    assert (was.subnet_group, was.security_groups) == (place.SUBNET_GROUP, (place.SECURITY_GROUP,))
    assert (was.instance_class, was.parameter_group, was.multi_az) == ("db.t3.micro", "default.postgres15", True)


def test_s19_a_database_that_is_gone_is_restored_as_it_was_recorded_and_the_plan_says_so(flight):
    (change,) = gone_after_a_snapshot(flight).plan("rds.restore_snapshot")
    asked = change.parameters
    assert (asked["DBSubnetGroupName"], asked["VpcSecurityGroupIds"]) == (place.SUBNET_GROUP, [place.SECURITY_GROUP])
    assert (asked["DBInstanceClass"], asked["MultiAZ"], asked["PubliclyAccessible"]) == ("db.t3.micro", True, False)
    assert f"{place.DATABASE} is gone, so it is set up as was recorded" in change.sentence


def test_without_a_record_the_refusal_says_what_to_do(flight):
    flight.past("steward-old", flight.world.clock.now() - timedelta(hours=2))
    flight.world.break_with("database-gone")
    with pytest.raises(StepRefused, match="create an instance of that name in its network"):
        flight.plan("rds.restore_snapshot")


def test_the_record_of_another_database_is_no_model(flight):
    flight.do("rds.create_snapshot")
    (backup,) = flight.history.backups(place.NAME, BackupKind.DATABASE)
    other = backup.placement.model_copy(update={"database": "formerly"})
    now = flight.world.clock.now()
    flight.history.amend_backup(place.NAME, BackupKind.DATABASE, backup.id, now, placement=other)
    flight.world.break_with("database-gone")
    with pytest.raises(StepRefused, match="no backup of Steward's has recorded"):
        flight.plan("rds.restore_snapshot")


def test_what_is_put_in_use_for_a_database_that_is_gone_has_no_way_back_and_says_so(flight):
    gone_after_a_snapshot(flight).do("rds.restore_snapshot")
    (change,) = flight.plan("rds.swap_in", instance=NAME)
    assert change.undo is None
    assert f"{place.DATABASE} is gone" in change.sentence
    assert "kept" not in change.sentence
    assert isinstance(flight.finish(change), Done)
    flight.world.advance(300)
    hosts = {task.environment["DB_HOST"] for task in flight.world.service.live()}
    assert hosts == {flight.world.rds.restored[NAME].host}


def test_s20_also_without_the_old_one_its_recorded_security_groups_bind(flight):
    gone_after_a_snapshot(flight).do("rds.restore_snapshot")
    flight.world.rds.restored[NAME].settings["VpcSecurityGroupIds"] = [place.SECURITY_GROUP, "sg-open"]
    with pytest.raises(StepRefused, match=r"S20.*security groups"):
        flight.plan("rds.swap_in", instance=NAME)


def test_s3_a_database_that_is_gone_is_a_fact_and_no_blindness(flight):
    flight.world.break_with("database-gone")
    found = flight.read("db.facts")
    assert (found.in_use.problem, found.in_use.skipped, found.in_use.answers) == ("gone", None, False)
    described = flight.read("rds.describe_instance")
    assert (described.status, described.failing_over, described.id) == ("gone", False, place.DATABASE)


def test_a_copy_in_the_other_region_is_named_with_the_way_to_bring_it_back(flight):
    at = flight.world.clock.now() - timedelta(hours=2)
    flight.past("steward-day", at)
    flight.do("rds.copy_snapshot")
    flight.history.mark_gone(place.NAME, MadeKind.SNAPSHOT, "steward-day", flight.world.clock.now())
    flight.history.amend_backup(place.NAME, BackupKind.DATABASE, "steward-day", at, gone_at=at)
    remedy = r"is in eu-west-1; bring it back by `aws rds copy-db-snapshot --region eu-west-2 .*name that as"
    copy = flight.world.rds.snapshots[place.OFFSITE_REGION, f"{mark_of(place.NAME)}-{place.NAME}-r-1-step"]
    for name in ("newest", copy.id, copy.arn):
        with pytest.raises(StepRefused, match=remedy):
            flight.plan("rds.restore_snapshot", snapshot=name)
    with pytest.raises(StepRefused, match=remedy):
        flight.read("backup.choose_pair")


@pytest.mark.parametrize("changed", [None, {"instance": "mistyped"}, {"cluster": "never-was"}])
def test_s6_of_a_database_that_rds_does_not_know_nobody_can_tell_whether_it_is_changing_hands(flight, changed):
    """The one in use may have another name since a swap: a name that leads nowhere switches no guard off."""
    flight.do("rds.create_snapshot")
    if changed:
        flight.stack = named(flight, **changed)
    else:
        flight.world.break_with("database-gone")
    answer = judged(flight, "database_failing_over")
    assert answer.answer is Answer.UNKNOWN
    assert "or name the one in use in the stack's file" in answer.because


def test_what_restores_it_goes_ahead_once_it_is_gone_and_was_recorded_under_this_very_name(flight):
    flight.do("rds.create_snapshot")
    check = "database_failing_over_unless_gone"
    assert judged(flight, check).answer is Answer.FALSE  # it is there, and at rest
    flight.stack = named(flight, instance="mistyped")
    assert judged(flight, check).answer is Answer.UNKNOWN
    flight.stack = named(flight, cluster=place.DATABASE)
    assert judged(flight, check).answer is Answer.UNKNOWN
    flight.stack = None
    flight.world.break_with("database-gone")
    assert judged(flight, check).answer is Answer.FALSE


def test_what_restores_it_stands_aside_while_it_is_there_and_changing_hands(flight):
    flight.world.break_with("database-failing-over")
    assert judged(flight, "database_failing_over_unless_gone").answer is Answer.TRUE


def test_without_any_record_a_database_that_is_gone_is_no_proof_of_a_loss(flight):
    flight.world.break_with("database-gone")
    assert judged(flight, "database_failing_over_unless_gone").answer is Answer.UNKNOWN


def test_only_the_runbooks_that_restore_a_lost_database_go_by_that():
    books = [load_runbook(file.read_bytes(), file.name) for file in (ROOT / "runbooks").glob("*.yml")]
    lenient = {one.runbook for one in books if "database_failing_over_unless_gone" in one.guards.stand_aside}
    assert lenient == {"restore-database", "disaster-recovery"}


def named(flight, **database):
    """The stack, its file naming another database."""
    stack = flight.world.stack()
    given = {"instance": None, "cluster": None, **database}
    return stack.model_copy(update={"database": stack.database.model_copy(update=given)})


def judged(flight, name):
    check = CHECKS[name]
    return check.judge(flight.read(check.probe), "not read")
