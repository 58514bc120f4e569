"""Delete markers are set for what was counted as due, one each, and can be gone on with."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from chalicelib.backup.entry import Entry, Place
from chalicelib.backup.expiry import Expired, expire
from chalicelib.models.stack_backup import BackupPart

NOW = datetime(2026, 11, 20, 2, tzinfo=UTC)
GRACE = timedelta(days=7)
OLD, YOUNG = NOW - timedelta(days=8), NOW - timedelta(days=6)
ENTRIES = [
    Entry("a", 1, "e", "v1"),
    Entry("b", 1, "e", "v2", gone_since=OLD),
    Entry("c", 1, "e", "v3", gone_since=YOUNG),
    Entry("d", 1, "e", "v4", gone_since=OLD),
]


class Markers:
    def __init__(self):
        self.set = []

    def put_delete_marker(self, bucket, key):
        self.set.append((bucket, key))


def run(entries, at_most=10, **more):
    lane = Markers()
    done = expire(entries, Place("backup", "p/"), lane, now=NOW, grace=GRACE, at_most=at_most, **more)
    return done, lane.set


def test_only_what_is_gone_for_longer_than_the_grace_period_gets_a_marker_s17():
    assert run(ENTRIES) == (Expired(2, "d", finished=True), [("backup", "p/b"), ("backup", "p/d")])


def test_no_more_markers_are_set_than_were_counted_s14():
    assert run(ENTRIES, at_most=1) == (Expired(1, "c", finished=False), [("backup", "p/b")])


def test_told_to_stop_it_says_where_to_go_on():
    answers = iter([True, False])
    done, _ = run(ENTRIES, may_go_on=lambda: next(answers))
    assert done == Expired(1, "c", finished=False)
    rest = [entry for entry in ENTRIES if entry.key > done.done_through]
    assert run(rest) == (Expired(1, "d", finished=True), [("backup", "p/d")])


@pytest.mark.parametrize("grace", ["0s", "23h"])
def test_s17_a_grace_shorter_than_the_day_between_two_backups_is_refused(grace):
    with pytest.raises(ValidationError, match="greater than or equal to 86400"):
        BackupPart.model_validate({"grace": grace})
    assert BackupPart.model_validate({"grace": "1d"}).grace == 86400
