"""s3.restore_sample: a few artifacts come back beside, are compared in full, and lie where only a drill writes."""

import pytest

from chalicelib.errors import StepFailed, StepRefused
from chalicelib.models.history import BackupKind, MadeKind
from chalicelib.steps.registry import ACTIONS
from chalicelib.steps.step import Standing
from steward.sandbox import place
from steward.sandbox.backup_faults import artifacts_backed_up, artifacts_grown, manifest_tampered

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
    ((key, version, size, etag),) = change.parameters["objects"]
    said = {**change.parameters, "objects": [[key, version, size + 1, etag]]}
    with pytest.raises(StepFailed, match="came back as something else"):
        desk.apply(change.model_copy(update={"parameters": said}))


def test_short_slices_prove_every_object_once(desk):
    artifacts_backed_up(desk.world)
    desk.budget_s, desk.step_s = 0.5, 1.0
    (done,) = desk.carry_out(NAME, objects=6)
    assert desk.slices == 5
    assert done.facts["compared"] == 6 == len([key for key in desk.copies() if key.startswith("steward-restored/")])


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
