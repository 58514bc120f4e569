"""s3.backup_prefix against the world's S3: what it copies, proves, refuses, doubts, and how it goes on (S17, S18)."""

from dataclasses import replace

import pytest

from chalicelib.aws.s3_vault import LifecycleRule
from chalicelib.errors import StepFailed, StepRefused
from chalicelib.models.history import BackupKind
from chalicelib.steps.backup_preflight import check_rules
from chalicelib.steps.registry import ACTIONS
from chalicelib.steps.step import Done, Standing
from steward.sandbox import place
from steward.sandbox.backup_faults import artifacts_backed_up, artifacts_grown

NAME = "s3.backup_prefix"


def test_every_object_is_copied_once_and_the_next_backup_copies_nothing(desk):
    artifacts_grown(desk.world)
    (first,) = desk.carry_out(NAME)
    assert isinstance(first, Done)
    assert first.facts["objects"] == first.facts["copied"] == len(desk.copies()) == 20
    desk.later(days=1)
    (second,) = desk.carry_out(NAME)
    assert second.facts["copied"] == 0
    desk.later(days=1)
    (third,) = desk.carry_out(NAME)
    assert (third.facts["copied"], len(desk.copies())) == (0, 20)


def test_a_backup_is_good_only_once_copies_were_compared_and_a_sample_was_read_back(desk):
    artifacts_grown(desk.world)
    desk.carry_out(NAME)
    record = desk.history.newest_good(place.NAME, BackupKind.ARTIFACTS)
    assert record is not None
    assert record.verified_at == desk.world.clock.now()
    assert (record.ref or "").startswith("s3://fraud-models-backup/.steward-backup/")
    reads = [call for call in desk.world.calls if call.operation == "GetObject" and "VersionId" in call.params]
    assert len(reads) >= 12, "the sample is read by the versions that the manifest names"


def test_short_slices_go_on_where_they_ended_and_copy_nothing_twice(desk):
    artifacts_grown(desk.world, count=60)
    desk.budget_s, desk.step_s = 20.0, 0.4
    (done,) = desk.carry_out(NAME, checkpoint_every=7)
    assert desk.slices > 1
    assert isinstance(done, Done)
    assert len(desk.copies()) == len(set(desk.copies())) == 68
    assert desk.last_pending.how_far is not None
    assert desk.last_pending.how_far.unit == "objects"


def test_a_copy_that_arrived_truncated_makes_the_backup_not_good(desk):
    artifacts_grown(desk.world)
    desk.world.s3_wire.troubles.truncated = 1
    with pytest.raises(StepFailed, match="kept and not verified"):
        desk.carry_out(NAME)
    assert desk.history.newest_good(place.NAME, BackupKind.ARTIFACTS) is None
    desk.later(days=1)
    (mended,) = desk.carry_out(NAME)
    assert mended.facts["copied"] == 1, "the next backup sees that the copy differs, and makes it anew"


def test_what_was_denied_half_way_is_made_up_for_by_the_next_backup(desk):
    artifacts_grown(desk.world)
    desk.world.s3_wire.troubles.denied_after = 5
    with pytest.raises(StepFailed, match="15 objects could not be copied"):
        desk.carry_out(NAME)
    desk.world.s3_wire.troubles.denied_after = None
    desk.later(days=1)
    (mended,) = desk.carry_out(NAME)
    assert mended.facts["copied"] == 15


def test_s18_more_than_a_fifth_changed_is_suspect_until_a_person_clears_it(desk):
    artifacts_grown(desk.world)
    desk.carry_out(NAME)
    for number in range(8):
        desk.put(f"0/x/artifacts/{number}", b"x")
    desk.later(days=1)
    assert desk.carry_out(NAME)[0].facts["suspect"] is None, "new objects are no loss"
    for number in range(8):
        desk.put(f"0/x/artifacts/{number}", b"encrypted by somebody")
    desk.later(days=1)
    (done,) = desk.carry_out(NAME)
    assert "29% of 28 known objects: 8 changed" in done.facts["suspect"]
    assert desk.history.suspicion(place.NAME).run_id == "run-3"
    newest_good = desk.history.newest_good(place.NAME, BackupKind.ARTIFACTS)
    assert newest_good.run_id == "run-2", "a suspect backup is never the newest good one"


def test_s17_a_tampered_manifest_is_refused_although_somebody_could_sign_it(desk):
    artifacts_grown(desk.world)
    desk.carry_out(NAME)
    record = desk.history.newest_good(place.NAME, BackupKind.ARTIFACTS)
    key = record.ref.removeprefix("s3://fraud-models-backup/").partition("#")[0]
    client = desk.world.own_client("s3")
    head = client.get_object(Bucket=place.BACKUP_BUCKET, Key=key)["Body"].read()
    client.put_object(Bucket=place.BACKUP_BUCKET, Key=key, Body=head.replace(b'"known":0', b'"known":9'))
    with pytest.raises(StepRefused, match=r"S17.*another one than Steward wrote"):
        desk.plan(NAME)
    client.delete_object(Bucket=place.BACKUP_BUCKET, Key=key)
    with pytest.raises(StepRefused, match=r"S17.*no longer in bucket"):
        desk.plan(NAME)


