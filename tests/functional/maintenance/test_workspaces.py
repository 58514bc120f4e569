"""MLflow with workspaces: each is searched, since what one search leaves out would look as if nobody owned it (S15)."""

from datetime import timedelta

import pytest

from chalicelib.errors import MlflowUnbelievable, StepRefused
from chalicelib.models.check import Answer
from chalicelib.steps.actions.ecs_run_one_off_task import RunOneOffTask
from chalicelib.steps.actions.mlflow_delete_runs import DeleteRuns
from chalicelib.steps.actions.s3_quarantine_artifacts import QuarantineArtifacts
from chalicelib.steps.one_off import Surroundings, gc_command
from chalicelib.steps.probes.mlflow_find_expired_runs import FindExpiredRuns
from chalicelib.steps.probes.mlflow_find_orphan_artifacts import FindOrphanArtifacts
from chalicelib.steps.probes.mlflow_verify_gone import VerifyGone, judge_gone
from steward.sandbox import place
from tests.functional.workspaces import Split, lie_in_workspaces


@pytest.fixture
def split(bench):
    """Everything of the world lies and is asked as workspaces have it."""

    def begin(fault):
        bench.world.break_with(fault)
        lie_in_workspaces(bench.world)
        http = Split(bench.world.http, bench.world.tracking)
        usual = bench.ctx
        bench.ctx = lambda **over: usual(**{"http": http, **over})
        return http

    return begin


def test_s15_the_runs_of_every_workspace_own_what_they_have(bench, split, number):
    split("orphaned-artifacts")
    found = bench.read(FindOrphanArtifacts())
    home = f"{place.PREFIX}/workspaces/team-b/1"
    assert set(found.named) == {f"{home}/{number(n)}/" for n in range(200, 204)} | {
        f"{place.PREFIX}/workspaces/default/2/{number(300)}/"  # moved, it is no longer too young
    }
    assert found.compared == "as many experiments and runs as the database holds"
    assert found.missing == 0
    assert bench.carry_out(QuarantineArtifacts(), bench.plan(QuarantineArtifacts()))
    assert judge_gone(bench.read(VerifyGone()))[0] is Answer.TRUE


def test_s15_the_folder_of_a_workspace_that_mlflow_does_not_tell_of_is_left_alone(bench, split, number):
    split("orphaned-artifacts")
    old = bench.world.clock.now() - timedelta(days=300)
    bench.world.artifacts.put(f"{place.PREFIX}/workspaces/team-z/7/{number(9)}/artifacts/a", b"x", old)
    found = bench.read(FindOrphanArtifacts())
    assert "workspaces/team-z" in found.strange
    assert not [one for one in found.named if "team-z" in one]


def test_without_workspaces_a_folder_of_that_name_is_nobody_s_orphan(bench, number):
    bench.world.break_with("orphaned-artifacts")
    old = bench.world.clock.now() - timedelta(days=300)
    bench.world.artifacts.put(f"{place.PREFIX}/workspaces/default/7/{number(9)}/artifacts/a", b"x", old)
    found = bench.read(FindOrphanArtifacts())
    assert (found.orphans, found.strange) == (4, ("workspaces",))


def test_retention_deletes_in_each_workspace_by_its_own_name(bench, split, number):
    http = split("old-runs")
    found = bench.read(FindExpiredRuns(), olderThanDays=365)
    assert (found.runs, found.objects) == (7, 21)
    changes = bench.plan(DeleteRuns(), olderThanDays=365)
    assert [one.parameters["workspace"] for one in changes] == ["default", "team-b"]
    bench.carry_out(DeleteRuns(), changes)
    assert len(http.changed) == 7
    assert {here for here, _ in http.changed} == {"default", "team-b"}
    assert judge_gone(bench.read(VerifyGone()))[0] is Answer.TRUE
    assert sum(run.deleted_at is not None for run in bench.world.tracking.runs.values()) == 7


def test_what_became_of_a_run_since_the_plan_is_seen_in_its_own_workspace(bench, split, number):
    split("old-runs")
    (change,) = [one for one in bench.plan(DeleteRuns(), olderThanDays=365) if one.parameters["workspace"] == "team-b"]
    bench.world.tracking.runs[change.parameters["run_ids"][0]].tags["keep"] = "yes"
    assert DeleteRuns().look(bench.ctx(), change).standing.value == "drifted"


def test_an_undo_restores_them_there(bench, split):
    http = split("old-runs")
    changes = bench.plan(DeleteRuns(), olderThanDays=365)
    bench.carry_out(DeleteRuns(), changes)
    http.changed.clear()
    for change in changes:
        back = change.model_copy(
            update={"operation": change.undo.operation, "parameters": change.undo.parameters, "undo": None}
        )
        bench.carry_out(DeleteRuns(), [back])
    assert {here for here, _ in http.changed} == {"default", "team-b"}
    assert not [run for run in bench.world.tracking.runs.values() if run.deleted_at is not None]


def test_gc_works_in_one_workspace_at_a_time_and_is_proved_where_they_lie(bench, split, number):
    split("deleted-runs")
    changes = bench.plan(RunOneOffTask())
    commands = [one.parameters["overrides"]["containerOverrides"][0]["command"][-1] for one in changes]
    assert ["--workspace default" in one for one in commands] == [True, False]
    assert ["--workspace team-b" in one for one in commands] == [False, True]
    assert {place for one in changes for place in one.precondition["prefixes"]} == {
        f"{place.PREFIX}/workspaces/default/2/", f"{place.PREFIX}/workspaces/team-b/1/",
    }  # fmt: skip
    assert sum(sum(one.precondition["bytes"]) for one in changes) > 0
    bench.world.tracking.gc_leaves = True
    bench.carry_out(RunOneOffTask(), changes)
    found = bench.read(VerifyGone())  # two of the three objects of each run are left, where workspaces have them
    assert (found.left_objects, found.kept) == (10, 1)
    assert judge_gone(found)[0] is Answer.FALSE


def test_s15_a_server_that_answers_alike_in_every_workspace_is_not_believed(bench):
    bench.world.break_with("old-runs")
    bench.world.tracking.workspaces = (200, {"workspaces": [{"name": "default"}, {"name": "team-b"}]})
    with pytest.raises(MlflowUnbelievable, match="is in two workspaces"):
        bench.read(FindExpiredRuns())


def test_s12_no_text_that_is_not_a_name_becomes_part_of_a_command(bench):
    from chalicelib.aws.ecs_shapes import ContainerDefinition
    from chalicelib.steps.gc_plan import find_host
    from chalicelib.steps.one_off import GcWork

    container: ContainerDefinition = find_host(bench.ctx()).container
    around = Surroundings("http://x", None, workspace="a b; rm")
    with pytest.raises(StepRefused, match="S12"):
        gc_command(container, around, GcWork(("0" * 32,)), 90)
