"""Large artifacts are read back in full, in turn, by the backup; in part by the restore and the drill.

Large is what the desk says. The last test holds what the product says: moto takes seconds over bodies of that size.
"""

from dataclasses import replace

import pytest

from chalicelib.backup.estimate import size_text
from chalicelib.backup.judge import SAMPLE as SMALL
from chalicelib.backup.manifest import Proof
from chalicelib.backup.spans import MOST_SPANS, ReadSizes
from chalicelib.errors import StepFailed
from chalicelib.models.change import ChangeProgress
from chalicelib.models.history import BackupKind
from chalicelib.steps.backup_seal import unread
from chalicelib.steps.registry import ACTIONS
from chalicelib.steps.step import Pending, StepContext
from steward.sandbox import place
from steward.sandbox.backup_faults import artifacts_grown

from .conftest import MB

BACKUP, RESTORE, SAMPLE = "s3.backup_prefix", "s3.restore", "s3.restore_sample"
SPAN = 240 * 1024
WHOLE_UP_TO = MOST_SPANS * SPAN
SIZE = WHOLE_UP_TO + SPAN * 3 // 4
STRETCH, ALL = size_text(WHOLE_UP_TO), size_text(SIZE)
A_STRETCH_MB, ONE_MB = 1, 2
"""What a backup is given to read: used up by the first stretch of a large one; and only by all of it."""
KEY = "0/0big/artifacts/model.bin"