def test_the_backup_bucket_may_not_be_the_artifact_bucket(desk):
    desk.with_artifacts(backup_bucket=place.BUCKET)
    with pytest.raises(StepRefused, match="is the artifact bucket itself"):
        desk.plan(NAME)


@pytest.mark.parametrize(
    ("ends", "refusal"),
    [
        ({"noncurrent_kept": 1}, "no lifecycle rule that ends noncurrent versions"),
        ({"whole": False}, "no lifecycle rule that ends noncurrent versions"),
        ({"noncurrent_days": 1}, "ends old versions after 1 day"),
        ({"expires_current": True}, "deletes what is current"),
    ],
)
def test_what_is_deleted_must_leave_the_backup_bucket_some_day_and_not_at_once_s17(ends, refusal):
    good = LifecycleRule("r", "", whole=True, expires_current=False, noncurrent_days=30, aborts_uploads=False)
    check_rules("backup", "models/", (good,))
    with pytest.raises(StepRefused, match=f"S17: .*{refusal}"):
        check_rules("backup", "models/", (replace(good, **ends),))


def test_prefixes_may_not_lie_in_one_another(desk):
    desk.with_artifacts(also=("mlflow-artifacts/models",))
    with pytest.raises(StepRefused, match="lie in one another"):
        desk.plan(NAME)


def test_more_prefixes_are_backed_up_each_by_a_change_of_its_own(desk):
    desk.world.prepare("s3")
    desk.world.own_client("s3").put_object(Bucket=place.BUCKET, Key="terraform/state.json", Body=b"{}")
    desk.with_artifacts(also=("terraform",))
    done = desk.carry_out(NAME)
    assert [each.facts["objects"] for each in done] == [2, 1]
    state = desk.read("s3.describe_backup")
    assert [(one.source, one.verified) for one in state.places] == [
        ("fraud-models-test/mlflow-artifacts/", True),
        ("fraud-models-test/terraform/", True),
    ]


def test_s4_what_the_tasks_say_is_suggested_and_not_obeyed(desk):
    desk.with_artifacts(backup_bucket=None)
    with pytest.raises(StepRefused, match=r"names no artifacts.backupBucket: write"):
        desk.plan(NAME)
    _tasks_say(desk, MLFLOW_S3_BACKUP_BUCKET="s3://other-bucket", MLFLOW_S3_BACKUP_SCHEDULE="0 3 * * *")
    with pytest.raises(StepRefused, match=r"its tasks say other-bucket: if that is right.*says 0 3 \* \* \*: that"):
        desk.plan(NAME)
    _tasks_say(desk, MLFLOW_S3_BACKUP_SCHEDULE="0 3 * * *")
    with pytest.raises(StepRefused, match=r"backupBucket: write `artifacts.*says 0 3 \* \* \*: that"):
        desk.plan(NAME)
    _tasks_say(desk, MLFLOW_S3_BACKUP_BUCKET="<script>")
    with pytest.raises(StepRefused, match=r"names no artifacts.backupBucket: write"):
        desk.plan(NAME)


def test_s4_a_schedule_of_the_tasks_is_suggested_to_a_stack_that_names_its_bucket_until_it_names_one_too(desk):
    _tasks_say(desk, MLFLOW_S3_BACKUP_SCHEDULE="0 3 * * *")
    (change,) = desk.plan(NAME)
    assert "says 0 3 * * *: that would be `backup: {artifactsSchedule: …}`" in change.sentence
    desk.with_backup(artifacts_schedule="cron(0 3 * * ? *)")
    assert "artifactsSchedule" not in desk.plan(NAME)[0].sentence


def _tasks_say(desk, **environment):
    from steward.sandbox.fault import always_was
    from steward.sandbox.task_definitions import definition_of, install_and_serve

    always_was(desk.world, definition_of(install_and_serve(), environment=environment))


def test_two_sources_never_lie_in_one_place(desk):
    artifacts_grown(desk.world)
    desk.carry_out(NAME)
    desk.world.own_client("s3").create_bucket(
        Bucket="another-source", CreateBucketConfiguration={"LocationConstraint": place.REGION}
    )
    desk.with_artifacts(bucket="another-source")
    with pytest.raises(StepRefused, match="holds the backup of fraud-models-test/mlflow-artifacts/"):
        desk.plan(NAME)


def test_a_backup_bucket_of_another_account_is_refused_unless_the_stack_says_whose_it_is(desk):
    desk.with_artifacts(backup_account="999999999999")
    with pytest.raises(StepRefused, match=r"not one of account 999999999999.*write artifacts.backupAccount"):
        desk.plan(NAME)


KEYS = "arn:aws:kms:eu-west-2:123456789012:key"


