"""s3.expire_copies sets delete markers and nothing else (S14, S17), and rests while a backup is doubted (S18)."""

import pytest

from chalicelib.errors import StepRefused
from chalicelib.steps.registry import ACTIONS
from chalicelib.steps.step import Standing, Unchanged
from steward.sandbox import place
from steward.sandbox.backup_faults import artifacts_long_gone

NAME = "s3.expire_copies"


def versions(desk, key):
    found = desk.world.own_client("s3").list_object_versions(Bucket=place.BACKUP_BUCKET, Prefix=key)
    return len(found.get("Versions", [])), len(found.get("DeleteMarkers", []))


def test_s14_s17_the_named_copy_gets_one_delete_marker_and_keeps_its_version(desk):
    artifacts_long_gone(desk.world)
    (change,) = desk.plan(NAME)
    (key,), (version,) = change.parameters["keys"], change.parameters["versions"]
    desk.apply(change)
    assert versions(desk, key) == (1, 1)
    assert isinstance(desk.apply(change), Unchanged), "a second time there is nothing left to mark"
    assert versions(desk, key) == (1, 1)
    assert version
    assert not [call for call in desk.world.calls if call.operation == "DeleteObject" and "VersionId" in call.params]


def test_what_came_back_at_the_source_is_kept(desk):
    artifacts_long_gone(desk.world)
    (change,) = desk.plan(NAME)
    (key,) = change.parameters["keys"]
    desk.world.own_client("s3").put_object(Bucket=place.BUCKET, Key=key, Body=b"back")
    assert "1 came back and stay" in desk.apply(change).detail
    assert versions(desk, key) == (1, 0)


def test_s18_nothing_expires_while_a_backup_is_doubted(desk):
    artifacts_long_gone(desk.world)
    (change,) = desk.plan(NAME)
    desk.history.suspect(place.NAME, "half of it changed", "run-0", desk.world.clock.now())
    assert ACTIONS[NAME].look(desk.ctx(), change).standing is Standing.DRIFTED
    with pytest.raises(StepRefused, match="S18"):
        desk.plan(NAME)


def test_within_the_grace_period_nothing_is_due(desk):
    artifacts_long_gone(desk.world)
    desk.with_backup(grace=90 * 86400)
    assert desk.plan(NAME) == ()
