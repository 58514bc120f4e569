"""s3.check_round_trip: one canary under Steward's own prefix, gone afterwards."""

from types import SimpleNamespace

import pytest

from chalicelib.errors import AwsDenied, StepFailed, StepRefused
from chalicelib.steps.actions.s3_check_round_trip import CheckRoundTrip
from chalicelib.steps.step import Done, NoParams, Standing

STEP = CheckRoundTrip()


@pytest.fixture
def store(world):
    world.stack["artifacts"] = {"bucket": "churn-artifacts", "prefix": "mlflow"}
    kept = {}
    world.others["s3"] = SimpleNamespace(
        put=lambda bucket, key, body, kind: kept.update({key: body}),
        get=lambda bucket, key, max_bytes: kept.get(key),
        delete=lambda bucket, key: kept.pop(key, None),
        kept=kept,
    )
    return world.others["s3"]


def apply(world):
    (change,) = STEP.plan(world.ctx(), NoParams())
    look = STEP.look(world.ctx(), change)
    assert look.standing is Standing.READY
    return STEP.apply(world.ctx(), change, world.progress(look))


def test_the_plan_writes_only_under_steward_s_prefix_and_names_no_run(world, store):
    (change,) = STEP.plan(world.ctx(), NoParams())
    assert change.parameters == {"bucket": "churn-artifacts", "key": ".steward/canary/{run}"}
    assert change.undo is None
    assert store.kept == {}


def test_it_writes_reads_and_deletes(world, store):
    done = apply(world)
    assert isinstance(done, Done)
    assert ".steward/canary/run-42" in done.detail
    assert store.kept == {}


def test_done_over_after_a_crash_it_leaves_nothing_either(world, store):
    store.kept[".steward/canary/run-42"] = b"left by an attempt that died"
    assert isinstance(apply(world), Done)
    assert store.kept == {}


def test_another_content_and_a_denied_read_fail_and_the_canary_is_deleted(world, store):
    store.get = lambda *_, **__: b"other"
    with pytest.raises(StepFailed, match="something else"):
        apply(world)

    def denied(*_, **__):
        raise AwsDenied("s3:GetObject", "AccessDenied", "no")

    store.get = denied
    with pytest.raises(AwsDenied):
        apply(world)
    assert store.kept == {}


def test_a_canary_that_cannot_be_deleted_is_named(world, store):
    def denied(*_):
        raise AwsDenied("s3:DeleteObject", "AccessDenied", "no")

    store.delete = denied
    with pytest.raises(StepFailed, match=r"\.steward/canary/run-42 was written .* could not be deleted"):
        apply(world)


def test_a_stack_without_a_bucket_is_refused_and_another_bucket_is_drift(world, store):
    (change,) = STEP.plan(world.ctx(), NoParams())
    world.stack["artifacts"] = {"bucket": "moved"}
    assert STEP.look(world.ctx(), change).standing is Standing.DRIFTED
    del world.stack["artifacts"]
    with pytest.raises(StepRefused):
        STEP.plan(world.ctx(), NoParams())
