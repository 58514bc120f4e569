"""What backups copied that never came to their seal: taken over by the next, and proven like all else."""

from chalicelib.models.change import ChangeProgress
from chalicelib.steps.registry import ACTIONS
from chalicelib.steps.step import Pending
from steward.sandbox import place
from steward.sandbox.backup_faults import artifacts_grown

NAME = "s3.backup_prefix"


def a_slice(desk):
    """The first of a run, which then never comes to its end."""
    desk.runs += 1
    (change,) = desk.plan(NAME)
    action = ACTIONS[NAME]
    before = dict(action.look(desk.ctx(), change).before)
    progress = ChangeProgress(state="started", started_at=desk.world.clock.now(), before=before)
    applied = action.apply(desk.ctx(acting=True), change, progress)
    assert isinstance(applied, Pending)
    return change, progress.model_copy(update={"checkpoint": applied.checkpoint})


def test_what_a_cancelled_backup_copied_is_taken_over_by_the_next(desk):
    artifacts_grown(desk.world, count=60)
    desk.budget_s, desk.step_s = 20.0, 0.4
    change, progress = a_slice(desk)
    copied = len(desk.copies())
    assert 5 < copied < 50
    assert "takes them over" in ACTIONS[NAME].abandon(desk.ctx(acting=True), change, progress)
    desk.later(days=1)
    desk.budget_s, desk.step_s = 200.0, 0.0
    (done,) = desk.carry_out(NAME)
    assert done.facts["copied"] == 68 - copied
    assert len(desk.copies()) == len(set(desk.copies())) == done.facts["objects"] == 68


def test_runs_that_never_come_to_their_end_make_a_backup_together(desk):
    artifacts_grown(desk.world, count=60)
    desk.budget_s, desk.step_s = 20.0, 0.4
    for run in range(3):
        desk.budget_s = 20.0 + 12.0 * run  # on this clock a look at what is taken over costs as much as a copy
        before = len(desk.copies())
        a_slice(desk)
        assert len(desk.copies()) > before
        desk.later(days=1)
    desk.budget_s, desk.step_s = 200.0, 0.0
    (done,) = desk.carry_out(NAME)
    assert len(desk.copies()) == len(set(desk.copies())) == done.facts["objects"] == 68
    desk.later(days=1)
    assert desk.carry_out(NAME)[0].facts["copied"] == 0


def test_what_changed_or_lost_its_copy_since_is_not_taken_over(desk):
    artifacts_grown(desk.world, count=60)
    desk.budget_s, desk.step_s = 20.0, 0.4
    a_slice(desk)
    one, other, *_ = copied = desk.copies()
    desk.world.own_client("s3").put_object(Bucket=place.BUCKET, Key=one, Body=b"changed since")
    desk.world.own_client("s3").put_object(Bucket=place.BACKUP_BUCKET, Key=other, Body=b"another's")
    desk.later(days=1)
    desk.budget_s, desk.step_s = 200.0, 0.0
    (done,) = desk.carry_out(NAME)
    assert done.facts["copied"] == 68 - len(copied) + 2
    read = desk.world.own_client("s3").get_object(Bucket=place.BACKUP_BUCKET, Key=one)["Body"].read()
    assert read == b"changed since"


def test_an_unsealed_backup_whose_part_is_damaged_is_copied_again_and_spoils_nothing(desk):
    artifacts_grown(desk.world, count=60)
    desk.budget_s, desk.step_s = 20.0, 0.4
    a_slice(desk)
    copied, client = len(desk.copies()), desk.world.own_client("s3")
    for version in client.list_object_versions(Bucket=place.BACKUP_BUCKET, Prefix=".steward-backup/")["Versions"]:
        if "/parts/" in version["Key"]:
            client.delete_object(Bucket=place.BACKUP_BUCKET, Key=version["Key"], VersionId=version["VersionId"])
    desk.later(days=1)
    desk.budget_s, desk.step_s = 200.0, 0.0
    (done,) = desk.carry_out(NAME)
    assert (done.facts["copied"], len(desk.copies())) == (68, 68 + copied)
