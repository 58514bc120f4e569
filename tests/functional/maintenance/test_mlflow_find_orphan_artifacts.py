"""What nobody owns; and all that is owned in ways that are easy to miss (S15)."""

from datetime import timedelta

import pytest

from chalicelib.errors import StepRefused
from chalicelib.net.database_login import NoDatabases
from chalicelib.steps.actions.ecs_run_one_off_task import RunOneOffTask
from chalicelib.steps.actions.s3_quarantine_artifacts import QuarantineArtifacts
from chalicelib.steps.probes.mlflow_find_orphan_artifacts import FindOrphanArtifacts
from steward.sandbox import place

PROBE = FindOrphanArtifacts()


def test_it_finds_the_folders_of_runs_that_nobody_knows(bench, number):
    bench.world.break_with("orphaned-artifacts")
    found = bench.read(PROBE)
    assert found.named == tuple(f"{place.PREFIX}/1/{number(n)}/" for n in range(200, 204))
    assert (found.orphans, found.objects, found.too_young) == (4, 8, 1)
    assert found.evidence is not None
    assert bench.blobs.get(found.evidence).count(b"folder") == 4


def test_deleted_runs_models_traces_and_versions_own_what_they_have(bench, number):
    bench.world.break_with("orphaned-artifacts")
    tables, old = bench.world.tracking, bench.world.clock.now() - timedelta(days=400)
    tables.delete_run(number(4), old)
    tables.traces[f"tr-{number(7)}"] = "1"
    for path in (f"1/traces/tr-{number(7)}/artifacts/traces.json", f"1/traces/tr-{number(8)}/artifacts/traces.json"):
        bench.world.artifacts.put(f"{place.PREFIX}/{path}", b"{}", old)
    version = tables.register("kept", number(10))
    version.source, version.run = f"mlflow-artifacts:/1/{number(200)}/artifacts/model", ""
    named = bench.read(PROBE).named
    assert f"{place.PREFIX}/1/traces/tr-{number(8)}/" in named
    assert f"{place.PREFIX}/1/{number(200)}/" not in named
    assert len(named) == 4


def test_s15_a_run_that_keeps_its_artifacts_in_another_folder_owns_that_folder(bench, number):
    bench.world.break_with("orphaned-artifacts")
    bench.world.tracking.runs[number(10)].artifact_uri = f"s3://{place.BUCKET}/{place.PREFIX}/1/{number(201)}/artifacts"
    assert f"{place.PREFIX}/1/{number(201)}/" not in bench.read(PROBE).named


def test_folders_that_mlflow_would_not_make_are_left_alone(bench, number):
    old = bench.world.clock.now() - timedelta(days=400)
    bench.world.tracking.add_run(number(1), "0", old)
    for path in ("team-b/1/x", "1/not-a-run/x", f"team-b/1/{'a' * 32}/artifacts/x"):
        bench.world.artifacts.put(f"{place.PREFIX}/{path}", b"x", old)
    found = bench.read(PROBE)
    assert (found.orphans, found.strange) == (0, ("team-b",))


def test_a_run_whose_model_is_missing_is_told(bench, number):
    bench.world.break_with("orphaned-artifacts")
    bench.world.artifacts.remove(bench.keys(number(1)))
    assert bench.read(PROBE).missing_named == (number(1),)


def test_objects_from_the_future_mean_that_a_clock_is_wrong(bench, number):
    bench.world.break_with("orphaned-artifacts")
    tomorrow = bench.world.clock.now() + timedelta(days=1)
    bench.world.artifacts.put(f"{place.PREFIX}/1/{number(200)}/artifacts/new", b"x", tomorrow)
    with pytest.raises(StepRefused, match="clocks is wrong"):
        bench.read(PROBE)


@pytest.mark.parametrize(
    "source",
    ["s3://{bucket}/{prefix}/1/{run}/artifacts/my model", "runs:/{run}/model.pkl", "mlflow-artifacts://h:5000/1/{run}/a",
     "s3a://{bucket}/{prefix}/1/{run}/artifacts"],
)  # fmt: skip
def test_s15_a_registered_version_owns_its_files_whatever_text_it_was_registered_from(bench, number, source):
    bench.world.break_with("orphaned-artifacts")
    version = bench.world.tracking.register("served", number(1))
    version.run = ""
    version.source = source.format(bucket=place.BUCKET, prefix=place.PREFIX, run=number(200))
    assert f"{place.PREFIX}/1/{number(200)}/" not in bench.read(PROBE).named


def test_s15_a_source_that_nobody_can_read_makes_nothing_an_orphan(bench, number):
    bench.world.break_with("orphaned-artifacts")
    bench.world.tracking.register("served", number(1)).source = "runs:/"
    with pytest.raises(StepRefused, match="version 1 of model served points to 'runs:/'"):
        bench.read(PROBE)


def test_s15_the_api_tells_of_as_many_as_the_database_holds_or_nothing_is_an_orphan(bench):
    bench.world.break_with("orphaned-artifacts")
    assert bench.read(PROBE).compared == "as many experiments and runs as the database holds"
    (change,) = bench.plan(QuarantineArtifacts())
    bench.world.tracking.untold = 3
    for asks in (lambda: bench.read(PROBE), lambda: QuarantineArtifacts().look(bench.ctx(), change)):
        with pytest.raises(StepRefused, match="S15: MLflow's API tells of 54 runs, its database holds 57"):
            asks()


def test_s15_gc_rests_on_the_same_count(bench):
    bench.world.break_with("deleted-runs")
    bench.world.tracking.untold = 1
    with pytest.raises(StepRefused, match="S15: MLflow's API tells of 14 runs, its database holds 15"):
        bench.plan(RunOneOffTask())


def test_s3_a_database_that_cannot_be_asked_from_here_is_said_and_stops_nothing(bench):
    bench.world.break_with("orphaned-artifacts")
    found = PROBE.read(bench.ctx(databases=NoDatabases()), PROBE.Params())
    assert found.orphans == 4
    assert found.compared.startswith("not compared with the database: not reachable from here")
