"""s3.abort_uploads: S14 each by its id, never one that somebody is at, never beside the stack's own prefix."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from chalicelib.aws.s3_leftovers import Parts, Upload
from chalicelib.errors import StepRefused
from chalicelib.models.change import ChangeProgress
from chalicelib.models.stack import Stack
from chalicelib.steps.actions.s3_abort_uploads import AbortUploads, UploadParams
from chalicelib.steps.step import Done, Pending, Standing
from chalicelib.store.history import History
from chalicelib.store.memory import MemoryTable

STEP = AbortUploads()
MIB = 1024**2


class Bucket:
    def __init__(self, world):
        self.world, self.there, self.held, self.aborted = world, {}, {}, []

    def put(self, key, *, days, size=MIB, newest_days=None, bucket="churn-artifacts"):
        upload = Upload(key, f"id-{len(self.held)}", self.world.now - timedelta(days=days))
        newest = self.world.now - timedelta(days=days if newest_days is None else newest_days)
        self.there.setdefault(bucket, []).append(upload)
        self.held[upload.id] = Parts(size, newest)
        return upload

    def uploads(self, bucket, prefix):
        return iter([each for each in self.there.get(bucket, []) if each.key.startswith(prefix)])

    def parts(self, bucket, key, upload):
        return self.held.get(upload)

    def abort(self, bucket, key, upload):
        self.aborted.append(upload)
        del self.held[upload]
        self.there[bucket] = [each for each in self.there[bucket] if each.id != upload]


def ctx_of(world, **over):
    return world.ctx(**({"history": History(MemoryTable())} | over))


@pytest.fixture
def bucket(world):
    made = Bucket(world)
    world.others["leftovers"] = made
    world.stack["artifacts"] = {"bucket": "churn-artifacts", "prefix": "mlflow", "backupBucket": "churn-backup"}
    return made


def plan(world, **params):
    return STEP.plan(ctx_of(world), UploadParams(**params))


def ids(changes):
    return [each["UploadId"] for change in changes for each in change.parameters["uploads"]]


def test_old_ones_are_named_with_what_they_hold_and_the_loss_is_said(world, bucket):
    bucket.put("mlflow/1/a", days=8, size=3 * 1024 * MIB)
    (change,) = plan(world)
    assert change.parameters["uploads"] == [{"Bucket": "churn-artifacts", "Key": "mlflow/1/a", "UploadId": "id-0"}]
    assert change.parameters["sizes"] == [3 * 1024 * MIB]
    assert "3.0 GiB, $0.07 a month" in change.sentence
    assert change.loses
    assert change.undo is None


def test_young_ones_and_those_that_somebody_went_on_with_stay(world, bucket):
    bucket.put("mlflow/1/young", days=6)
    bucket.put("mlflow/1/slow", days=30, newest_days=1)
    assert plan(world) == ()


def test_what_lies_beside_the_stack_s_prefix_is_never_touched(world, bucket):
    for key in ("mlflow-other/1/a", "other/a"):
        bucket.put(key, days=100)
    assert plan(world) == ()


def test_the_backup_bucket_is_tidied_too_and_only_in_the_stack_s_own_region(world, bucket):
    bucket.put("mlflow/1/a", days=100, bucket="churn-backup")
    assert [change.parameters["bucket"] for change in plan(world)] == ["churn-backup"]
    world.stack["artifacts"] = {**world.stack["artifacts"], "backupRegion": "eu-west-1"}
    assert plan(world) == ()


def test_it_comes_in_batches_and_stops_at_its_limit(world, bucket):
    for number in range(230):
        bucket.put(f"mlflow/1/{number:03d}", days=100)
    assert [len(change.parameters["uploads"]) for change in plan(world)] == [100, 100, 30]
    assert len(ids(plan(world, most=120))) == 120


def test_what_came_to_life_since_the_plan_is_left_and_said(world, bucket):
    bucket.put("mlflow/1/a", days=100)
    bucket.put("mlflow/1/b", days=100)
    (change,) = plan(world)
    bucket.held["id-1"] = Parts(9 * MIB, world.now)
    done = STEP.apply(ctx_of(world), change, ChangeProgress())
    assert bucket.aborted == ["id-0"]
    assert done.facts == {"aborted": 1, "freed_bytes": MIB, "dollars_per_month": 0.0, "left_alive": 1}
    assert STEP.look(ctx_of(world), change).standing is Standing.READY


def test_a_second_attempt_counts_what_the_first_one_did_and_aborts_nothing_twice(world, bucket):
    bucket.put("mlflow/1/a", days=100)
    bucket.put("mlflow/1/b", days=100)
    (change,) = plan(world)
    bucket.abort("churn-artifacts", "mlflow/1/a", "id-0")
    done = STEP.apply(ctx_of(world), change, ChangeProgress())
    assert bucket.aborted == ["id-0", "id-1"]
    assert (done.facts["aborted"], done.facts["freed_bytes"]) == (2, 2 * MIB)
    assert STEP.look(ctx_of(world), change).standing is Standing.ALREADY


def test_when_its_time_is_over_it_says_where_it_is_and_goes_on_from_there(world, bucket):
    for name in "abc":
        bucket.put(f"mlflow/1/{name}", days=100)
    (change,) = plan(world)
    clock = iter(range(0, 1000, 100))
    ctx = ctx_of(world, monotonic=lambda: next(clock), budget_s=150)
    first = STEP.apply(ctx, change, ChangeProgress())
    assert isinstance(first, Pending)
    assert first.checkpoint["at"] == 2
    last = STEP.apply(ctx_of(world), change, ChangeProgress(checkpoint=first.checkpoint))
    assert isinstance(last, Done)
    assert bucket.aborted == ["id-0", "id-1", "id-2"]
    assert last.facts["aborted"] == 3


def test_facts_of_several_changes_add_up(world, bucket):
    for number in range(101):
        bucket.put(f"mlflow/1/{number:03d}", days=100)
    first, second = plan(world)
    done = STEP.apply(ctx_of(world), first, ChangeProgress())
    made = ((first, ChangeProgress(state="done", facts=done.facts)),)
    assert STEP.apply(ctx_of(world, made=lambda: made), second, ChangeProgress()).facts["aborted"] == 101


def test_s15_a_prefix_that_another_stack_shares_is_left_alone(world, bucket):
    neighbour = {**world.stack, "stack": "other", "artifacts": {"bucket": "churn-artifacts", "prefix": "mlflow/other"}}
    ctx = ctx_of(world, neighbours=(Stack.model_validate(neighbour),))
    with pytest.raises(StepRefused, match="S15"):
        STEP.plan(ctx, UploadParams())


def test_s18_nothing_is_aborted_during_an_open_incident(world, bucket):
    with pytest.raises(StepRefused, match="S18"):
        STEP.plan(ctx_of(world, open_incidents=lambda: ("unhealthy hosts",)), UploadParams())


def test_an_endpoint_that_is_not_amazon_s_is_left_to_its_owner(world, bucket):
    world.stack["artifacts"] = {"bucket": "b", "prefix": "m", "endpoint": "https://minio.example.com"}
    with pytest.raises(StepRefused, match="not Amazon's"):
        plan(world)


@pytest.mark.parametrize("days", [0, 1, 366])
def test_older_than_is_at_least_two_days(days):
    with pytest.raises(ValidationError):
        UploadParams(older_than_days=days)
