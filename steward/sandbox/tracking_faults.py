"""Worlds with a past: runs of years, models that rest on some, and what earlier deletions left behind.

Nothing here is broken for the users; it is what retention, gc and the search for orphans work on.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

from steward.sandbox.fault import Fault
from steward.sandbox.tracking import Model, Run, key_of

if TYPE_CHECKING:
    from steward.sandbox.world import World

FRAUD, CHURN = "1", "2"
_OLD, _YOUNG = timedelta(days=400), timedelta(days=20)


def run_id(number: int) -> str:
    return f"{number:032x}"


def old_runs(world: "World") -> None:
    """Ten runs of 400 days, of which a model rests on one, one is tagged to keep and one still runs."""
    tables, now = world.tracking, world.clock.now()
    tables.experiment(FRAUD, "fraud")
    tables.experiment(CHURN, "churn")
    for number in range(10):
        run = tables.add_run(run_id(number), FRAUD if number % 2 else CHURN, now - _OLD)
        _artifacts(world, run, ("model/MLmodel", "model/model.pkl", "plot.png"), _OLD)
    for number in range(10, 14):
        run = tables.add_run(run_id(number), FRAUD, now - _YOUNG)
        _artifacts(world, run, ("model/MLmodel",), _YOUNG)
    tables.register("fraud-model", run_id(1), "champion")
    tables.runs[run_id(2)].tags["keep"] = "true"
    tables.runs[run_id(3)].status = "RUNNING"


def deleted_runs(world: "World", leaves: str = "nothing", command: str = "works") -> None:
    """As `old_runs`, and people deleted what they no longer need: six of them 200 days ago, one yesterday.

    `leaves`: nothing, or objects, as gc of some versions does. `command`: works, or fails.
    """
    old_runs(world)
    now, tables = world.clock.now(), world.tracking
    for number in (1, 2, 4, 5, 6, 7, 8):
        tables.delete_run(run_id(number), now - timedelta(days=200))
    tables.delete_run(run_id(9), now - timedelta(days=1))
    tables.gc_leaves, world.gc_tasks.fails = leaves == "objects", command == "fails"


def orphaned_artifacts(world: "World", who: str = "admin") -> None:
    """Runs with their artifacts, and folders of four runs that MLflow no longer knows."""
    old_runs(world)
    tables, now = world.tracking, world.clock.now()
    for number in range(100, 140):
        run = tables.add_run(run_id(number), CHURN, now - _YOUNG)
        _artifacts(world, run, ("model/MLmodel", "model/model.pkl"), _YOUNG)
    model = Model(f"m-{run_id(50)}", FRAUD, run_id(10))
    tables.models[model.id] = model
    _objects(world, f"{FRAUD}/models/{model.id}/artifacts/MLmodel", _OLD)
    for number in range(200, 204):
        folder = f"{FRAUD}/{run_id(number)}/artifacts"
        _objects(world, f"{folder}/model.pkl", _OLD)
        _objects(world, f"{folder}/a file with spaces & ünïcode+.txt", _OLD)
    _objects(world, f"{CHURN}/{run_id(300)}/artifacts/just-begun.txt", timedelta(hours=2))
    tables.is_admin = who == "admin"


def _artifacts(world: "World", run: Run, paths: Iterable[str], age: timedelta) -> None:
    for path in paths:
        key = key_of(run, path)
        world.artifacts.put(key, f"content of {key}\n".encode(), world.clock.now() - age)


def _objects(world: "World", path: str, age: timedelta) -> None:
    from steward.sandbox import place

    key = f"{place.PREFIX}/{path}"
    world.artifacts.put(key, f"content of {key}\n".encode(), world.clock.now() - age)


TRACKING_FAULTS = (
    Fault(
        "old-runs", "Ten runs of 400 days ago; a model rests on one, one is tagged to keep, one still runs.", old_runs
    ),
    Fault(
        "deleted-runs",
        "Runs that people deleted 200 days ago and yesterday, with their artifacts still in the bucket.",
        deleted_runs,
    ),
    Fault(
        "orphaned-artifacts",
        "Folders in the bucket of four runs that MLflow no longer knows, beside those that it knows.",
        orphaned_artifacts,
    ),
)
