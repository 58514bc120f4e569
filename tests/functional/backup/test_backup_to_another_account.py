"""A backup bucket of another account: what it takes there, and how each thing that is missing is told before a copy."""

import json

import pytest

from chalicelib.errors import StepFailed, StepRefused
from chalicelib.flows.start import Request, start
from chalicelib.models.history import BackupKind
from chalicelib.models.run import RunStatus, Verdict
from chalicelib.steps.backup_grant import OF_BUCKET, OF_KEY, OF_OBJECTS, bucket_policy, key_statement
from chalicelib.steps.registry import ACTIONS, PROBES
from steward.sandbox import place
from steward.sandbox.backup_faults import artifacts_grown
from steward.sandbox.bucket import Store
from steward.sandbox.other_account import ACCOUNT, BACKUP_BUCKET, KEY, client_of
from steward.sandbox.simulation import Simulation
from steward.sandbox.world import World
from tests.shipped import read_runbooks

from .test_customer_keys import enforced

BACKUP, RESTORE, SAMPLE, EXPIRE = "s3.backup_prefix", "s3.restore", "s3.restore_sample", "s3.expire_copies"
RULE = {
    "ID": "old",
    "Status": "Enabled",
    "Filter": {"Prefix": ""},
    "NoncurrentVersionExpiration": {"NoncurrentDays": 90},
}
OWNED = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


class There:
    """The other account, and who works in it."""

    def __init__(self, world, region=place.REGION):
        self.world, self.region = world, region
        self.s3 = client_of(world, "s3", region=region)
        self.s3.create_bucket(Bucket=BACKUP_BUCKET, CreateBucketConfiguration={"LocationConstraint": region})
        self.s3.put_bucket_versioning(Bucket=BACKUP_BUCKET, VersioningConfiguration={"Status": "Enabled"})
        self.s3.put_bucket_lifecycle_configuration(Bucket=BACKUP_BUCKET, LifecycleConfiguration={"Rules": [RULE]})
        self.s3.put_bucket_ownership_controls(Bucket=BACKUP_BUCKET, OwnershipControls=OWNED)

    def lets(self, policy):
        self.s3.put_bucket_policy(Bucket=BACKUP_BUCKET, Policy=json.dumps(policy))

    def without(self, stack, action):
        policy = bucket_policy(stack, place.ACCOUNT)
        for said in policy["Statement"]:
            said["Action"] = [one for one in said["Action"] if one != action]
        self.lets(policy)

    def names(self):
        return [one["Key"] for one in self.s3.list_objects_v2(Bucket=BACKUP_BUCKET).get("Contents", [])]


@pytest.fixture
def world():
    with World.create(seed=3) as made:
        artifacts_grown(made)
        made.prepare("s3")
        yield made


def desk_for(world, **artifacts):
    desk = enforced(world, backupBucket=BACKUP_BUCKET, backupAccount=ACCOUNT, **artifacts)
    desk.stack = desk.iam.stack  # as it is deployed: with its roles
    return desk


def test_the_runbooks_back_up_to_another_account_verify_it_and_restore_beside_with_the_packaged_rights(world):
    desk, there = desk_for(world, backupKmsKey=KEY), There(world)
    there.lets(bucket_policy(desk.stack, place.ACCOUNT))
    world.bucket.keys[BACKUP_BUCKET] = KEY
    world.bucket.key_policies[KEY] = {"Statement": [key_statement(desk.stack, place.ACCOUNT)]}
    sim = Simulation(world, read_runbooks(), enforcement=desk.iam)
    for runbook, inputs in (("backup-artifacts", {}), ("restore-artifacts", {"backup": "latest"})):
        (part,) = start(sim.parts, Request(runbook, place.NAME, "ada", inputs=inputs)).parts
        assert sim.run_until(sim.is_over, limit_s=3600)
        run = sim.parts.engine.runs.get(part.run_id)
        assert (run.status, run.verdict) == (RunStatus.FINISHED, Verdict.VERIFIED), run.outcome
    assert desk.iam.denied == []
    restored = [key for key in world.artifacts.keys("steward-restored/") if "artifacts/" in key]
    assert len(restored) == 20
    assert len([name for name in there.names() if name.startswith(place.PREFIX)]) == 20


