"""A verb in a task beside the service: what it is sent, how it ends, what happens on a crash."""

import json
from datetime import timedelta

import pytest
from pydantic import ValidationError

from chalicelib.errors import StepFailed, StepRefused
from chalicelib.models.change import ChangeProgress
from chalicelib.steps.actions.ecs_run_one_off_task import RunOneOffTask
from chalicelib.steps.actions.mlflow_delete_runs import DeleteRuns
from chalicelib.steps.step import Pending
from steward.sandbox import place
from steward.sandbox.tracking import Model, Version

ACTION = RunOneOffTask()


def command(change):
    return change.parameters["overrides"]["containerOverrides"][0]["command"][-1]


def test_s14_gc_takes_the_ids_of_its_plan_and_nothing_else(bench, number):
    bench.world.break_with("deleted-runs")
    (change,) = bench.plan(ACTION, verb="gc")
    planned = {number(n) for n in (4, 5, 6, 7, 8, 9)}
    assert set(change.precondition["runs"]) == planned
    bench.world.tracking.delete_run(number(0), bench.world.clock.now() - timedelta(days=300))  # after the plan
    (detail,) = bench.carry_out(ACTION, [change])
    assert "MLflow kept 1" in detail  # number 9 was deleted yesterday
    assert {n for n in planned if n in bench.world.tracking.runs} == {number(9)}
    assert number(0) in bench.world.tracking.runs
    assert not bench.keys(number(4))
    assert len(bench.keys(number(0))) == len(bench.keys(number(9))) == len(bench.keys(number(1))) == 3


def test_s12_the_override_holds_no_secret_and_repeats_the_install(bench):
    bench.world.break_with("deleted-runs")
    (change,) = bench.plan(ACTION, verb="gc")
    line = command(change)
    assert line.startswith("pip install 'mlflow[auth]==")
    assert "$DB_USER:$DB_PASSWORD@$DB_HOST" in line
    assert f"--artifacts-destination s3://{place.BUCKET}/{place.PREFIX} --tracking-uri http://" in line
    assert "--older-than 90d" in line
    said = json.dumps(change.model_dump(mode="json"))
    assert place.DATABASE_PASSWORD not in said
    assert place.ADMIN_PASSWORD not in said
    assert len(json.dumps(change.parameters["overrides"])) < 8192


def test_s12_many_ids_go_in_batches_that_ecs_takes(bench):
    tables, now = bench.world.tracking, bench.world.clock.now()
    for n in range(500):
        tables.add_run(f"{n:032x}", "0", now - timedelta(days=500))
        tables.delete_run(f"{n:032x}", now - timedelta(days=200))
    changes = bench.plan(ACTION, verb="gc")
    assert all(len(json.dumps(change.parameters["overrides"])) < 8192 for change in changes)
    assert 2 < len(changes) < 6
    assert len({run for change in changes for run in change.precondition["runs"]}) == 500
    assert len({change.parameters["clientToken"] for change in changes}) == len(changes)


def test_a_crash_after_the_start_never_starts_two(bench):
    bench.world.break_with("deleted-runs")
    (change,) = bench.plan(ACTION)
    first = ACTION.apply(bench.ctx(), change, ChangeProgress())
    again = ACTION.apply(bench.ctx(), change, ChangeProgress())  # its worker died before this was stored
    assert isinstance(first, Pending)
    assert first.checkpoint == again.checkpoint
    (started,) = [task for task in bench.world.service.tasks.values() if task.deployment is None]
    assert started.started_by == "steward-r-0123456789ab"


def test_a_cancelled_run_stops_its_task_before_it_has_deleted_anything(bench, number):
    bench.world.break_with("deleted-runs")
    (change,) = bench.plan(ACTION)
    first = ACTION.apply(bench.ctx(), change, ChangeProgress())
    said = ACTION.abandon(bench.ctx(), change, ChangeProgress(checkpoint=first.checkpoint))
    bench.world.advance(600)
    assert "is stopped" in said
    assert number(4) in bench.world.tracking.runs


@pytest.mark.parametrize("noted", [True, False])
def test_an_abandoned_task_goes_on_until_ecs_has_stopped_it(bench, noted):
    bench.world.break_with("deleted-runs")
    (change,) = bench.plan(ACTION)
    progress = ChangeProgress(
        checkpoint=ACTION.apply(bench.ctx(), change, ChangeProgress()).checkpoint if noted else {}
    )
    if not noted:
        ACTION.apply(bench.ctx(), change, ChangeProgress())  # its worker died before this was stored
    bench.world.advance(5)
    assert ACTION.goes_on(bench.ctx(), change, progress)
    ACTION.abandon(bench.ctx(), change, progress)
    assert ACTION.goes_on(bench.ctx(), change, progress)
    bench.world.advance(600)
    assert not ACTION.goes_on(bench.ctx(), change, progress)


