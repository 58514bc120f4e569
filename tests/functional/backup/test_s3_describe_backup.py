"""s3.describe_backup, and the check that rests on it: this run's backup, and the doubt that pages once (S18)."""

from chalicelib.models.check import Answer
from chalicelib.steps.artifact_judgements import artifacts_backed_up
from steward.sandbox import place
from steward.sandbox.backup_faults import artifacts_grown, artifacts_vanished, manifest_tampered

BACKUP, NAME = "s3.backup_prefix", "s3.describe_backup"


def judged(desk):
    return artifacts_backed_up(desk.read(NAME))


def test_only_this_run_s_own_verified_backup_counts(desk):
    artifacts_grown(desk.world)
    assert judged(desk)[0] is Answer.FALSE
    desk.carry_out(BACKUP)
    assert judged(desk)[0] is Answer.TRUE
    desk.runs += 1
    assert judged(desk) == (Answer.FALSE, "this run made no backup of fraud-models-test/mlflow-artifacts/")


def test_s18_the_run_that_first_doubts_fails_and_later_ones_only_say_so(desk):
    artifacts_vanished(desk.world)
    desk.carry_out(BACKUP)
    answer, because = judged(desk)
    assert answer is Answer.FALSE
    assert "suspect" in because
    desk.later(days=1)
    desk.carry_out(BACKUP)
    answer, because = judged(desk)
    assert answer is Answer.TRUE
    assert "still doubted since earlier" in because


def test_a_manifest_that_cannot_be_believed_is_told_and_is_no_yes(desk):
    manifest_tampered(desk.world)
    (one,) = desk.read(NAME).places
    assert "its MAC is wrong" in (one.broken or "")
    assert judged(desk)[0] is Answer.FALSE


def test_a_stack_without_a_backup_bucket_says_why(desk):
    desk.with_artifacts(backup_bucket=None)
    state = desk.read(NAME)
    assert not state.applicable
    assert "backupBucket" in (state.why_not or "")
    assert place.BUCKET