@pytest.mark.parametrize("region", [place.REGION, "eu-central-1"])
def test_a_backup_goes_to_another_account_is_proven_and_comes_back_with_the_generated_policies(world, region):
    key = KEY.replace(place.REGION, region)
    desk = desk_for(world, backupKmsKey=key, backupRegion=region)
    there = There(world, region)
    there.lets(bucket_policy(desk.iam.stack, place.ACCOUNT))
    world.bucket.keys[BACKUP_BUCKET] = key
    world.bucket.key_policies[key] = {"Statement": [key_statement(desk.iam.stack, place.ACCOUNT)]}
    (first,) = desk.carry_out(BACKUP)
    assert (first.facts["copied"], first.facts["verified"]) == (20, True)
    desk.later(days=1)
    (second,) = desk.carry_out(BACKUP)
    assert second.facts["copied"] == 0
    (restored,) = desk.carry_out(RESTORE, backup="latest")
    assert (restored.facts["restored"], restored.facts["compared"]) == (20, 8)
    assert restored.facts["to"] == f"s3://{place.BUCKET}/steward-restored/run-3/"
    desk.carry_out(SAMPLE)
    assert desk.iam.denied == []
    assert desk.history.newest_good(place.NAME, BackupKind.ARTIFACTS) is not None


def test_what_vanished_is_marked_in_the_other_account_too(world):
    desk, there = desk_for(world), There(world)
    there.lets(bucket_policy(desk.iam.stack, place.ACCOUNT))
    desk.carry_out(BACKUP)
    client = world.own_client("s3")
    gone = f"{place.PREFIX}/7/odd/artifacts/empty"
    client.delete_object(Bucket=place.BUCKET, Key=gone)
    for _ in range(2):
        desk.later(days=8)
        desk.carry_out(BACKUP)
    assert desk.carry_out(EXPIRE)[0].detail == "1 copies marked as deleted"
    assert gone not in there.names()
    assert desk.iam.denied == []


@pytest.mark.parametrize("missing", [one for one in OF_BUCKET if one != "s3:ListBucketMultipartUploads"])
def test_each_right_on_the_bucket_that_its_policy_leaves_out_is_named_by_the_plan_with_what_to_paste(world, missing):
    desk, there = desk_for(world), There(world)
    there.without(desk.iam.stack, missing)
    with pytest.raises(
        StepRefused, match=rf"{missing} is denied.*put-bucket-policy --bucket {BACKUP_BUCKET} --policy "
    ) as told:
        desk.plan(BACKUP)
    there.lets(json.loads(str(told.value).partition("--policy '")[2].partition("'")[0]))
    assert desk.plan(BACKUP), "what is pasted suffices"


@pytest.mark.parametrize(
    "missing",
    [
        "s3:AbortMultipartUpload",
        "s3:GetObjectVersion",
        "s3:GetObjectVersionTagging",
        "s3:PutObject",
        "s3:PutObjectTagging",
    ],
)
def test_each_right_on_its_objects_is_named_before_the_first_copy(world, missing):
    desk, there = desk_for(world), There(world)
    there.without(desk.iam.stack, missing)
    with pytest.raises(StepFailed, match=rf"nothing was copied.*{missing} is denied; account {ACCOUNT} lets Steward"):
        desk.carry_out(BACKUP)
    assert desk.copies() == []


def test_a_key_that_lets_nobody_in_is_named_before_the_first_copy(world):
    desk, there = desk_for(world, backupKmsKey=KEY), There(world)
    there.lets(bucket_policy(desk.iam.stack, place.ACCOUNT))
    world.bucket.keys[BACKUP_BUCKET] = KEY
    with pytest.raises(StepFailed, match=r"nothing was copied.*kms:GenerateDataKey is denied.*policy of its key: {"):
        desk.carry_out(BACKUP)
    assert desk.copies() == []