def test_cancelled_gc_breaks_off_and_a_migration_is_finished(bench):
    bench.world.break_with("deleted-runs")
    (gc,), (upgrade,) = bench.plan(ACTION), bench.plan(ACTION, verb="db_upgrade")
    assert (ACTION.breaks_off(gc), ACTION.breaks_off(upgrade)) == (True, False)


def test_an_exit_code_that_is_not_zero_fails_and_quotes_the_log(bench):
    bench.world.break_with("deleted-runs", command="fails")
    with pytest.raises(StepFailed, match=r"exit code 1 .*; log memory://.*last lines: .*OperationalError"):
        bench.carry_out(ACTION, bench.plan(ACTION))


def test_s18_while_the_backups_are_suspect_nothing_is_collected(bench):
    bench.world.break_with("deleted-runs")
    planned = bench.plan(ACTION)
    bench.history.suspect(place.NAME, "30% of the objects vanished", "r-1", bench.world.clock.now())
    with pytest.raises(StepRefused, match="S18"):
        bench.plan(ACTION)
    with pytest.raises(StepRefused, match="S18"):
        ACTION.look(bench.ctx(), planned[0])


def test_s18_nor_during_an_open_incident(bench):
    bench.world.break_with("deleted-runs")
    with pytest.raises(StepRefused, match="an incident is open"):
        ACTION.plan(bench.ctx(open_incidents=lambda: ("alarm 5xx",)), ACTION.Params())


def test_what_became_a_model_or_was_redeployed_since_the_plan_stops_it(bench, number):
    bench.world.break_with("deleted-runs")
    (change,) = bench.plan(ACTION)
    bench.world.tracking.register("late", number(4))
    assert "registered model" in ACTION.look(bench.ctx(), change).detail
    bench.world.tracking.versions.clear()
    other = change.model_copy(update={"parameters": {**change.parameters, "taskDefinition": "former"}})
    assert "somebody deployed" in ACTION.look(bench.ctx(), other).detail


def test_a_deleted_experiment_goes_once_nothing_in_it_stays(bench):
    bench.world.break_with("old-runs")
    tables, now = bench.world.tracking, bench.world.clock.now()
    for run in tables.runs.values():
        run.tags.clear()
    tables.delete_experiment("2", now - timedelta(days=200))
    changes = bench.plan(ACTION)
    assert [change.precondition["experiments"] for change in changes] == [[], ["2"]]
    bench.carry_out(ACTION, changes)
    assert "2" not in tables.experiments
    assert not bench.keys("/2/")


def test_a_database_upgrade_is_a_verb_too_and_asks_first(bench):
    (change,) = bench.plan(ACTION, verb="db_upgrade")
    assert 'mlflow db upgrade "postgresql+psycopg2://$DB_USER' in command(change)
    assert change.loses


def test_older_than_zero_and_an_unknown_verb_are_refused():
    for wrong in ({"olderThanDays": 0}, {"verb": "rm -rf /"}, {"command": "true"}):
        with pytest.raises(ValidationError):
            ACTION.Params.model_validate(wrong)


@pytest.mark.parametrize("what", ["run", "model", "experiment"])
def test_s15_gc_leaves_a_deleted_run_in_whose_folder_something_living_keeps_its_own(bench, number, what):
    bench.world.break_with("deleted-runs")
    tables, uri = bench.world.tracking, f"s3://{place.BUCKET}/{place.PREFIX}/2/{number(4)}/artifacts/my dir"
    if what == "run":
        tables.runs[number(10)].artifact_uri = uri
    elif what == "model":
        tables.models[f"m-{number(50)}"] = Model(f"m-{number(50)}", "1", number(10), uri=uri)
    else:
        tables.experiment("3", "inside").location = uri
    (change,) = bench.plan(ACTION)
    assert number(4) not in change.precondition["runs"]
    assert number(5) in change.precondition["runs"]


