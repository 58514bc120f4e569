"""s3.restore: beside by default, in place only with approval, never over what is newer unless told (S19)."""

import pytest
from pydantic import ValidationError

from chalicelib.backup.standing import Fate, Fated
from chalicelib.errors import StepRefused
from chalicelib.models.change import ChangeProgress
from chalicelib.models.history import BackupKind
from chalicelib.steps.actions.s3_restore import RestoreParams
from chalicelib.steps.registry import ACTIONS
from chalicelib.steps.restore_copies import Bringer, Came, Restore
from chalicelib.steps.restore_work import manifests_for
from chalicelib.steps.step import Pending
from steward.sandbox import place
from steward.sandbox.backup_faults import artifacts_grown, artifacts_overwritten
from tests.functional.backup.conftest import MB, InParts

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
    desk.world.artifacts.put_many((f"{place.PREFIX}/5/many/{n:05d}" for n in range(230)), b"x", desk.world.clock.now())
    desk.carry_out(BACKUP)
    before = len(desk.copies())
    desk.budget_s, desk.step_s = 100.0, 1.0
    told = []
    desk.tell = lambda far, _detail: told.append(far)
    (done,) = desk.carry_out(NAME, backup="latest")
    assert desk.slices >= 2
    assert (told[-1].total, told[-1].rate_per_s > 0) == (232, True)
    assert done.facts["restored"] == len(desk.copies()) - before == 232


def big_backed_up(desk):
    desk.world.prepare("s3")
    desk.world.own_client("s3").put_object(
        Bucket=place.BUCKET, Key=f"{place.PREFIX}/1/r/artifacts/big.bin", Body=b"x" * (25 * MB),
        ContentType="text/x-model", Metadata={"run": "r"}, Tagging="team=ml",
    )  # fmt: skip
    desk.carry_out(BACKUP)
    desk.aws, desk.budget_s, desk.step_s = InParts, 200.0, 25.0


def first_slice(desk):
    desk.runs += 1
    (change,) = desk.plan(NAME, backup="latest", run="r")
    progress = ChangeProgress(state="started", started_at=desk.world.clock.now())
    assert isinstance(ACTIONS[NAME].apply(desk.ctx("restore", acting=True), change, progress), Pending)
    return change, progress


def test_an_object_restored_in_parts_keeps_what_is_known_of_it_and_outlasts_its_slices(desk):
    big_backed_up(desk)
    (done,) = desk.carry_out(NAME, backup="latest", run="r")
    assert desk.slices >= 2
    assert done.facts["restored"] == 1
    asked = {"Bucket": place.BUCKET, "Key": "steward-restored/run-2/1/r/artifacts/big.bin"}
    client = desk.world.own_client("s3")
    found = client.head_object(**asked)
    assert (found["ContentType"], found["Metadata"], found["ContentLength"]) == ("text/x-model", {"run": "r"}, 25 * MB)
    assert client.get_object_tagging(**asked)["TagSet"] == [{"Key": "team", "Value": "ml"}]
    assert (desk.sent("CreateMultipartUpload"), desk.sent("UploadPartCopy")) == (1, 5)


def test_a_restore_in_parts_that_is_cancelled_leaves_no_upload_behind(desk):
    big_backed_up(desk)
    change, progress = first_slice(desk)
    client = desk.world.own_client("s3")
    assert len(client.list_multipart_uploads(Bucket=place.BUCKET)["Uploads"]) == 1
    ACTIONS[NAME].abandon(desk.ctx("restore", acting=True), change, progress)
    assert "Uploads" not in client.list_multipart_uploads(Bucket=place.BUCKET)


def test_what_was_written_while_it_was_restored_in_parts_is_kept(desk):
    big_backed_up(desk)
    change, _ = first_slice(desk)
    client, key = desk.world.own_client("s3"), "steward-restored/run-2/1/r/artifacts/big.bin"
    client.put_object(Bucket=place.BUCKET, Key=key, Body=b"somebody's own")
    restore, desk.step_s = Restore.of(change.parameters).in_run("run-2"), 0.0
    manifests = manifests_for(desk.ctx(), restore)
    (entry,) = (each for each in manifests.entries(manifests.latest()) if each.key.endswith("big.bin"))
    assert Bringer(desk.ctx("restore", acting=True), restore).bring_all([Fated(entry, Fate.ABSENT)]) == [Came.BEATEN]
    assert body(desk, key) == b"somebody's own"
    assert "Uploads" not in client.list_multipart_uploads(Bucket=place.BUCKET)


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
