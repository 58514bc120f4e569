"""A backup whose run was stopped between its head and its record, where no MAC says whose the head is (S17)."""

import re

import pytest

from chalicelib.errors import StepRefused
from chalicelib.store.blobs import MemoryBlobs
from chalicelib.store.history import History
from steward.sandbox.backup_faults import artifacts_grown

NAME = "s3.backup_prefix"


class StoppedBeforeItsRecord(History):
    def record_backup(self, backup):
        raise KeyboardInterrupt


def stopped_after_its_head(desk):
    desk.with_backup(mac_key=None)
    artifacts_grown(desk.world)
    desk.carry_out(NAME)
    desk.later(hours=1)
    whole = desk.history
    desk.history = StoppedBeforeItsRecord(whole._table)
    with pytest.raises(KeyboardInterrupt):
        desk.carry_out(NAME)
    desk.history = whole
    desk.later(hours=1)


def test_without_a_mac_key_a_run_that_is_stopped_between_its_head_and_its_record_stops_no_later_backup(desk):
    stopped_after_its_head(desk)
    (done,) = desk.carry_out(NAME)
    assert (done.facts["verified"], done.facts["copied"]) == (True, 0)
    assert desk.carry_out("s3.restore", backup="latest")[0].facts["restored"] == 20


def test_s17_where_nothing_says_whose_the_newest_head_is_it_says_which_object_to_delete_and_that_helps(desk):
    stopped_after_its_head(desk)
    desk.evidence = MemoryBlobs()
    with pytest.raises(StepRefused, match=r"delete s3://\S+/heads/\S+\.json and any head after it") as refused:
        desk.plan(NAME)
    assert "restore that object's version" not in str(refused.value)
    bucket, _, key = re.search(r"s3://(\S+\.json)", str(refused.value))[1].partition("/")
    desk.world.own_client("s3").delete_object(Bucket=bucket, Key=key)
    assert desk.carry_out(NAME)[0].facts["verified"]
