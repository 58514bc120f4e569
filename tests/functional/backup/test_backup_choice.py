"""Which backup is taken by itself: a good one; and what is said where somebody names one that is not (S18)."""

import pytest

from chalicelib.backup.pair import Point
from chalicelib.errors import StepFailed, StepRefused
from chalicelib.models.history import BackupKind
from chalicelib.steps.backup_choice import against
from chalicelib.steps.probes.backup_choose_pair import artifacts_beside
from steward.sandbox import place
from steward.sandbox.backup_faults import artifacts_grown
from steward.sandbox.earlier_backup import back_up_earlier

BACKUP, RESTORE, SAMPLE = "s3.backup_prefix", "s3.restore", "s3.restore_sample"


def backups(desk):
    """Oldest first."""
    return desk.history.backups(place.NAME, BackupKind.ARTIFACTS)[::-1]


def paired(desk):
    found = artifacts_beside(desk.ctx(), Point("snapshot", desk.world.clock.now()))
    return found.id if found else None


@pytest.fixture
def encrypted(desk):
    """A good backup, then everything is encrypted and backed up, and again a day later."""
    artifacts_grown(desk.world)
    for number in range(20):
        desk.put(f"0/x/artifacts/{number}", b"x")
    for body in (None, b"encrypted by somebody", None):
        for number in range(20 if body else 0):
            desk.put(f"0/x/artifacts/{number}", body)
        desk.carry_out(BACKUP)
        desk.later(days=1)
    return desk


def test_s18_the_day_after_a_suspect_backup_is_doubted_as_well_though_nothing_changed(encrypted):
    good, suspect, day_after = backups(encrypted)
    assert "50% of 40 known objects" in suspect.suspect
    assert day_after.suspect == f"made while doubted: backup {suspect.id}: {suspect.suspect}"
    assert encrypted.history.newest_good(place.NAME, BackupKind.ARTIFACTS).id == good.id
    assert encrypted.history.suspicion(place.NAME).run_id == suspect.run_id, "who raised it stays, and pages once"


def test_s18_drill_pair_and_latest_take_the_one_from_before_the_doubt(encrypted):
    good, suspect, _ = backups(encrypted)
    assert encrypted.plan(SAMPLE)[0].parameters["sample"] == good.id
    assert paired(encrypted) == good.id
    assert encrypted.plan(RESTORE, backup="latest")[0].parameters["backup"] == good.id
    as_of = encrypted.plan(RESTORE, as_of=encrypted.world.clock.now().isoformat())
    assert as_of[0].parameters["backup"] == good.id
    (named,) = encrypted.plan(RESTORE, backup=suspect.id)
    assert f"; that backup is SUSPECT: {suspect.suspect}" in named.sentence


def test_s18_once_a_person_has_cleared_the_doubt_the_next_backup_is_good_again(encrypted):
    encrypted.history.clear_suspicion(place.NAME, "ada", "we re-encoded them", encrypted.world.clock.now())
    encrypted.carry_out(BACKUP)
    assert backups(encrypted)[-1].is_good


def test_s18_with_nothing_but_doubted_backups_somebody_has_to_name_one(desk):
    artifacts_grown(desk.world)
    desk.history.suspect(place.NAME, "rows fell by half", "r-0", desk.world.clock.now())
    desk.carry_out(BACKUP)
    (only,) = backups(desk)
    for name, params in ((RESTORE, {"backup": "latest"}), (SAMPLE, {})):
        with pytest.raises(
            StepRefused, match=rf"S18.*no backup is good; the newest, {only.id}, is SUSPECT: made while"
        ):
            desk.plan(name, **params)
    assert paired(desk) is None


def test_s18_a_backup_that_was_never_verified_is_only_taken_by_its_name(desk):
    artifacts_grown(desk.world)
    desk.carry_out(BACKUP)
    desk.later(days=1)
    desk.put("0/x/artifacts/new", b"x" * 100)
    desk.world.s3_wire.troubles.truncated = 1
    with pytest.raises(StepFailed, match="kept and not verified"):
        desk.carry_out(BACKUP)
    desk.later(hours=1)
    good, unverified = backups(desk)
    assert paired(desk) == good.id
    assert desk.plan(RESTORE, backup="latest")[0].parameters["backup"] == good.id
    assert "; that backup is NOT VERIFIED" in desk.plan(RESTORE, backup=unverified.id)[0].sentence


def test_s18_what_no_record_knows_of_speaks_for_itself(desk):
    artifacts_grown(desk.world)
    whole = back_up_earlier(desk.world, desk.world.clock.now())
    assert against(desk.ctx(), whole) is None
    assert against(desk.ctx(), whole.model_copy(update={"proof": None})).startswith("NOT VERIFIED")
    assert against(desk.ctx(), whole.model_copy(update={"suspect": "half of it"})) == "SUSPECT: half of it"


def test_what_was_restored_into_a_bucket_that_is_backed_up_from_its_root_is_not_backed_up_again(desk):
    desk.with_artifacts(prefix="")
    artifacts_grown(desk.world)
    (first,) = desk.carry_out(BACKUP)
    desk.later(days=1)
    desk.carry_out(RESTORE, backup="latest")
    desk.later(days=1)
    (second,) = desk.carry_out(BACKUP)
    assert (second.facts["objects"], second.facts["copied"]) == (first.facts["objects"], 0)
    desk.with_artifacts(prefix="steward-restored/run-1")
    with pytest.raises(StepRefused, match="where Steward puts what it restores"):
        desk.plan(BACKUP)