@pytest.mark.parametrize("moved_in", ["run", "model"])
def test_s15_what_moved_into_the_folder_of_a_planned_run_since_the_plan_stops_it(bench, number, moved_in):
    bench.world.break_with("deleted-runs")
    (change,) = bench.plan(ACTION)
    tables, inside = bench.world.tracking, f"mlflow-artifacts:/2/{number(4)}/artifacts/inside"
    tables.experiment("3", "inside").location = inside
    if moved_in == "run":
        tables.add_run(number(60), "3", bench.world.clock.now()).artifact_uri = f"{inside}/{number(60)}/artifacts"
    else:
        tables.models[f"m-{number(60)}"] = Model(f"m-{number(60)}", "3", "", uri=f"{inside}/models/x")
    look = ACTION.look(bench.ctx(), change)
    assert look.standing.value == "drifted"
    assert f"in the folder of run {number(4)}" in look.detail


def test_s15_a_version_that_names_only_a_logged_model_of_another_experiment_stops_it_too(bench, number):
    bench.world.break_with("deleted-runs")
    (change,) = bench.plan(ACTION, experiment="2")
    tables, model = bench.world.tracking, f"m-{number(60)}"
    tables.models[model] = Model(model, "1", number(4))
    tables.versions.append(Version("late", 1, "", f"models:/{model}", model))
    assert "registered model" in ACTION.look(bench.ctx(), change).detail


def test_a_task_that_is_killed_half_way_is_told_and_a_later_run_takes_the_rest(bench, number):
    bench.world.break_with("deleted-runs")
    bench.world.gc_tasks.dies_after = 5  # a run of three objects and its row, and one object of the next
    with pytest.raises(StepFailed, match="exit code 137"):
        bench.carry_out(ACTION, bench.plan(ACTION))
    left = {n for n in (4, 5, 6, 7, 8, 9) if number(n) in bench.world.tracking.runs}
    assert len(left) == 5
    assert sum(len(bench.keys(number(n))) for n in left) == 14
    bench.carry_out(ACTION, bench.plan(ACTION), run_id="r-0123456789ac")
    assert {n for n in left if number(n) in bench.world.tracking.runs} == {9}
    assert not [key for n in left - {9} for key in bench.keys(number(n))]


def due_behind_fresh(bench, number):
    """Five runs that are due, behind ten that ended earlier and were deleted yesterday."""
    tables, now = bench.world.tracking, bench.world.clock.now()
    for n in range(15):
        tables.add_run(number(n), "0", now - timedelta(days=600 if n < 10 else 500))
        tables.delete_run(number(n), now - timedelta(days=1 if n < 10 else 400))


def test_what_mlflow_keeps_never_keeps_gc_from_what_is_due(bench, number):
    due_behind_fresh(bench, number)
    for _week in range(2):
        bench.carry_out(ACTION, bench.plan(ACTION, most=10))
        bench.world.advance(3600)
    assert set(bench.world.tracking.runs) == {number(n) for n in range(10)}


def test_gc_leaves_out_what_steward_itself_deleted_too_lately(bench, number):
    tables, now = bench.world.tracking, bench.world.clock.now()
    for n in range(4):
        tables.add_run(number(n), "0", now - timedelta(days=600))
    bench.carry_out(DeleteRuns(), bench.plan(DeleteRuns(), most=2))
    for n in (2, 3):
        tables.delete_run(number(n), now - timedelta(days=100))
    (change,) = bench.plan(ACTION, most=2)
    assert change.precondition["runs"] == [number(2), number(3)]
    assert ", at most: " in change.sentence


def test_the_oldest_come_first_and_one_that_is_used_takes_nobodys_turn(bench, number):
    tables, now = bench.world.tracking, bench.world.clock.now()
    for n in range(6):
        tables.add_run(number(n), "0", now - timedelta(days=600 + n))
        tables.delete_run(number(n), now - timedelta(days=200))
    living = tables.add_run(number(50), "0", now - timedelta(days=1))
    living.artifact_uri = f"mlflow-artifacts:/0/{number(5)}/artifacts/inside"
    (change,) = bench.plan(ACTION, most=2)
    assert change.precondition["runs"] == [number(4), number(3)]


def test_a_task_of_which_nobody_noted_the_name_is_found_and_stopped(bench, number):
    bench.world.break_with("deleted-runs")
    (change,) = bench.plan(ACTION)
    ACTION.apply(bench.ctx(), change, ChangeProgress())  # its worker died before this was stored
    said = ACTION.abandon(bench.ctx(), change, ChangeProgress())
    bench.world.advance(600)
    assert "is stopped" in said
    assert number(4) in bench.world.tracking.runs
    another = bench.ctx(run_id="r-000000000000")
    assert ACTION.abandon(another, change, ChangeProgress()) == "no task is known to have been started"
