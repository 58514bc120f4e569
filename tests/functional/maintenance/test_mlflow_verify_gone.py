"""Proof, over the API and the bucket, for exactly what this run deleted."""

from datetime import timedelta

import pytest

from chalicelib.models.check import Answer
from chalicelib.steps.actions.ecs_run_one_off_task import RunOneOffTask
from chalicelib.steps.actions.mlflow_delete_runs import DeleteRuns
from chalicelib.steps.actions.s3_quarantine_artifacts import QuarantineArtifacts
from chalicelib.steps.checks import CHECKS
from chalicelib.steps.probes.mlflow_verify_gone import VerifyGone
from steward.sandbox import place
from steward.sandbox.times import epoch_millis

PROBE = VerifyGone()


def judged(output):
    return CHECKS["gone"].judge(output, "").answer


def test_a_run_that_deleted_nothing_proves_nothing(bench):
    assert judged(bench.read(PROBE)) is Answer.NOT_APPLICABLE


def test_after_gc_every_run_is_gone_or_kept_by_mlflow(bench):
    bench.world.break_with("deleted-runs")
    bench.carry_out(RunOneOffTask(), bench.plan(RunOneOffTask()))
    found = bench.read(PROBE)
    assert (found.asked, found.gone, found.kept, found.left_objects) == (6, 5, 1, 0)
    assert judged(found) is Answer.TRUE


def test_objects_that_gc_left_behind_are_found_and_named(bench):
    bench.world.break_with("deleted-runs", leaves="objects")
    bench.carry_out(RunOneOffTask(), bench.plan(RunOneOffTask()))
    found = bench.read(PROBE)
    assert (found.gone, found.left_objects) == (0, 10)
    assert found.named
    assert judged(found) is Answer.FALSE


def test_a_run_that_lost_its_artifacts_and_is_still_known_is_found(bench, number):
    bench.world.break_with("deleted-runs")
    bench.carry_out(RunOneOffTask(), bench.plan(RunOneOffTask()))
    bench.world.artifacts.remove(bench.keys(number(9)))
    assert bench.read(PROBE).halved == 1


def test_soft_deletion_is_proved_by_what_is_still_active(bench, number):
    bench.world.break_with("old-runs")
    bench.carry_out(DeleteRuns(), bench.plan(DeleteRuns(), olderThanDays=365))
    assert judged(bench.read(PROBE)) is Answer.TRUE
    bench.world.tracking.restore_run(number(4))
    found = bench.read(PROBE)
    assert (found.still_active, found.named) == (1, (number(4),))
    assert judged(found) is Answer.FALSE


def test_s5_gc_of_which_mlflow_kept_everything_proves_nothing(bench, number):
    bench.world.break_with("deleted-runs")
    for n in (4, 5, 6, 7, 8, 9):
        bench.world.tracking.runs[number(n)].deleted_at = epoch_millis(bench.world.clock.now())
    bench.carry_out(RunOneOffTask(), bench.plan(RunOneOffTask()))
    found = bench.read(PROBE)
    assert (found.asked, found.gone, found.kept) == (6, 0, 6)
    assert judged(found) is Answer.UNKNOWN


def test_a_folder_that_was_left_on_purpose_is_no_failure(bench, number):
    bench.world.break_with("orphaned-artifacts")
    (change,) = bench.plan(QuarantineArtifacts())
    bench.world.advance(60)
    new = f"{place.PREFIX}/1/{number(200)}/artifacts/new.pkl"
    bench.world.artifacts.put(new, b"x", bench.world.clock.now())
    bench.carry_out(QuarantineArtifacts(), [change])
    found = bench.read(PROBE)
    assert (found.asked, found.gone, found.not_moved) == (3, 3, 0)
    assert judged(found) is Answer.TRUE


def test_an_object_that_did_not_move_is_a_failure(bench, number):
    bench.world.break_with("orphaned-artifacts")
    (change,) = bench.plan(QuarantineArtifacts())
    bench.carry_out(QuarantineArtifacts(), [change])
    old = bench.world.clock.now() - timedelta(days=400)
    for name in ("a.pkl", "b/c.pkl"):
        bench.world.artifacts.put(f"{place.PREFIX}/1/{number(200)}/artifacts/{name}", b"x", old)
    found = bench.read(PROBE)
    assert (found.asked, found.gone, found.not_moved) == (4, 3, 2)
    assert judged(found) is Answer.FALSE


def elsewhere(bench):
    """The stack was given another bucket after the plan."""
    artifacts = bench.world.stack().artifacts.model_copy(update={"bucket": "another-bucket"})
    return bench.ctx(stack=bench.stack_with(artifacts=artifacts))


def test_gc_is_proved_in_the_bucket_of_its_plan_not_in_the_one_the_stack_has_by_now(bench):
    bench.world.break_with("deleted-runs", leaves="objects")
    bench.carry_out(RunOneOffTask(), bench.plan(RunOneOffTask()))
    found = PROBE.read(elsewhere(bench), PROBE.Params())
    assert (found.gone, found.left_objects) == (0, 10)
    assert judged(found) is Answer.FALSE


def test_s5_artifacts_that_nobody_can_look_at_by_now_are_not_called_gone(bench):
    bench.world.break_with("deleted-runs")
    bench.carry_out(RunOneOffTask(), bench.plan(RunOneOffTask()))
    ctx = elsewhere(bench)
    bench.world.bucket.state = "denied"
    found = PROBE.read(ctx, PROBE.Params())
    assert (found.asked, found.gone, found.unseen, found.halved) == (6, 0, 6, 0)
    assert f"nobody could look into {place.BUCKET}" in found.detail
    assert judged(found) is Answer.UNKNOWN


def test_a_run_that_is_still_known_and_lies_elsewhere_by_now_has_not_lost_its_artifacts(bench, number):
    bench.world.break_with("deleted-runs")
    bench.carry_out(RunOneOffTask(), bench.plan(RunOneOffTask()))
    bench.world.artifacts.remove(bench.keys(number(9)))
    bench.world.tracking.runs[number(9)].artifact_uri = f"s3://somebody-elses/{number(9)}/artifacts"
    found = bench.read(PROBE)
    assert (found.gone, found.halved, found.unseen) == (5, 0, 1)
    assert judged(found) is Answer.UNKNOWN


@pytest.mark.parametrize("seen", [True, False])
def test_a_quarantine_is_proved_in_the_bucket_it_was_made_in(bench, number, seen):
    bench.world.break_with("orphaned-artifacts")
    bench.carry_out(QuarantineArtifacts(), bench.plan(QuarantineArtifacts()))
    old = bench.world.clock.now() - timedelta(days=400)
    bench.world.artifacts.put(f"{place.PREFIX}/1/{number(200)}/artifacts/a.pkl", b"x", old)
    ctx = elsewhere(bench)
    bench.world.bucket.state = "ok" if seen else "denied"
    found = PROBE.read(ctx, PROBE.Params())
    assert (found.gone, found.not_moved, found.unseen) == ((3, 1, 0) if seen else (0, 0, 4))
    assert judged(found) is (Answer.FALSE if seen else Answer.UNKNOWN)
