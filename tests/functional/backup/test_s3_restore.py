"""s3.restore: beside by default, in place only with approval, never over what is newer unless told (S19)."""

import pytest
from pydantic import ValidationError

from chalicelib.errors import StepRefused
from chalicelib.models.history import BackupKind
from chalicelib.steps.actions.s3_restore import RestoreParams
from steward.sandbox import place
from steward.sandbox.backup_faults import artifacts_grown, artifacts_overwritten

BACKUP, NAME = "s3.backup_prefix", "s3.restore"


def body(desk, key):
    return desk.world.own_client("s3").get_object(Bucket=place.BUCKET, Key=key)["Body"].read()


def test_everything_comes_back_beside_and_the_backup_counts_as_proven(desk):
    artifacts_grown(desk.world)
    desk.carry_out(BACKUP)
    (done,) = desk.carry_out(NAME, backup="latest")
    assert (done.facts["restored"], done.facts["compared"]) == (20, 8)
    assert body(desk, "steward-restored/run-2/7/odd/artifacts/größe/模型.bin") == "größe/模型.bin".encode()
    assert desk.history.backups(place.NAME, BackupKind.ARTIFACTS)[0].restored_at is not None
    assert desk.read("s3.compare_restore").as_backed_up == 20


def test_s19_in_place_it_says_what_would_be_lost_and_keeps_what_is_newer(desk):
    artifacts_overwritten(desk.world)
    (change,) = desk.plan(NAME, backup="latest", in_place=True)
    assert change.loses == (
        "the present contents of 0 objects in place, replaced by those of the backup; 1 newer ones stay"
    )
    desk.runs += 1
    done = desk.apply(change)
    assert (done.facts["restored"], done.facts["kept_newer"]) == (1, 1)
    newer = [key for key in desk.world.artifacts.keys(place.PREFIX) if "model-0.bin" in key]
    assert body(desk, newer[0]) == b"newer than the backup\n"


def test_as_of_a_time_it_takes_the_backup_before(desk):
    desk.put("1/a/artifacts/x", b"one")
    desk.carry_out(BACKUP)
    first = desk.world.clock.now()
    desk.later(hours=2)
    desk.put("1/a/artifacts/x", b"two")
    desk.carry_out(BACKUP)
    moment = first.replace(minute=first.minute + 30).isoformat()
    desk.carry_out(NAME, as_of=moment, experiment="1")
    assert body(desk, "steward-restored/run-3/1/a/artifacts/x") == b"one"
    with pytest.raises(StepRefused, match="no backup as of"):
        desk.plan(NAME, as_of="2020-01-01T00:00:00Z")
    with pytest.raises(StepRefused, match="has no zone"):
        desk.plan(NAME, as_of="2026-11-02T09:00:00")


def test_what_was_deleted_before_the_backup_is_not_in_it(desk):
    artifacts_grown(desk.world)
    desk.carry_out(BACKUP)
    gone = next(key for key in desk.world.artifacts.keys(place.PREFIX) if "model-0.bin" in key)
    desk.world.artifacts.remove([gone])
    desk.later(days=1)
    desk.carry_out(BACKUP)
    (done,) = desk.carry_out(NAME, backup="latest")
    assert done.facts["restored"] == 19


def test_short_slices_restore_everything_once(desk):
    desk.world.artifacts.put_many((f"{place.PREFIX}/5/many/{n:05d}" for n in range(450)), b"x", desk.world.clock.now())
    desk.carry_out(BACKUP)
    before = len(desk.copies())
    desk.budget_s, desk.step_s = 0.5, 1.0
    (done,) = desk.carry_out(NAME, backup="latest")
    assert desk.slices >= 2
    assert done.facts["restored"] == len(desk.copies()) - before == 452


def test_nothing_selected_and_unknown_backups_are_refused(desk):
    artifacts_grown(desk.world)
    with pytest.raises(StepRefused, match="no backup to restore from"):
        desk.plan(NAME, backup="latest")
    desk.carry_out(BACKUP)
    with pytest.raises(StepRefused, match="holds nothing of run nosuchrun"):
        desk.plan(NAME, run="nosuchrun")
    with pytest.raises(StepRefused, match="not in bucket"):
        desk.plan(NAME, backup="20200101T000000Z-0123456789ab-abcdef")


@pytest.mark.parametrize(
    "params",
    [
        {"run": "a", "experiment": "1"},
        {"backup": "latest", "as_of": "2026-11-02T09:00:00Z"},
        {"over_newer": True},
        {"backup": "../../other"},
        {"run": "a/../b"},
    ],
)
def test_parameters_that_contradict_or_escape_are_refused(params):
    with pytest.raises(ValidationError):
        RestoreParams(**params)
