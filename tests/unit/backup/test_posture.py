"""The posture is a pure function of what history knows; what it leaves out it names."""

from datetime import timedelta

import pytest

from chalicelib.backup.posture import lines_of, posture_of
from chalicelib.models.history import Backup, BackupKind, Drill, Suspicion
from chalicelib.models.posture import Others, roughly
from chalicelib.models.stack import Stack
from chalicelib.models.words import utc

NOW = utc("2026-11-20T12:00:00+00:00")
KEY = "arn:aws:kms:eu-west-2:123456789012:key/1"


def stack(**over):
    given = {
        "stack": "churn", "region": "eu-west-2", "account": "123456789012",
        "ecs": {"cluster": "c", "service": "s"}, "database": {"instance": "churn-db"},
        "artifacts": {"bucket": "b", "backupBucket": "b-backup"},
        "backup": {"macKey": KEY, "offsite": {"region": "eu-west-1"}, "restoreSecurityGroups": ["sg-1"]},
    }  # fmt: skip
    return Stack.model_validate(given | over)


def backup(hours, kind=BackupKind.DATABASE, **over):
    at = NOW - timedelta(hours=hours)
    return Backup(
        **{"stack": "churn", "kind": kind, "id": f"b-{hours}", "run_id": "r", "as_of": at, "verified_at": at} | over
    )


def drill(days, proven=True):
    return Drill(stack="churn", run_id=f"r-{days}", at=NOW - timedelta(days=days), proven=proven, detail="so it was")


def posture(of=None, **known):
    return posture_of(of or stack(), NOW, **({"database": (), "artifacts": (), "drills": ()} | known))


def test_with_everything_in_place_nothing_is_late_and_nothing_uncovered():
    good = posture(
        database=(backup(3),),
        artifacts=(backup(4, BackupKind.ARTIFACTS),),
        drills=(drill(5),),
        others=Others(automated=7),
    )
    assert not good.is_late
    assert good.not_covered == ()
    assert lines_of(good)[0] == "database: b-3 is 3 h old, the objective is 26 h"


@pytest.mark.parametrize(
    "flaw", [{"verified_at": None}, {"suspect": "rows fell"}, {"gone_at": NOW}], ids=["unverified", "suspect", "gone"]
)
def test_s18_what_is_not_verified_or_is_doubted_or_gone_is_no_good_backup(flaw):
    late = posture(database=(backup(1, **flaw),))
    assert late.protections[0].newest_good is None
    assert late.is_late


def test_late_is_older_than_the_stack_s_own_objective():
    strict = stack(backup={"objective": "2h"})
    assert posture(strict, database=(backup(3),)).protections[0].is_late
    assert not posture(database=(backup(3),)).protections[0].is_late
    assert str(posture(strict, database=(backup(3),)).protections[0]).endswith("LATE")


@pytest.mark.parametrize(
    ("over", "gap"),
    [
        ({"artifacts": {"bucket": "b"}}, "no artifacts.backupBucket"),
        ({"artifacts": None}, "no artifact bucket"),
        ({"artifacts": {"bucket": "b", "endpoint": "https://minio.example.com", "secret": "s"}}, "not Amazon's"),
        ({"artifacts": {"bucket": "b", "prefix": "m/", "also": ["tf"], "backupBucket": "c"}}, "outside m, tf"),
        ({"backup": {"offsite": {"region": "eu-west-1"}}}, "backup.macKey"),
        ({"backup": {"macKey": KEY}}, "a lost region or account"),
        ({"database": {"host": "db.example.com", "name": "m"}}, "not on RDS"),
    ],
)
def test_each_gap_is_named_with_what_closes_it(over, gap):
    try:
        gaps = posture(stack(**over)).not_covered
    except ValueError as exc:  # a stack file that cannot say this has no such gap
        pytest.skip(str(exc).splitlines()[0])
    assert any(gap in one for one in gaps), gaps


def test_a_restore_that_was_proven_long_ago_is_a_gap_and_one_that_failed_since_is_told():
    old = posture(drills=(drill(2, proven=False), drill(40)))
    assert old.proven_age_s == 40 * 86400
    assert old.drill_failed == "so it was"
    assert any("run restore-drill" in gap for gap in old.not_covered)


def test_without_any_drill_it_is_unproven_for_as_long_as_there_are_backups():
    assert posture(database=(backup(3), backup(50))).unproven_s == 50 * 3600
    assert posture().unproven_s is None


def test_a_cleared_doubt_is_none_and_one_that_stands_is_told():
    stands = Suspicion(stack="churn", why="rows fell by half", since=NOW)
    assert any("rows fell by half" in text for text in lines_of(posture(suspicion=stands)))
    assert posture(suspicion=stands.model_copy(update={"cleared_at": NOW})).suspicion is None


def test_rds_without_automated_backups_is_a_gap_only_where_it_was_looked_at():
    assert any("points in time" in gap for gap in posture(others=Others()).not_covered)
    assert not any("points in time" in gap for gap in posture().not_covered)


@pytest.mark.parametrize(
    ("seconds", "said"), [(5, "5 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h"), (200000, "2 d")]
)
def test_ages_are_said_roughly(seconds, said):
    assert roughly(seconds) == said


def test_good_snapshots_that_are_all_elsewhere_are_told_since_one_must_be_brought_back_first():
    far = backup(3, ref="arn:aws:rds:eu-west-1:123456789012:snapshot:far")
    near = backup(9, ref="arn:aws:rds:eu-west-2:123456789012:snapshot:near")
    assert any("copied back by hand" in gap for gap in posture(database=(far,)).not_covered)
    assert not any("copied back by hand" in gap for gap in posture(database=(far, near)).not_covered)
