"""s3.restore_sample: a few artifacts come back beside, are compared in full, and lie where only a drill writes."""

import pytest

from chalicelib.errors import StepFailed, StepRefused
from chalicelib.models.change import ChangeProgress
from chalicelib.models.history import BackupKind, MadeKind
from chalicelib.steps.registry import ACTIONS
from chalicelib.steps.step import Pending, Standing
from steward.sandbox import place
from steward.sandbox.backup_faults import artifacts_backed_up, artifacts_grown, manifest_tampered
from tests.functional.backup.conftest import MB, InParts

NAME = "s3.restore_sample"


def test_a_sample_is_restored_compared_with_the_backup_and_with_the_original(desk):
    artifacts_backed_up(desk.world)
    (done,) = desk.carry_out(NAME, objects=5)
    assert (done.facts["compared"], done.facts["same_as_original"]) == (5, 5)
    (made,) = desk.history.creations(place.NAME, MadeKind.SIDE_COPY)
    assert made.id.startswith("steward-restored/run-1/")
    assert made.delete_after > desk.world.clock.now()
    assert len([key for key in desk.copies() if key.startswith(made.id)]) == 5


def test_what_changed_since_the_backup_is_compared_with_the_backup_alone(desk):
    artifacts_backed_up(desk.world)
    for key in list(desk.world.artifacts.keys(place.PREFIX)):
        desk.put(key.removeprefix(f"{place.PREFIX}/"), b"written anew")
    (done,) = desk.carry_out(NAME, objects=100)
    assert done.facts["compared"] >= 18
    assert done.facts["same_as_original"] == 0


def test_the_same_backup_gives_the_same_plan(desk):
    artifacts_backed_up(desk.world)
    assert desk.plan(NAME, objects=3) == desk.plan(NAME, objects=3)
    assert "{run}" in desk.plan(NAME, objects=3)[0].parameters["toPrefix"]


def test_s16_it_is_recorded_before_the_first_copy_is_made(desk):
    artifacts_backed_up(desk.world)
    (change,) = desk.plan(NAME, objects=3)
    broken = change.model_copy(update={"parameters": {**change.parameters, "objects": [["no-such", "v0", 1, "e"]]}})
    with pytest.raises(StepFailed, match="is not in"):
        desk.apply(broken)
    assert len(desk.history.creations(place.NAME, MadeKind.SIDE_COPY)) == 1


def test_a_copy_that_is_not_what_the_backup_holds_is_no_proof(desk):
    artifacts_backed_up(desk.world)
    (change,) = desk.plan(NAME, objects=1)
    ((key, version, size, etag, _),) = change.parameters["objects"]
    said = {**change.parameters, "objects": [[key, version, size + 1, etag]]}
    with pytest.raises(StepFailed, match="came back as something else"):
        desk.apply(change.model_copy(update={"parameters": said}))


def test_short_slices_prove_every_object_once(desk):
    artifacts_backed_up(desk.world)
    desk.budget_s, desk.step_s = 0.5, 1.0
    (done,) = desk.carry_out(NAME, objects=6)
    assert desk.slices == 5
    assert done.facts["compared"] == 6 == len([key for key in desk.copies() if key.startswith("steward-restored/")])


def with_a_large_one(desk):
    desk.put("0/a/artifacts/small", b"small")
    desk.put("0/b/artifacts/model.bin", bytes(range(256)) * (25 * MB // 256))
    desk.carry_out("s3.backup_prefix")
    desk.aws, desk.budget_s, desk.step_s = InParts, 200.0, 25.0


def test_an_object_larger_than_one_copy_comes_back_in_parts_that_outlast_a_slice_each_copied_once(desk):
    with_a_large_one(desk)
    (done,) = desk.carry_out(NAME)
    assert desk.slices >= 1
    assert (done.facts["compared"], done.facts["same_as_original"]) == (4, 4)
    assert (desk.sent("CreateMultipartUpload"), desk.sent("UploadPartCopy")) == (1, 5)


def test_a_backup_s_copy_that_was_itself_made_in_parts_is_known_by_its_own_etag(desk):
    desk.aws = InParts
    desk.put("0/b/artifacts/model.bin", bytes(range(256)) * (25 * MB // 256))
    desk.carry_out("s3.backup_prefix")
    (done,) = desk.carry_out(NAME)
    assert done.facts["same_as_original"] == 3


def test_a_drill_that_is_cancelled_between_parts_leaves_no_upload_behind(desk):
    with_a_large_one(desk)
    desk.runs += 1
    (change,) = desk.plan(NAME)
    progress = ChangeProgress(state="started", started_at=desk.world.clock.now())
    assert isinstance(ACTIONS[NAME].apply(desk.ctx(change.step, acting=True), change, progress), Pending)
    client = desk.world.own_client("s3")
    assert len(client.list_multipart_uploads(Bucket=place.BUCKET)["Uploads"]) == 1
    ACTIONS[NAME].abandon(desk.ctx(change.step, acting=True), change, progress)
    assert "Uploads" not in client.list_multipart_uploads(Bucket=place.BUCKET)


def test_one_that_a_single_copy_takes_is_begun_only_with_time_left_for_it(desk):
    desk.put("0/a/artifacts/small", b"small")
    desk.put("0/b/artifacts/model.bin", bytes(60 * MB))  # three seconds at the slowest
    desk.carry_out("s3.backup_prefix")
    desk.step_s, desk.budget_s = 1.0, 3.5
    (done,) = desk.carry_out(NAME)
    assert (done.facts["compared"], desk.slices) == (4, 1)


def test_without_a_backup_or_with_a_forged_one_it_refuses(desk):
    with pytest.raises(StepRefused, match="there is no backup of"):
        desk.plan(NAME)
    manifest_tampered(desk.world)
    with pytest.raises(StepRefused, match="proves nothing"):
        desk.plan(NAME)


def test_a_newer_manifest_of_the_same_name_is_drift(desk):
    artifacts_backed_up(desk.world)
    (change,) = desk.plan(NAME)
    other = change.model_copy(update={"precondition": {"sha256": "0" * 64}})
    assert ACTIONS[NAME].look(desk.ctx(), other).standing is Standing.DRIFTED


def test_the_newest_good_backup_is_what_is_proven(desk):
    artifacts_grown(desk.world)
    desk.carry_out("s3.backup_prefix")
    (done,) = desk.carry_out(NAME, objects=2)
    assert done.facts["backup"] == desk.history.newest_good(place.NAME, BackupKind.ARTIFACTS).id
