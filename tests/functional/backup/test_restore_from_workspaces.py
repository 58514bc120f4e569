"""Where MLflow has workspaces, a run or an experiment is restored from the one it lies in: nobody has to name that."""

import pytest

from chalicelib.backup.entry import Entry
from chalicelib.backup.selection import where
from steward.sandbox import place
from steward.sandbox.tracking_faults import FRAUD, orphaned_artifacts, run_id
from tests.functional.workspaces import TEAMS, Split, lie_in_workspaces

MODEL = f"m-{run_id(50)}"
HOME = f"workspaces/{TEAMS[FRAUD]}/{FRAUD}"


@pytest.fixture
def desk(desk):
    orphaned_artifacts(desk.world)
    lie_in_workspaces(desk.world)
    desk.world.http = Split(desk.world.http, desk.world.tracking)
    desk.carry_out("s3.backup_prefix")
    return desk


def restored(desk, **what):
    desk.carry_out("s3.restore", backup="latest", **what)
    there = [key for key in desk.copies() if key.startswith("steward-restored/")]
    return {key.removeprefix(f"steward-restored/run-{desk.runs}/") for key in there}


def test_a_run_and_its_models_are_found_in_whichever_workspace_they_lie(desk):
    there = restored(desk, run=run_id(10))
    assert f"{HOME}/models/{MODEL}/artifacts/MLmodel" in there
    assert all(key.startswith((f"{HOME}/{run_id(10)}/", f"{HOME}/models/{MODEL}/")) for key in there)


def test_an_experiment_is_restored_from_its_workspace_and_nothing_else(desk):
    there = restored(desk, experiment=FRAUD)
    lie = desk.world.artifacts.keys(f"{place.PREFIX}/{HOME}/")
    assert there == {key.removeprefix(f"{place.PREFIX}/") for key in lie} != set()


def test_an_experiment_of_that_number_is_meant_wherever_it_lies_and_no_other():
    lie = ["1/r1/a", "12/r2/a", "workspaces/b/2/r3/a", "workspaces/b/22/models/m-1/a", "x"]
    entries = [Entry(key, 1, "e", None, None, None) for key in lie]
    assert where(entries, experiment="12") == "12/"
    assert where(entries, experiment="2") == "workspaces/b/2/"
    assert where(entries, experiment="b") is where(entries, experiment="workspaces") is where(entries, run="a") is None
    assert where(entries, run="r3") == "workspaces/b/2/"