@pytest.fixture
def desk(desk):
    artifacts_grown(desk.world)
    desk.read_sizes = ReadSizes(WHOLE_UP_TO, SPAN)
    desk.put(KEY, bytes(range(256)) * (SIZE // 256))
    return desk


def ranges(desk, bucket):
    reads = (call.params for call in desk.world.calls if call.operation == "GetObject" and "Range" in call.params)
    found = [read["Range"] for read in reads if read["Bucket"] == bucket and read["Key"].endswith(KEY)]
    return [span for span in found if span != "bytes=0-0"]  # whether it can be read at all


def test_a_large_one_is_read_in_full_stretch_by_stretch_and_the_summary_says_how_much_was_read(desk):
    (done,) = desk.carry_out(BACKUP)
    assert f", {SMALL + 1} read back in full ({ALL})" in done.detail
    for bucket in (place.BACKUP_BUCKET, place.BUCKET):
        assert ranges(desk, bucket) == [f"bytes=0-{WHOLE_UP_TO - 1}", f"bytes={WHOLE_UP_TO}-{SIZE - 1}"]
    (record,) = desk.history.backups(place.NAME, BackupKind.ARTIFACTS)
    assert record.not_read is None
    assert not [line for line in desk.read("backup.posture").lines if "not covered: contents" in line]


def test_one_that_is_larger_than_what_a_backup_reads_is_proven_by_several_each_going_on_where_the_last_ended(desk):
    (first,) = desk.carry_out(BACKUP, read_back_mb=A_STRETCH_MB)
    assert f"of one more the first {STRETCH} by now" in first.detail
    record = desk.history.newest_good(place.NAME, BackupKind.ARTIFACTS)
    said = f"0 of 1 artifacts over {STRETCH} were read in full, {STRETCH} of {ALL} this time; all have their turn"
    assert record.not_read == said
    lines = desk.read("backup.posture").lines
    assert f"not covered: contents that were compared by size and checksum alone: {said}" in lines
    desk.later(days=1)
    (second,) = desk.carry_out(BACKUP, read_back_mb=A_STRETCH_MB)
    assert f", {SMALL + 1} read back in full ({ALL})" in second.detail
    assert ranges(desk, place.BUCKET) == [f"bytes=0-{WHOLE_UP_TO - 1}", f"bytes={WHOLE_UP_TO}-{SIZE - 1}"]


def test_one_that_was_written_anew_meanwhile_is_read_from_its_first_byte(desk):
    desk.carry_out(BACKUP, read_back_mb=A_STRETCH_MB)
    desk.put(KEY, b"y" * SIZE)
    desk.later(days=1)
    desk.carry_out(BACKUP, read_back_mb=A_STRETCH_MB)
    assert ranges(desk, place.BUCKET) == [f"bytes=0-{WHOLE_UP_TO - 1}"] * 2


def test_every_large_one_has_its_turn(desk):
    keys = [KEY, *(f"0/1big/artifacts/{number}.bin" for number in range(3))]
    for number, key in enumerate(keys[1:]):
        desk.put(key, b"%d" % number * SIZE)
    for _ in keys:
        desk.carry_out(BACKUP, read_back_mb=ONE_MB)
        desk.later(days=1)
    turns = reads(desk)
    assert sorted(set(turns)) == sorted(keys), "one a backup, and none twice before all were read"
    assert turns == [key for key in dict.fromkeys(turns) for _ in range(2)]
    desk.carry_out(BACKUP, read_back_mb=ONE_MB)
    assert reads(desk)[8:] == turns[:2], "and then from the start again"


def reads(desk):
    found = (call.params for call in desk.world.calls if call.operation == "GetObject" and "Range" in call.params)
    return [read["Key"].partition("/")[2] for read in found if read["Bucket"] == place.BACKUP_BUCKET]


def test_what_takes_longer_than_a_slice_is_gone_on_with_and_no_stretch_is_read_twice(desk):
    for number in range(2):
        desk.put(f"0/1big/artifacts/{number}.bin", b"%d" % number * SIZE)
    desk.budget_s, desk.step_s = 20.0, 3.0
    (done,) = desk.carry_out(BACKUP)
    assert desk.slices > 3
    assert "reading a sample back: " in desk.last_pending.detail
    assert f", {SMALL + 3} read back in full ({size_text(3 * SIZE)})" in done.detail
    assert len(reads(desk)) == 6


def test_a_cancelled_backup_stops_between_two_stretches(desk):
    (change,) = desk.plan(BACKUP)
    desk.runs += 1
    ctx = replace(desk.ctx(acting=True), cancelled=lambda: bool(reads(desk)))
    action = ACTIONS[BACKUP]
    progress = ChangeProgress(
        state="started", started_at=desk.world.clock.now(), before=dict(action.look(ctx, change).before)
    )
    assert isinstance(action.apply(ctx, change, progress), Pending)
    assert len(reads(desk)) == 1


def test_a_restore_and_a_drill_read_it_too(desk):
    desk.carry_out(BACKUP)
    (back,) = desk.carry_out(RESTORE, backup="latest")
    assert back.facts["compared"] == 9
    assert "; 8 read back in full and compared, 1 large in part" in back.detail
    (drill,) = desk.carry_out(SAMPLE, objects=3)
    assert drill.facts["same_as_original"] == 3
    assert "came back as they were (1 large, read in part)" in drill.detail
    restored = [key for key in desk.copies() if key.startswith("steward-restored/") and key.endswith(KEY)]
    assert len(restored) == 2


def test_a_large_copy_with_other_contents_makes_the_backup_not_good(desk):
    (change,) = desk.plan(BACKUP)
    desk.world.s3_wire.troubles.garbled = 1
    desk.runs += 1
    with pytest.raises(StepFailed, match=f"{KEY}: its copy has other contents"):
        desk.apply(change)
    assert desk.history.newest_good(place.NAME, BackupKind.ARTIFACTS) is None
    desk.later(days=1)
    with pytest.raises(StepFailed, match=f"{KEY}: its copy has other contents"):
        desk.carry_out(BACKUP)
    desk.put(KEY, b"mended" * (SIZE // 6))
    desk.later(days=1)
    desk.carry_out(BACKUP)
    assert desk.history.newest_good(place.NAME, BackupKind.ARTIFACTS) is not None, "no sooner"


def test_nothing_is_said_where_nothing_is_large():
    assert unread(None) is None
    assert unread(Proof(at="2026-11-02T02:00:00Z", checked=3)) is None
    none = Proof(at="2026-11-02T02:00:00Z", checked=3, large=2, large_bytes=5 * 1024**4)
    assert unread(none) == (
        "0 of 2 artifacts over 64 MB were read in full, 0 B of 5.0 TB this time; all have their turn"
    )
    assert unread(none.model_copy(update={"large_read": 2})) is None


def test_what_counts_as_large_is_64_mb_and_the_stretches_of_a_drill_are_8_mb(desk):
    desk.read_sizes = StepContext.read_sizes
    whole, stretch = 64 * MB, 8 * MB
    desk.put(KEY, bytes(range(256)) * ((whole + stretch // 2) // 256))
    (first,) = desk.carry_out(BACKUP, read_back_mb=1)
    assert "of one more the first 64 MB by now" in first.detail
    assert ranges(desk, place.BUCKET) == [f"bytes=0-{whole - 1}"]
    said = "0 of 1 artifacts over 64 MB were read in full, 64 MB of 68 MB this time; all have their turn"
    assert desk.history.newest_good(place.NAME, BackupKind.ARTIFACTS).not_read == said
    (drill,) = desk.carry_out(SAMPLE, objects=1)
    assert "(1 large, read in part)" in drill.detail
    read = ranges(desk, place.BUCKET)[1:]
    assert {f"bytes=0-{stretch - 1}", f"bytes={whole}-{whole + stretch // 2 - 1}"} < set(read)