@pytest.mark.parametrize("rule", ["ObjectWriter", "BucketOwnerPreferred", None])
def test_a_bucket_that_leaves_copies_to_their_writer_is_refused(world, rule):
    desk, there = desk_for(world), There(world)
    there.lets(bucket_policy(desk.iam.stack, place.ACCOUNT))
    there.s3.delete_bucket_ownership_controls(Bucket=BACKUP_BUCKET)
    if rule:
        controls = {"Rules": [{"ObjectOwnership": rule}]}
        there.s3.put_bucket_ownership_controls(Bucket=BACKUP_BUCKET, OwnershipControls=controls)
    with pytest.raises(StepRefused, match=rf"\(its object ownership is {rule or 'not set'}\).*put-bucket-ownership"):
        desk.plan(BACKUP)


@pytest.mark.parametrize("default", ["alias/aws/s3", "alias/theirs", "b-9"])
def test_a_default_key_that_would_be_looked_up_in_our_account_is_refused(world, default):
    desk, there = desk_for(world), There(world)
    there.lets(bucket_policy(desk.iam.stack, place.ACCOUNT))
    world.bucket.keys[BACKUP_BUCKET] = default
    with pytest.raises(StepRefused, match=rf"encrypts with {default}, which stands for a key of account 123456789012"):
        desk.plan(BACKUP)


@pytest.mark.parametrize("written", ["alias/theirs", "0d9f6c1e-52b7-4f1a-9a0e-6a1c7d3e8b42"])
def test_a_key_in_the_stack_file_is_named_by_its_arn(world, written):
    desk, there = desk_for(world, backupKmsKey=written), There(world)
    there.lets(bucket_policy(desk.iam.stack, place.ACCOUNT))
    with pytest.raises(StepRefused, match=rf"backupKmsKey {written} would be looked up in account 123456789012"):
        desk.plan(BACKUP)


def test_a_bucket_of_another_account_than_the_file_says_is_refused(world):
    desk = enforced(world, backupBucket=BACKUP_BUCKET)
    There(world).lets(bucket_policy(desk.iam.stack, place.ACCOUNT))
    with pytest.raises(StepRefused, match=r"is not one of account 123456789012.*write artifacts.backupAccount"):
        desk.plan(BACKUP)


@pytest.mark.parametrize(("written", "lies_in"), [("eu-central-1", place.REGION), (place.REGION, "eu-central-1")])
def test_a_backup_bucket_of_another_region_than_the_file_says_is_refused_before_any_copy(world, written, lies_in):
    desk, there = desk_for(world, backupRegion=written), There(world, lies_in)
    there.lets(bucket_policy(desk.iam.stack, place.ACCOUNT))
    told = rf"lies in {lies_in}, not in {written}: write artifacts.backupRegion: {lies_in}"
    with pytest.raises(StepRefused, match=told):
        desk.plan(BACKUP)
    assert desk.copies() == []


def test_an_artifact_bucket_of_another_region_than_the_stack_s_is_refused_before_any_copy(world):
    desk, there = desk_for(world), There(world)
    there.lets(bucket_policy(desk.iam.stack, place.ACCOUNT))
    world.bucket.state = Store.ELSEWHERE
    with pytest.raises(StepRefused, match=r"artifact bucket fraud-models-test lies in eu-central-1, not in eu-west-2"):
        desk.plan(BACKUP)


def test_a_restore_says_what_the_other_account_took_away(world):
    desk, there = desk_for(world), There(world)
    there.lets(bucket_policy(desk.iam.stack, place.ACCOUNT))
    desk.carry_out(BACKUP)
    there.without(desk.iam.stack, "s3:GetObject")
    with pytest.raises(StepRefused, match=r"s3:GetObject is denied; account 210987654321 lets Steward in"):
        desk.plan(RESTORE, backup="latest")


def test_the_policy_holds_just_what_steps_declare_on_the_backup_bucket_and_nothing_that_s17_forbids():
    steps = [*ACTIONS.values(), *PROBES.values()]
    rights = [one for step in steps for one in step.permissions]
    arn = "arn:{partition}:s3:::{backup_bucket}"
    assert set(OF_BUCKET) == {one.action for one in rights if one.resource == arn}
    assert set(OF_OBJECTS) == {one.action for one in rights if one.resource == f"{arn}/*"}
    assert set(OF_KEY) == {one.action for one in rights if one.resource == "{backup_key}"}
    assert not {"s3:DeleteObjectVersion", "s3:PutBucketPolicy", "s3:PutLifecycleConfiguration"} & {*OF_OBJECTS}