@pytest.mark.parametrize(
    ("bucket", "line", "field"),
    [(place.BUCKET, "kmsKey", "kms_key"), (place.BACKUP_BUCKET, "backupKmsKey", "backup_kms_key")],
)
def test_a_bucket_with_a_key_that_the_stack_does_not_name_is_refused_with_the_line_to_write(desk, bucket, line, field):
    desk.world.bucket.keys[bucket] = f"{KEYS}/k-1"
    with pytest.raises(StepRefused, match=rf"no rights: write `artifacts: {{{line}: {KEYS}/k-1}}`"):
        desk.plan(NAME)
    desk.with_artifacts(**{field: f"{KEYS}/k-2"})
    with pytest.raises(StepRefused, match=f"and the stack names {KEYS}/k-2"):
        desk.plan(NAME)
    desk.with_artifacts(**{field: f"{KEYS}/k-1"})
    assert desk.plan(NAME)
    desk.with_artifacts(**{field: None})
    desk.world.bucket.keys[bucket] = "arn:aws:kms:eu-west-2:123456789012:alias/aws/s3"
    assert desk.plan(NAME), "nobody needs rights on Amazon's own"


def test_a_public_backup_bucket_is_refused(desk):
    desk.world.prepare("s3")
    client = desk.world.own_client("s3")
    client.delete_public_access_block(Bucket=place.BACKUP_BUCKET)
    client.put_bucket_acl(Bucket=place.BACKUP_BUCKET, ACL="public-read")
    with pytest.raises(StepRefused, match="open to everybody"):
        desk.plan(NAME)


def test_over_the_dollar_limit_it_asks_and_says_what_it_would_cost(desk):
    artifacts_grown(desk.world)
    desk.with_backup(cost_limit_usd=0.0)
    (free,) = desk.plan(NAME)
    assert free.loses is None, "twenty copies cost nothing that can be said in cents"
    desk.world.artifacts.put_many((f"{place.PREFIX}/5/many/{n:05d}" for n in range(2000)), b"x", desk.world.clock.now())
    (dear,) = desk.plan(NAME)
    assert dear.loses == "$0.01, which is over backup.costLimitUsd of $0.00"
    assert "about 2,000 objects" in dear.sentence


def test_a_plan_made_twice_is_the_same_plan(desk):
    artifacts_backed_up(desk.world)
    assert desk.plan(NAME) == desk.plan(NAME)


def test_another_backup_in_between_is_noticed_before_anything_is_done(desk):
    artifacts_grown(desk.world)
    (change,) = desk.plan(NAME)
    artifacts_backed_up(desk.world)
    assert ACTIONS[NAME].look(desk.ctx(), change).standing is Standing.DRIFTED


def test_a_misspelt_mac_key_is_refused_before_anything_is_copied(desk):
    artifacts_grown(desk.world)
    (change,) = desk.plan(NAME)
    desk.with_backup(mac_key="alias/misspelt")
    with pytest.raises(StepRefused, match=r"backup.macKey alias/misspelt signs no manifest .*create-key --key-spec"):
        desk.plan(NAME)
    gone = change.model_copy(update={"parameters": {**change.parameters, "macKey": "alias/misspelt"}})
    with pytest.raises(StepFailed, match=r"nothing was copied: backup.macKey alias/misspelt"):
        desk.apply(gone)
    assert desk.copies() == []


def test_without_a_mac_key_the_plan_says_that_it_is_weaker(desk):
    desk.with_backup(mac_key=None)
    (change,) = desk.plan(NAME)
    assert "chained but not signed" in change.sentence
    assert desk.read("s3.describe_backup").weaker


def test_however_many_objects_change_while_they_are_copied_the_backup_is_good(desk):
    artifacts_grown(desk.world, count=140)
    desk.world.s3_wire.troubles.changing = 130
    (done,) = desk.carry_out(NAME)
    assert "130 changed meanwhile and are the next backup's" in done.detail
    assert desk.history.newest_good(place.NAME, BackupKind.ARTIFACTS) is not None


def test_a_denial_among_many_changes_is_counted_and_told(desk):
    artifacts_grown(desk.world, count=40)
    desk.world.s3_wire.troubles.changing = 30
    desk.world.s3_wire.troubles.denied_after = 47
    with pytest.raises(StepFailed, match=r"1 objects could not be copied; .*Denied"):
        desk.carry_out(NAME)


def test_how_far_it_is_can_be_read_within_one_slice_and_the_rate_is_that_of_the_time_it_took(desk):
    artifacts_grown(desk.world, count=60)
    desk.budget_s, desk.step_s = 20.0, 0.4
    told = []
    desk.tell = lambda far, detail: told.append((far, detail))
    (change,) = desk.plan(NAME)
    desk.apply(change)
    rates = [far.rate_per_s for far, _ in told if far.rate_per_s]
    assert len(told) > 5
    assert all(0 < rate < 3 for rate in rates), "on this clock no more than one key goes through in 0.4 s"
    assert "objects" in told[-1][1]
    assert desk.last_pending.how_far.rate_per_s > 0
    assert desk.last_pending.how_far.left_s is not None
