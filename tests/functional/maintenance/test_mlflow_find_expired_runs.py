"""Which runs are old enough, and why the others stay."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from chalicelib.errors import HttpFailure, MlflowUnbelievable, StepRefused
from chalicelib.net.http import HttpAnswer
from chalicelib.steps.actions.ecs_run_one_off_task import RunOneOffTask
from chalicelib.steps.actions.mlflow_delete_runs import DeleteRuns
from chalicelib.steps.probes.mlflow_find_expired_runs import FindExpiredRuns

PROBE = FindExpiredRuns()
DAY_MS = 24 * 3600 * 1000


def test_it_counts_by_experiment_and_says_why_old_runs_stay(bench):
    bench.world.break_with("old-runs")
    found = bench.read(PROBE, olderThanDays=365)
    assert (found.runs, found.objects, found.seen) == (7, 21, 14)
    assert {one.experiment: one.runs for one in found.experiments} == {"fraud (1)": 3, "churn (2)": 4}
    assert found.stays == {
        "a version of a registered model rests on it": 1,
        "it is tagged to keep": 1,
        "it is RUNNING, not over": 1,
    }


@pytest.mark.parametrize(
    ("params", "runs"),
    [({"experiment": "fraud"}, 3), ({"experiment": "2"}, 4), ({"tag": "team=a"}, 1), ({"tag": "team"}, 2),
     ({"status": "FAILED"}, 0), ({"most": 2}, 2)],
)  # fmt: skip
def test_experiment_tag_status_and_number_narrow_it(bench, number, params, runs):
    bench.world.break_with("old-runs")
    bench.world.tracking.runs[number(4)].tags["team"] = "a"
    bench.world.tracking.runs[number(5)].tags["team"] = "b"
    found = bench.read(PROBE, olderThanDays=365, **params)
    assert found.runs == runs
    assert found.left_for_later == (5 if "most" in params else 0)


def test_an_experiment_that_is_not_there_is_refused(bench):
    with pytest.raises(StepRefused, match="no experiment nobody"):
        bench.read(PROBE, experiment="nobody")


def test_older_than_nothing_is_refused():
    with pytest.raises(ValidationError):
        PROBE.Params.model_validate({"olderThanDays": 0})


@pytest.mark.parametrize("how", ["repeats", "circle", "endless"])
def test_an_api_that_lies_about_its_pages_is_not_believed(bench, how):
    bench.world.break_with("old-runs")
    bench.world.tracking.lies = how
    with pytest.raises(MlflowUnbelievable):
        bench.read(PROBE)


def test_runs_with_foreign_artifacts_stay(bench, number):
    bench.world.break_with("old-runs")
    runs = bench.world.tracking.runs
    runs[number(4)].artifact_uri = "s3://somebody-elses/1/artifacts"
    runs[number(5)].artifact_uri = f"mlflow-artifacts:/1/{number(10)}/artifacts"
    runs[number(6)].artifact_uri = "mlflow-artifacts:/2/../1"
    found = bench.read(PROBE, olderThanDays=365)
    assert found.stays["its artifacts lie elsewhere"] == 3
    assert found.runs == 4


def test_s15_who_is_not_an_admin_sees_too_little_to_judge(bench):
    bench.world.tracking.is_admin = False
    with pytest.raises(StepRefused, match="S15"):
        bench.read(PROBE)


def ahead(bench, *ids, started=False, ended=False):
    for run in (bench.world.tracking.runs[one] for one in ids):
        run.started += 800 * DAY_MS if started else 0
        run.ended += 800 * DAY_MS if ended else 0


@pytest.mark.parametrize("how", [{"started": True}, {"ended": True}, {"started": True, "ended": True}])
def test_one_client_s_wrong_clock_keeps_only_its_own_run(bench, number, how):
    bench.world.break_with("old-runs")
    ahead(bench, number(4), **how)
    found = bench.read(PROBE, olderThanDays=365)
    assert (found.runs, found.ahead, found.ahead_named) == (6, 1, (number(4),))
    assert f"1 runs are from the future by their client's clock and are never old enough: {number(4)}" in found.detail
    (change,) = bench.plan(DeleteRuns(), olderThanDays=365)
    assert len(change.parameters["run_ids"]) == 6
    assert number(4) not in change.parameters["run_ids"]


def test_a_run_that_ended_before_it_began_in_the_future_is_told_why_it_stays(bench, number):
    bench.world.break_with("old-runs")
    ahead(bench, number(4), started=True)
    assert bench.read(PROBE, olderThanDays=365).stays["it is from the future, so nobody knows how old it is"] == 1


def test_gc_leaves_a_deleted_run_from_the_future_and_its_experiment(bench, number):
    bench.world.break_with("deleted-runs")
    ahead(bench, number(4), started=True)
    bench.world.tracking.delete_experiment("2", bench.world.clock.now() - timedelta(days=200))
    changes = bench.plan(RunOneOffTask())
    assert not [one for one in changes if number(4) in one.precondition["runs"]]
    assert not [one for one in changes if "2" in one.precondition["experiments"]]


def test_a_run_that_moved_into_the_future_since_the_plan_is_drift(bench, number):
    bench.world.break_with("old-runs")
    (change,) = bench.plan(DeleteRuns(), olderThanDays=365)
    ahead(bench, number(4), started=True)
    look = DeleteRuns().look(bench.ctx(), change)
    assert (look.standing.value, "from the future" in look.detail) == ("drifted", True)


def test_a_clock_that_is_wrong_as_a_whole_makes_nothing_old(bench):
    bench.world.break_with("old-runs")
    ahead(bench, *bench.world.tracking.runs, started=True)
    with pytest.raises(StepRefused, match=r"14 of 14 runs are from after .* one of the clocks is wrong"):
        bench.read(PROBE)


def test_the_only_run_of_an_experiment_blocks_nothing_with_its_wrong_clock(bench, number):
    bench.world.break_with("old-runs")
    bench.world.tracking.experiment("3", "alone")
    bench.world.tracking.add_run(number(60), "3", bench.world.clock.now())
    ahead(bench, number(60), started=True)
    found = bench.read(PROBE, olderThanDays=365, experiment="alone")
    assert (found.runs, found.ahead) == (0, 1)


def test_a_server_whose_date_is_another_one_is_not_asked_on(bench):
    class Late:
        def ask(self, request):
            answer = bench.world.http.ask(request)
            date = (bench.world.clock.now() - timedelta(hours=5)).strftime("%a, %d %b %Y %H:%M:%S GMT")
            return HttpAnswer(answer.status, {**answer.headers, "date": date}, answer.body, answer.elapsed_s)

    with pytest.raises(StepRefused, match="one is wrong"):
        PROBE.read(bench.ctx(http=Late()), PROBE.Params())


@pytest.mark.parametrize("prefix", ["mlflow-artifacts", "", "mlflow-artifacts/team-b"])
def test_s15_two_stacks_in_one_part_of_a_bucket_are_refused(bench, prefix):
    with pytest.raises(StepRefused, match="overlaps"):
        PROBE.read(bench.ctx(neighbours=bench.neighbour(prefix)), PROBE.Params())


def test_two_stacks_beside_each_other_in_one_bucket_are_fine(bench):
    ctx = bench.ctx(neighbours=(*bench.neighbour("other"), *bench.neighbour("", bucket="another-bucket")))
    assert PROBE.read(ctx, PROBE.Params()).runs == 0


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [(500, {}, HttpFailure), (503, {"error_code": "UNAVAILABLE"}, HttpFailure), (200, {}, MlflowUnbelievable),
     (200, {"workspaces": [{"name": "default"}], "next_page_token": "2"}, MlflowUnbelievable),
     (200, {"workspaces": []}, MlflowUnbelievable), (200, {"workspaces": [{"name": "a'b"}]}, MlflowUnbelievable),
     (200, {"workspaces": [{"name": "b"}, {"name": "b"}]}, MlflowUnbelievable), (403, {}, StepRefused)],
)  # fmt: skip
def test_s15_only_a_plain_answer_says_that_there_is_one_workspace(bench, status, body, error):
    bench.world.tracking.workspaces = (status, body)
    with pytest.raises(error, match="workspaces"):
        bench.read(PROBE)


@pytest.mark.parametrize(("status", "body"), [(404, {}), (200, {"workspaces": [{"name": "default"}]})])
def test_a_server_from_before_workspaces_and_one_with_the_usual_one_are_searched(bench, status, body):
    bench.world.tracking.workspaces = (status, body)
    assert bench.read(PROBE).runs == 0
