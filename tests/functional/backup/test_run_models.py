"""One run's restore takes its logged models along, where MLflow says which they are, and says so where it does not."""

import pytest

from chalicelib.backup.selection import Selection
from steward.sandbox.tracking_faults import FRAUD, orphaned_artifacts, run_id

BACKUP, RESTORE = "s3.backup_prefix", "s3.restore"
MODEL = f"m-{run_id(50)}"


@pytest.fixture
def desk(desk):
    orphaned_artifacts(desk.world)
    desk.carry_out(BACKUP)
    return desk


def test_its_logged_models_come_back_with_a_run(desk):
    (change,) = desk.plan(RESTORE, backup="latest", run=run_id(10))
    assert ", with 1 logged models" in change.sentence
    desk.runs += 1
    desk.apply(change)
    there = [key for key in desk.copies() if key.startswith("steward-restored/")]
    assert f"steward-restored/run-2/{FRAUD}/models/{MODEL}/artifacts/MLmodel" in there
    assert all(f"/{run_id(10)}/" in key or f"/{MODEL}/" in key for key in there)


def test_a_run_that_logged_no_model_has_none(desk):
    (change,) = desk.plan(RESTORE, backup="latest", run=run_id(100))
    assert "logged model" not in change.sentence
    assert change.parameters["selection"]["models"] == []


def test_what_mlflow_does_not_say_is_left_out_and_told(desk):
    (gone,) = desk.plan(RESTORE, backup="latest", run=run_id(200))
    assert "MLflow knows no such run, so what it logged as models (EXPERIMENT/models/m-…) stays out" in gone.sentence
    desk.stack = desk.stack.model_copy(update={"url": None})
    (blind,) = desk.plan(RESTORE, backup="latest", run=run_id(10))
    assert "stay out, since MLflow did not tell them: the stack names no url" in blind.sentence


def test_another_run_s_models_are_not_meant():
    one = Selection(run="r1", models=("m-1",))
    keys = ["1/r1/a", "1/models/m-1/artifacts/x", "1/models/m-2/artifacts/x", "models/m-1/x", "1/models/m-1"]
    assert [key for key in keys if one.has(key)] == ["1/r1/a", "1/models/m-1/artifacts/x"]
