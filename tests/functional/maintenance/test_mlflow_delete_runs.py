"""Soft deletion: hidden, restorable, and never a run that a model rests on."""

from datetime import timedelta

import pytest

from chalicelib.errors import StepRefused
from chalicelib.models.change import Change, ChangeProgress
from chalicelib.steps.actions.mlflow_delete_runs import DeleteRuns
from chalicelib.steps.step import Done, Pending

ACTION = DeleteRuns()


def deleted(bench):
    return {run.id for run in bench.world.tracking.runs.values() if run.deleted_at is not None}


def test_it_deletes_what_the_plan_names_and_undo_restores_it(bench, number):
    bench.world.break_with("old-runs")
    (change,) = bench.plan(ACTION, olderThanDays=365)
    assert "fraud (1): 3 runs, 9 objects" in change.sentence
    bench.carry_out(ACTION, [change])
    assert deleted(bench) == set(change.parameters["run_ids"]) == {number(n) for n in (0, 4, 5, 6, 7, 8, 9)}
    undo = Change(
        step="undo", action=ACTION.name, operation=change.undo.operation, parameters=change.undo.parameters,
        resource=change.resource, sentence="undo",
    )  # fmt: skip
    bench.world.tracking.restore_run(number(4))  # somebody was faster
    del bench.world.tracking.runs[number(5)]
    assert bench.carry_out(ACTION, [undo]) == ["6 runs restored; 1 were not there any more"]
    assert deleted(bench) == set()


def test_it_goes_on_where_its_time_was_up(bench):
    bench.world.break_with("old-runs")
    (change,) = bench.plan(ACTION, olderThanDays=365)
    ticks = iter(range(100))
    ctx = bench.ctx(monotonic=lambda: float(next(ticks)), budget_s=2.5)
    first = ACTION.apply(ctx, change, ChangeProgress())
    assert isinstance(first, Pending)
    assert first.checkpoint["done"] == len(deleted(bench)) == 2
    rest = ACTION.apply(bench.ctx(), change, ChangeProgress(checkpoint=first.checkpoint))
    assert isinstance(rest, Done)
    assert len(deleted(bench)) == 7


def test_a_run_that_became_a_model_since_the_plan_stops_it(bench, number):
    bench.world.break_with("old-runs")
    (change,) = bench.plan(ACTION, olderThanDays=365)
    bench.world.tracking.register("new", number(4))
    assert ACTION.look(bench.ctx(), change).standing.value == "drifted"


def test_nothing_old_enough_is_no_change(bench):
    bench.world.break_with("old-runs")
    assert bench.plan(ACTION, olderThanDays=3650) == ()
    with pytest.raises(StepRefused, match="that is what gc is for"):
        bench.plan(ACTION, deleted=True)


def test_many_runs_are_several_changes_of_which_each_names_its_own(bench):
    tables, now = bench.world.tracking, bench.world.clock.now()
    for n in range(450):
        tables.add_run(f"{n:032x}", "0", now - timedelta(days=500))
    changes = bench.plan(ACTION, olderThanDays=365)
    assert [len(change.parameters["run_ids"]) for change in changes] == [200, 200, 50]
    assert len({run for change in changes for run in change.parameters["run_ids"]}) == 450


@pytest.mark.parametrize(
    ("become", "why"),
    [("kept", "tagged to keep"), ("resumed", "is RUNNING, not over"), ("young", "no longer what the plan asked for"),
     ("elsewhere", "artifacts lie elsewhere")],
)  # fmt: skip
def test_s15_a_run_that_is_to_stay_since_the_plan_stops_it(bench, number, become, why):
    bench.world.break_with("old-runs")
    (change,) = bench.plan(ACTION, olderThanDays=365)
    run = bench.world.tracking.runs[number(4)]
    if become == "kept":
        run.tags["keep"] = "true"
    elif become == "resumed":
        run.status = "RUNNING"
    elif become == "young":
        run.ended += 200 * 24 * 3600 * 1000
    else:
        run.artifact_uri = "s3://somebody-elses/1"
    look = ACTION.look(bench.ctx(), change)
    assert (look.standing.value, why in look.detail) == ("drifted", True)


def test_a_run_that_somebody_deleted_or_collected_since_the_plan_stops_nothing(bench, number):
    bench.world.break_with("old-runs")
    (change,) = bench.plan(ACTION, olderThanDays=365)
    bench.world.tracking.delete_run(number(4), bench.world.clock.now())
    del bench.world.tracking.runs[number(5)]
    assert ACTION.look(bench.ctx(), change).standing.value == "ready"


def test_s15_who_is_no_longer_an_admin_deletes_nothing(bench):
    bench.world.break_with("old-runs")
    (change,) = bench.plan(ACTION, olderThanDays=365)
    bench.world.tracking.is_admin = False
    with pytest.raises(StepRefused, match="S15"):
        ACTION.look(bench.ctx(), change)


def test_s18_nothing_is_deleted_while_the_backups_are_suspect(bench):
    bench.world.break_with("old-runs")
    (change,) = bench.plan(ACTION, olderThanDays=365)
    bench.history.suspect(bench.world.stack().stack, "too much vanished", "r-1", bench.world.clock.now())
    for doubted in (lambda: ACTION.look(bench.ctx(), change), lambda: bench.plan(ACTION, olderThanDays=365)):
        with pytest.raises(StepRefused, match="S18"):
            doubted()
