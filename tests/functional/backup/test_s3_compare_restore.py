"""s3.compare_restore reads a new listing: what is missing or differs after a restore is no success."""

from chalicelib.models.check import Answer
from chalicelib.steps.artifact_judgements import artifacts_restored
from steward.sandbox import place
from steward.sandbox.backup_faults import artifacts_grown

BACKUP, RESTORE, NAME = "s3.backup_prefix", "s3.restore", "s3.compare_restore"


def test_a_run_that_restores_nothing_is_not_judged(desk):
    assert artifacts_restored(desk.read(NAME))[0] is Answer.NOT_APPLICABLE


def test_an_object_lost_after_the_restore_is_noticed(desk):
    artifacts_grown(desk.world)
    desk.carry_out(BACKUP)
    desk.carry_out(RESTORE, backup="latest")
    assert artifacts_restored(desk.read(NAME))[0] is Answer.TRUE
    key = "steward-restored/run-2/7/odd/artifacts/a//b.txt"
    desk.world.own_client("s3").delete_object(Bucket=place.BUCKET, Key=key)
    answer, because = artifacts_restored(desk.read(NAME))
    assert answer is Answer.FALSE
    assert "1 are missing and 0 differ, the first 7/odd/artifacts/a//b.txt" in because
