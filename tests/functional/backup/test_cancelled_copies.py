"""A backup or a restore that is cancelled in the middle leaves no open upload, and nothing that looks like a whole."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from chalicelib.aws.gateways import Aws
from chalicelib.aws.s3_lane import S3Lane
from chalicelib.aws.s3_lane_parts import PartRules
from chalicelib.engine.meanwhile import ASK_EVERY_S, Cancelled
from chalicelib.flows import approve, start
from chalicelib.models.change import ChangeProgress
from chalicelib.models.history import BackupKind
from chalicelib.steps.registry import ACTIONS
from chalicelib.steps.step import Pending
from steward.sandbox import place
from steward.sandbox.backup_faults import artifacts_grown
from steward.sandbox.simulation import Simulation
from steward.sandbox.world import World
from tests.shipped import read_runbooks

from .conftest import Desk, Ticks

BACKUP, RESTORE = "s3.backup_prefix", "s3.restore"
MB = 1024**2
PERSON = place.USERS["operator"]
PARTS = 9
"""Of 5 MB each: two before it is cancelled, those that the flag may be late by, and two that are never copied."""


class SmallParts(Aws):
    """Copies in parts of 5 MB what is larger than that: as with models of many gigabytes."""

    def s3_lane(self, region=None, **how):
        wire = super().s3_lane(region, **how)._wire
        return S3Lane(wire, largest_copy=5 * MB, parts=PartRules(size=5 * MB, side_by_side=1))


@dataclass
class SlowDesk(Desk):
    cancelled: Any = lambda: False

    def ctx(self, step="backup", *, acting=False):
        return replace(
            super().ctx(step, acting=acting),
            aws=SmallParts(self.world.kept_session(read_only=not acting), self.world.region, read_only=not acting),
            cancelled=self.cancelled,
        )

    def begin(self, name, **params):
        """One slice of it, and then it is cancelled."""
        self.runs += 1
        (change,) = self.plan(name, **params)
        action = ACTIONS[name]
        before = dict(action.look(self.ctx(change.step), change).before)
        progress = ChangeProgress(state="started", started_at=self.world.clock.now(), before=before)
        pending = action.apply(self.ctx(change.step, acting=True), change, progress)
        assert isinstance(pending, Pending)
        cancelled = progress.model_copy(update={"checkpoint": pending.checkpoint or {}})
        told = action.abandon(self.ctx(change.step, acting=True), change, cancelled)
        assert action.abandon(self.ctx(change.step, acting=True), change, cancelled) == told, "safe to repeat"
        return told

    def open_uploads(self):
        client = self.world.own_client("s3")
        buckets = (place.BUCKET, place.BACKUP_BUCKET)
        return [one for name in buckets for one in client.list_multipart_uploads(Bucket=name).get("Uploads", [])]

    def count(self, operation):
        return sum(call.operation == operation for call in self.world.calls)

    def heads(self):
        names = self.world.own_client("s3").list_objects_v2(Bucket=place.BACKUP_BUCKET).get("Contents", [])
        return [one["Key"] for one in names if "/heads/" in one["Key"]]


def by_a_person(desk, after_parts):
    """A run that somebody cancels while that many parts are copied; how the engine asks whether somebody did. By the
    clock of it, each look takes a second."""
    sim = Simulation(desk.world, read_runbooks())
    asked = start.Request(runbook="restore-artifacts", stack=place.NAME, principal=PERSON, inputs={"backup": "latest"})
    (part,) = start.start(sim.parts, asked).parts
    until = desk.count("UploadPartCopy") + after_parts

    def heard(when, operation):
        run = sim.parts.engine.runs.get(part.run_id)
        if when == "after" and operation == "UploadPartCopy" and desk.count(operation) == until:
            approve.cancel(sim.parts, run.id, by=PERSON, reason="the wrong experiment")

    desk.world.s3_wire.on_call = heard
    return Cancelled(sim.parts.engine, sim.parts.engine.runs.get(part.run_id), Ticks(1.0))


@pytest.fixture
def desk():
    with World.create(seed=3) as world:
        artifacts_grown(world)
        yield SlowDesk(world, world.stack())


@pytest.mark.parametrize("budget_s", [8.0, 10.0, 12.0, 14.0])
def test_a_cancelled_backup_leaves_no_open_upload_no_manifest_and_no_record(desk, budget_s):
    desk.put("0/big/artifacts/model.bin", b"x" * (16 * MB))
    desk.budget_s, desk.step_s = budget_s, 0.7
    told = desk.begin(BACKUP)
    assert "left half done" in told
    assert "the last backup is still none" in told
    assert desk.open_uploads() == []
    assert desk.heads() == []
    assert desk.history.backups(place.NAME, BackupKind.ARTIFACTS) == ()
    desk.budget_s, desk.step_s = 200.0, 0.0
    (done,) = desk.carry_out(BACKUP)
    assert done.facts["objects"] == 21
    assert desk.open_uploads() == []


def test_some_of_them_are_cancelled_between_the_parts_of_a_copy(desk):
    """Without this the test above could be true of nothing."""
    desk.put("0/big/artifacts/model.bin", b"x" * (16 * MB))
    desk.step_s, begun = 0.7, 0
    for budget_s in (8.0, 10.0, 12.0, 14.0):
        desk.budget_s = budget_s
        desk.begin(BACKUP)
        begun = desk.count("CreateMultipartUpload") - desk.count("CompleteMultipartUpload")
    assert begun > 0


def test_a_cancelled_restore_leaves_no_open_upload_and_proves_nothing(desk):
    desk.world.artifacts.put_many((f"{place.PREFIX}/5/many/{n:05d}" for n in range(230)), b"x", desk.world.clock.now())
    desk.carry_out(BACKUP)
    desk.budget_s, desk.step_s = 0.5, 1.0
    told = desk.begin(RESTORE, backup="latest")
    assert "left half done: 1 of 250 objects are restored to" in told, "the clock is asked at every object"
    assert desk.open_uploads() == []
    assert desk.history.backups(place.NAME, BackupKind.ARTIFACTS)[0].restored_at is None


@pytest.mark.parametrize("in_place", [False, True])
def test_a_restore_cancelled_inside_a_copy_in_parts_hears_it_within_seconds_and_the_next_run_goes_on(desk, in_place):
    big, client = f"{place.PREFIX}/0/big/artifacts/model.bin", desk.world.own_client("s3")
    desk.put("0/big/artifacts/model.bin", b"x" * (PARTS * 5 * MB))
    desk.carry_out(BACKUP)
    if in_place:
        for one in client.list_objects_v2(Bucket=place.BUCKET, Prefix=place.PREFIX)["Contents"]:
            client.delete_object(Bucket=place.BUCKET, Key=one["Key"])
    before, desk.cancelled = desk.count("UploadPartCopy"), by_a_person(desk, after_parts=2)
    told = desk.begin(RESTORE, backup="latest", in_place=in_place)
    heard_after = desk.count("UploadPartCopy") - before - 2
    assert heard_after <= ASK_EVERY_S, "the flag is looked at between the parts, every few seconds"
    assert "left half done: 2 of 21 objects are restored to" in told
    assert desk.open_uploads() == []
    there = [one for one in names(desk) if one.endswith("0/big/artifacts/model.bin")]
    assert there == ([] if in_place else [big]), "no part of it looks like the whole"
    desk.cancelled, desk.world.s3_wire.on_call = lambda: False, lambda _when, _operation: None
    sent = desk.count("UploadPartCopy")
    (done,) = desk.carry_out(RESTORE, backup="latest", in_place=in_place)
    assert done.facts["restored"] + done.facts["already"] == 21
    assert done.facts["already"] == (2 if in_place else 0), "what is there already is not brought again"
    assert desk.count("UploadPartCopy") - sent == PARTS
    assert desk.open_uploads() == []


def names(desk):
    found = desk.world.own_client("s3").list_objects_v2(Bucket=place.BUCKET).get("Contents", [])
    return [one["Key"] for one in found]
