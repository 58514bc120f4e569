"""S14, S15: over random histories of runs, models, aliases, deletions and crashes, never a live object is lost,
and everything in quarantine comes back byte for byte."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.models.change import Change, ChangeProgress, ChangeState
from chalicelib.steps.actions.ecs_run_one_off_task import RunOneOffTask
from chalicelib.steps.actions.mlflow_delete_runs import DeleteRuns
from chalicelib.steps.actions.s3_quarantine_artifacts import QuarantineArtifacts
from chalicelib.steps.step import Pending, Standing
from steward.sandbox.crash_objects import bodies
from steward.sandbox.tracking import key_of
from steward.sandbox.tracking_faults import run_id
from steward.sandbox.world import World
from tests.functional.maintenance.conftest import Bench

RUNS = st.lists(
    st.fixed_dictionaries(
        {
            "age": st.sampled_from([5, 40, 120, 500]),
            "status": st.sampled_from(["FINISHED", "FINISHED", "FAILED", "RUNNING"]),
            "model": st.booleans(),
            "keep": st.booleans(),
            "deleted": st.sampled_from([None, None, 1, 150]),
            "forgotten": st.booleans(),
            "foreign": st.booleans(),
        }
    ),
    min_size=1,
    max_size=8,
)
DEEDS = st.lists(st.sampled_from(["retention", "gc", "orphans", "undo"]), min_size=1, max_size=5)
CRASHES = st.lists(st.integers(min_value=0, max_value=40), min_size=1, max_size=6)


class DiedError(BaseException):
    pass


class Mortal:
    """Dies at the nth call that changes something, before or after it was made."""

    def __init__(self, world, at):
        self.world, self.left = world, at
        world.session().events.register_first("before-call", self._call, unique_id="mortal-before")
        world.session().events.register_last("after-call", self._call, unique_id="mortal-after")

    def _call(self, **_):
        self.left -= 1
        if self.left == 0:
            raise DiedError


def build(world, rows):
    tables, now, protected = world.tracking, world.clock.now(), set()
    tables.experiment("1", "one")
    for number, row in enumerate(rows):
        born = now - timedelta(days=row["age"])
        run = tables.add_run(run_id(number), "1", born, status=row["status"])
        world.artifacts.put(key_of(run, "a b+é.bin"), f"body {number}".encode(), born)
        if row["foreign"] and number:
            run.artifact_uri = f"mlflow-artifacts:/1/{run_id(number - 1)}/artifacts"
            if row["deleted"] is None and not (row["forgotten"] and not row["model"]):
                protected.add(key_of(tables.runs.get(run_id(number - 1)) or run, "a b+é.bin"))
        if row["model"]:
            tables.register("model", run.id, "champion")
        if row["keep"]:
            run.tags["keep"] = "yes"
        if row["deleted"] is not None:
            tables.delete_run(run.id, now - timedelta(days=row["deleted"]))
        if row["forgotten"] and not row["model"]:
            del tables.runs[run.id]
        elif row["model"] or row["keep"] or row["deleted"] != 150:
            protected.add(key_of(run, "a b+é.bin"))
    return protected


def attempt(bench, action, change, mortal, at):
    """Until it is done: dying once, and beginning again from what was stored."""
    progress = ChangeProgress(started_at=bench.world.clock.now())
    mortal.left = at
    for _ in range(200):
        try:
            applied = action.apply(bench.ctx(), change, progress)
        except DiedError:
            continue
        if not isinstance(applied, Pending):
            bench.made.append((change, progress.model_copy(update={"state": ChangeState.DONE})))
            return
        progress = progress.model_copy(update={"checkpoint": applied.checkpoint or progress.checkpoint})
        bench.world.advance(applied.check_after_s)
    pytest.fail("it did not come to an end")


def do(bench, deed, mortal, at):
    action, params = {
        "retention": (DeleteRuns(), {"olderThanDays": 100}),
        "gc": (RunOneOffTask(), {"verb": "gc", "olderThanDays": 90}),
        "orphans": (QuarantineArtifacts(), {"longestRunDays": 30}),
    }[deed]
    for change in action.plan(bench.ctx(), action.Params.model_validate(params)):
        if action.look(bench.ctx(), change).standing is Standing.READY:
            attempt(bench, action, change, mortal, at)


def put_back(bench, mortal, at):
    done, bench.made = bench.made, []
    for change, _ in reversed(done):
        if change.undo is not None:
            undo = Change(
                step="undo", action=change.action, operation=change.undo.operation, sentence="undo",
                parameters=change.undo.parameters, resource=change.resource,
            )  # fmt: skip
            attempt(bench, QuarantineArtifacts() if "s3" in undo.operation else DeleteRuns(), undo, mortal, at)


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(rows=RUNS, deeds=DEEDS, crashes=CRASHES)
def test_s14_s15_no_live_object_is_ever_lost_and_quarantine_gives_back_every_byte(rows, deeds, crashes):
    with World.create(seed=5) as world:
        bench = Bench(world)
        protected = build(world, rows)
        before, mortal = bodies(world), Mortal(world, 0)
        for number, deed in enumerate(deeds):
            at = crashes[number % len(crashes)]
            if deed == "undo":
                put_back(bench, mortal, at)
            else:
                do(bench, deed, mortal, at)
            now = bodies(world)
            assert {key: now.get(key) for key in protected} == {key: before[key] for key in protected}
        mortal.left = 0
        put_back(bench, mortal, 0)
        now, collected = bodies(world), before.keys() - bodies(world).keys()
        assert not [key for key in now if key.startswith(".steward/")]
        assert {key: body for key, body in before.items() if key not in collected} == {
            key: body for key, body in now.items() if key in before
        }
        known = {run.id for run in world.tracking.runs.values()}
        assert not [key for key in collected if key.split("/")[2] in known]
