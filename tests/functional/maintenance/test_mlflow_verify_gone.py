"""Proof, over the API and the bucket, for exactly what this run deleted."""

from chalicelib.models.check import Answer
from chalicelib.steps.actions.ecs_run_one_off_task import RunOneOffTask
from chalicelib.steps.actions.mlflow_delete_runs import DeleteRuns
from chalicelib.steps.checks import CHECKS
from chalicelib.steps.probes.mlflow_verify_gone import VerifyGone

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
