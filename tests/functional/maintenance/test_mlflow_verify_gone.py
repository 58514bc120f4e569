"""Proof, over the API and the bucket, for exactly what this run deleted."""

from datetime import timedelta

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
