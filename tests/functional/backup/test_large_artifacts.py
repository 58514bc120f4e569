"""An artifact that is too large to be read back in full is read in part, at the backup, the restore and the drill."""

import pytest

from chalicelib.backup.manifest import Proof
from chalicelib.backup.spans import SPAN, WHOLE_UP_TO
from chalicelib.errors import StepFailed
from chalicelib.models.history import BackupKind
from chalicelib.steps.backup_seal import unread
from steward.sandbox import place
from steward.sandbox.backup_faults import artifacts_grown

BACKUP, RESTORE, SAMPLE = "s3.backup_prefix", "s3.restore", "s3.restore_sample"
SIZE = WHOLE_UP_TO + SPAN // 2
KEY = "0/0big/artifacts/model.bin"


@pytest.fixture
def desk(desk):
    artifacts_grown(desk.world)
    desk.put(KEY, bytes(range(256)) * (SIZE // 256))
    return desk


def ranges(desk, bucket):
    reads = (call.params for call in desk.world.calls if call.operation == "GetObject" and "Range" in call.params)
    return [read["Range"] for read in reads if read["Bucket"] == bucket and read["Key"].endswith(KEY)]


def test_some_of_its_bytes_are_compared_with_the_source_and_the_rest_is_said_to_be_unread(desk):
    (done,) = desk.carry_out(BACKUP)
    assert "12 read back in full, 1 large in part" in done.detail
    assert len(ranges(desk, place.BACKUP_BUCKET)) == 8
    (record,) = desk.history.backups(place.NAME, BackupKind.ARTIFACTS)
    assert record.not_read == "1 artifacts over 64 MB (68 MB); read was 1 of them, in 60 MB"
    lines = desk.read("backup.posture").lines
    assert f"not covered: contents that were compared by size and checksum alone: {record.not_read}" in lines


def test_a_restore_and_a_drill_read_it_too(desk):
    desk.carry_out(BACKUP)
    (back,) = desk.carry_out(RESTORE, backup="latest")
    assert back.facts["compared"] == 9
    (drill,) = desk.carry_out(SAMPLE, objects=3)
    assert drill.facts["same_as_original"] == 3
    restored = [key for key in desk.copies() if key.startswith("steward-restored/") and key.endswith(KEY)]
    assert len(restored) == 2


def test_a_large_copy_with_other_contents_makes_the_backup_not_good(desk):
    (change,) = desk.plan(BACKUP)
    desk.world.s3_wire.troubles.garbled = 1
    desk.runs += 1
    with pytest.raises(StepFailed, match=f"{KEY}: its copy has other contents"):
        desk.apply(change)
    assert desk.history.newest_good(place.NAME, BackupKind.ARTIFACTS) is None


def test_nothing_is_said_where_nothing_is_large():
    assert unread(None) is None
    assert unread(Proof(at="2026-11-02T02:00:00Z", checked=3)) is None
    none = Proof(at="2026-11-02T02:00:00Z", checked=3, large=2, large_bytes=5 * 1024**4)
    assert unread(none) == "2 artifacts over 64 MB (5.0 TB); read was none of them"
