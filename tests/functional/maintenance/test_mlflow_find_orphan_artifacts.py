"""What nobody owns; and all that is owned in ways that are easy to miss (S15)."""

from datetime import timedelta

import pytest

from chalicelib.errors import StepRefused
from chalicelib.net.database_login import NoDatabases
from chalicelib.steps.actions.ecs_run_one_off_task import RunOneOffTask
from chalicelib.steps.actions.s3_quarantine_artifacts import QuarantineArtifacts
from chalicelib.steps.probes.mlflow_find_orphan_artifacts import FindOrphanArtifacts
from steward.sandbox import place
from steward.sandbox.tracking import Model

PROBE = FindOrphanArtifacts()
DAY_MS = 24 * 3600 * 1000


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


def logged(bench, number, n, **over):
    """An MLflow 3 run: its own folder is empty, and its model lies in one of its own."""
    model = Model(f"m-{number(n)}", "1", number(n), **over)
    bench.world.tracking.models[model.id] = model
    bench.world.artifacts.remove(bench.keys(number(n)))
    return model


def test_an_mlflow_3_run_whose_own_folder_is_empty_lacks_nothing_while_its_model_is_there(bench, number):
    bench.world.break_with("orphaned-artifacts")
    bench.world.tracking.runs[number(11)].tags["mlflow.log-model.history"] = "[]"
    model = logged(bench, number, 11)
    key = f"{place.PREFIX}/1/models/{model.id}/artifacts/MLmodel"
    bench.world.artifacts.put(key, b"x", bench.world.clock.now())
    assert bench.read(PROBE).missing == 0
    bench.world.artifacts.remove([key])
    found = bench.read(PROBE)
    assert found.missing_named == (model.id,)
    assert "1 logged models lack their artifacts" in found.detail


@pytest.mark.parametrize("status", ["LOGGED_MODEL_PENDING", "LOGGED_MODEL_UPLOAD_FAILED", "deleted", "of a deleted"])
def test_a_model_that_is_deleted_or_was_never_whole_is_not_missing(bench, number, status):
    bench.world.break_with("orphaned-artifacts")
    model = logged(bench, number, 11)
    if status == "deleted":
        model.deleted_at = 1
    elif status == "of a deleted":
        bench.world.tracking.delete_experiment("1", bench.world.clock.now())
        bench.world.tracking.versions.clear()
    else:
        model.status = status
    assert bench.read(PROBE).missing == 0


@pytest.mark.parametrize(
    "uri", ["s3://another-bucket/1/{id}/artifacts", "gs://b/1/{id}", "dbfs:/x/{id}", "s3://{bucket}/x"]
)
def test_s3_what_lies_where_steward_does_not_look_is_counted_and_never_called_missing(bench, number, uri):
    bench.world.break_with("orphaned-artifacts")
    tables = bench.world.tracking
    for n in (10, 11):
        tables.runs[number(n)].artifact_uri = uri.format(id=number(n), bucket=place.BUCKET)
        tables.runs[number(n)].tags["mlflow.log-model.history"] = "[]"
        bench.world.artifacts.remove(bench.keys(number(n)))
    tables.runs[number(11)].deleted_at = 1  # of a deleted one nobody asks
    version = tables.register("served", number(10))
    version.source = uri.format(id=number(10), bucket=place.BUCKET)
    tables.register("raw", number(10)).source = f"runs:/{number(10)}/model"
    model = logged(bench, number, 12, uri=uri.format(id=f"m-{number(12)}", bucket=place.BUCKET))
    found = bench.read(PROBE)
    assert found.missing_named == ()
    assert found.not_looked_at_named == (number(10), model.id)
    assert "2 runs and logged models keep their artifacts where Steward does not look" in found.detail


def test_in_another_folder_of_the_own_bucket_they_are_looked_for(bench, number):
    bench.world.break_with("orphaned-artifacts")
    run = bench.world.tracking.runs[number(11)]
    run.artifact_uri, run.tags["mlflow.log-model.history"] = f"mlflow-artifacts:/custom/{number(11)}/artifacts", "[]"
    found = bench.read(PROBE)
    assert (found.missing_named, found.not_looked_at) == ((number(11),), 0)
    bench.world.artifacts.put(f"{place.PREFIX}/custom/{number(11)}/artifacts/a", b"x", bench.world.clock.now())
    assert bench.read(PROBE).missing == 0


def test_one_client_s_wrong_clock_is_told_and_stops_nothing(bench, number):
    bench.world.break_with("orphaned-artifacts")
    bench.world.tracking.runs[number(10)].started += 400 * DAY_MS
    found = bench.read(PROBE)
    assert (found.orphans, found.ahead, found.ahead_named) == (4, 1, (number(10),))
    assert f"from the future by their client's clock and are never old enough: {number(10)}" in found.detail
    assert len(bench.plan(QuarantineArtifacts())) == 1


def test_s15_most_runs_from_the_future_mean_that_a_clock_is_wrong(bench):
    bench.world.break_with("orphaned-artifacts")
    for run in bench.world.tracking.runs.values():
        run.started += 1000 * DAY_MS
    with pytest.raises(StepRefused, match="clocks is wrong"):
        bench.read(PROBE)


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
