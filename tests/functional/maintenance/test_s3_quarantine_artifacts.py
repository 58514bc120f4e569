"""Into quarantine and back, byte for byte; and when a number is too large to be right."""

from datetime import timedelta

import pytest

from chalicelib.errors import StepFailed, StepRefused
from chalicelib.models.change import Change, ChangeProgress
from chalicelib.models.history import Creation, MadeKind
from chalicelib.steps.actions.s3_quarantine_artifacts import QuarantineArtifacts, why_ask
from chalicelib.steps.artifact_places import Folder, Owner
from chalicelib.steps.orphan_scan import Orphan, Scan
from chalicelib.steps.step import Pending
from steward.sandbox import place
from steward.sandbox.crash_objects import bodies, lost_objects

ACTION = QuarantineArtifacts()


def undo_of(change):
    return Change(
        step="undo", action=ACTION.name, operation=change.undo.operation, parameters=change.undo.parameters,
        resource=change.resource, sentence="undo",
    )  # fmt: skip


def test_orphans_move_with_a_manifest_and_come_back_byte_for_byte(bench):
    bench.world.break_with("orphaned-artifacts")
    before = bodies(bench.world)
    (change,) = bench.plan(ACTION)
    bench.carry_out(ACTION, [change])
    aside = [key for key in bodies(bench.world) if key.startswith(".steward/quarantine/2026-11-02/q-")]
    assert len([key for key in aside if "/objects/" in key]) == 8
    assert len([key for key in aside if "/manifests/" in key]) == 4
    assert lost_objects(bench.world, before) == []
    bench.carry_out(ACTION, [undo_of(change)])
    assert bodies(bench.world) == before
    metadata = (
        bench.world.session()
        .client("s3")
        .head_object(Bucket=place.BUCKET, Key=next(key for key in before if "spaces" in key))["Metadata"]
    )
    assert metadata == {"made-by": "mlflow"}


def test_it_goes_on_where_its_time_was_up_and_copies_nothing_twice(bench):
    bench.world.break_with("orphaned-artifacts")
    before, (change,) = bodies(bench.world), bench.plan(ACTION)
    progress, rounds = ChangeProgress(started_at=bench.world.clock.now()), 0
    while True:
        ticks = iter(range(1000))
        applied = ACTION.apply(bench.ctx(monotonic=lambda t=ticks: float(next(t)), budget_s=3), change, progress)
        if not isinstance(applied, Pending):
            break
        rounds, progress = rounds + 1, progress.model_copy(update={"checkpoint": applied.checkpoint})
    copies = [call for call in bench.world.calls if call.operation == "CopyObject"]
    assert rounds > 1
    assert len(copies) == 8
    assert lost_objects(bench.world, before) == []


def test_what_was_written_to_since_the_plan_stays(bench, number):
    bench.world.break_with("orphaned-artifacts")
    (change,) = bench.plan(ACTION)
    bench.world.advance(60)
    key = f"{place.PREFIX}/1/{number(200)}/artifacts/model.pkl"
    bench.world.artifacts.put(key, b"somebody works here", bench.world.clock.now())
    assert "1 were written to meanwhile" in bench.carry_out(ACTION, [change])[0]
    assert bench.world.artifacts.body(key) == b"somebody works here"


def test_an_owner_that_turned_up_since_the_plan_stops_it(bench, number):
    bench.world.break_with("orphaned-artifacts")
    (change,) = bench.plan(ACTION)
    bench.world.tracking.add_run(number(200), "1", bench.world.clock.now())
    assert "has an owner by now" in ACTION.look(bench.ctx(), change).detail


def test_s15_more_than_a_tenth_asks_for_a_yes_to_that_number(bench):
    bench.world.break_with("orphaned-artifacts")
    assert bench.plan(ACTION)[0].loses is None
    for run in list(bench.world.tracking.runs)[-30:]:
        del bench.world.tracking.runs[run]  # an API that has forgotten them, or does not show them
    (change,) = bench.plan(ACTION, longestRunDays=10)
    assert "of all that is there (S15)" in change.loses


def test_s18_nothing_moves_while_the_backups_are_suspect(bench):
    bench.world.break_with("orphaned-artifacts")
    bench.history.suspect(place.NAME, "too much vanished", "r-1", bench.world.clock.now())
    with pytest.raises(StepRefused, match="S18"):
        bench.plan(ACTION)


def test_a_copy_that_is_not_whole_deletes_nothing(bench, number):
    """A worker died between copying and deleting, and meanwhile the copy was damaged."""
    bench.world.break_with("orphaned-artifacts")
    before, (change,) = bodies(bench.world), bench.plan(ACTION)
    bench.carry_out(ACTION, [change])
    damaged = next(key for key in bodies(bench.world) if "/objects/" in key)
    bench.world.artifacts.put(damaged, b"x", bench.world.clock.now() - timedelta(days=1))
    with pytest.raises(Exception, match="not whole"):
        bench.carry_out(ACTION, [undo_of(change)])
    assert set(before) - {damaged.partition("/objects/")[2]} <= {
        key.partition("/objects/")[2] or key for key in bodies(bench.world)
    }


@pytest.mark.parametrize(
    ("folders", "size", "asks"), [(200, 10**9, False), (199, 10**9, True), (200, 10, True), (0, 0, True)]
)
def test_s15_twice_the_last_number_or_bytes_asks_and_the_last_is_the_latest_in_time(bench, folders, size, asks):
    now, stack = bench.world.clock.now(), bench.world.stack().stack
    for name, at, many in (("q-0-1", now, folders), ("q-9-1", now - timedelta(days=9), 10**6)):
        made = Creation(stack=stack, kind=MadeKind.QUARANTINE, id=name, run_id=name, step="s", at=at, folders=many)
        bench.history.record_creation(made.model_copy(update={"bytes": size}))
    found = [Orphan(Folder(f"p/{n}/", "1", Owner.RUN, f"{n:032x}"), 1, 1, now) for n in range(400)]
    why = why_ask(bench.ctx(), Scan(orphans=found, folders=100_000, objects=10**6, bytes=10**9))
    assert (why is not None) is asks


@pytest.mark.parametrize("meanwhile", ["nothing", "somebody wrote there"])
def test_a_crash_while_restoring_what_was_uploaded_in_parts_is_gone_on_from(bench, number, meanwhile):
    """Its ETag was made of its parts; no copy has that one."""
    bench.world.break_with("orphaned-artifacts")
    key, s3 = f"{place.PREFIX}/1/{number(200)}/artifacts/a-big.bin", bench.world.session().client("s3")
    bench.world.artifacts.put_in_parts(key, b"z" * 100, bench.world.clock.now() - timedelta(days=400))
    before = bodies(bench.world)
    assert key in before
    (change,) = bench.plan(ACTION)
    bench.carry_out(ACTION, [change])
    assert key not in bodies(bench.world)
    # the worker died right after this copy came back
    (there,) = (name for name in bodies(bench.world) if name.endswith(f"/objects/{key}"))
    s3.copy_object(Bucket=place.BUCKET, Key=key, CopySource={"Bucket": place.BUCKET, "Key": there})
    if meanwhile != "nothing":
        bench.world.artifacts.put(key, b"y" * 100, bench.world.clock.now())
        with pytest.raises(StepFailed, match="1 keys hold something else"):
            bench.carry_out(ACTION, [undo_of(change)])
        assert bodies(bench.world)[key] == b"y" * 100
        assert there in bodies(bench.world)
        return
    bench.carry_out(ACTION, [undo_of(change)])
    assert bodies(bench.world) == before
