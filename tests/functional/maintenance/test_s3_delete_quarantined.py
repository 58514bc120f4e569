"""The final deletion: after the grace period, with a record, and only what still nobody owns."""

import pytest

from chalicelib.errors import StepRefused
from chalicelib.models.change import ChangeProgress
from chalicelib.models.check import Answer
from chalicelib.models.history import MadeKind
from chalicelib.steps.actions.s3_delete_quarantined import DeleteQuarantined
from chalicelib.steps.actions.s3_quarantine_artifacts import QuarantineArtifacts
from chalicelib.steps.probes.mlflow_find_orphan_artifacts import FindOrphanArtifacts
from chalicelib.steps.probes.mlflow_verify_gone import VerifyGone, judge_gone
from chalicelib.steps.quarantine import Quarantine
from steward.sandbox import place
from steward.sandbox.crash_objects import bodies

ACTION = DeleteQuarantined()
DAY_S = 24 * 3600


@pytest.fixture
def quarantined(bench):
    bench.world.break_with("orphaned-artifacts")
    bench.carry_out(QuarantineArtifacts(), bench.plan(QuarantineArtifacts(), graceDays=30))
    return {key for key in bodies(bench.world) if key.startswith(".steward/")}


def _only_last(bench):
    """As in a later run, which did no more than delete."""
    return bench.ctx(made=lambda: tuple(bench.made[-1:]))


def later(bench, days):
    from datetime import timedelta

    return bench.ctx(now=bench.world.clock.now() + timedelta(days=days))


def test_within_the_grace_period_nothing_is_deleted(bench, quarantined):
    assert ACTION.plan(later(bench, 29), ACTION.Params()) == ()


def test_after_it_the_quarantine_goes_with_approval(bench, quarantined):
    ctx = later(bench, 31)
    (change,) = ACTION.plan(ctx, ACTION.Params())
    assert "8 objects" in change.loses
    before = bodies(bench.world)
    bench.carry_out(ACTION, [change], now=ctx.now)
    assert set(before) - set(bodies(bench.world)) == quarantined
    assert ACTION.plan(ctx, ACTION.Params()) == ()


def test_s15_ownership_is_asked_again(bench, quarantined, number):
    ctx = later(bench, 31)
    (change,) = ACTION.plan(ctx, ACTION.Params())
    bench.world.tracking.add_run(number(202), "1", bench.world.clock.now())
    assert "restore it" in ACTION.look(ctx, change).detail


def test_s15_an_owned_folder_stays_and_is_named_and_keeps_none_of_the_others(bench, quarantined, number):
    ctx, orphan = later(bench, 31), f"{place.PREFIX}/1/{number(202)}/"
    bench.world.tracking.add_run(number(202), "1", bench.world.clock.now())
    (change,) = ACTION.plan(ctx, ACTION.Params())
    assert f"1 folders have an owner by now and stay, restore them: {orphan}" in change.sentence
    assert bench.carry_out(ACTION, [change], now=ctx.now)[0].startswith("3 folders are gone; 1 stay in quarantine")
    left = {key for key in bodies(bench.world) if key.startswith(".steward/")}
    assert len(left) == 3
    assert all(orphan in key for key in left if "/objects/" in key)
    assert judge_gone(VerifyGone().read(_only_last(bench), VerifyGone.Params()))[0] is Answer.TRUE
    assert ACTION.plan(ctx, ACTION.Params()) == ()  # nothing more to delete; what stays is told by the search
    said = FindOrphanArtifacts().read(ctx, FindOrphanArtifacts.Params())
    assert [one.partition(": ")[2] for one in said.owned_aside] == [orphan]
    assert "1 in quarantine have an owner by now" in said.detail


def test_s16_a_quarantine_is_looked_for_in_the_bucket_that_its_record_names(bench, quarantined):
    (made,) = bench.history.creations(place.NAME, MadeKind.QUARANTINE)
    moved = bench.world.stack().artifacts.model_copy(update={"bucket": "another-bucket"})
    assert Quarantine.of(made, moved.bucket).bucket == place.BUCKET


def test_deletion_goes_on_where_its_time_was_up(bench, quarantined):
    ctx = later(bench, 31)
    (change,) = ACTION.plan(ctx, ACTION.Params())
    ticks = iter(range(1000))
    first = ACTION.apply(bench.ctx(monotonic=lambda: float(next(ticks)), budget_s=2), change, ChangeProgress())
    assert first.checkpoint == {"done": 4, "at": 2}
    assert "is empty" in ACTION.apply(bench.ctx(), change, ChangeProgress(checkpoint=first.checkpoint)).detail


def test_s16_what_has_no_record_of_its_creation_stays(bench, quarantined):
    from chalicelib.store.history import History
    from chalicelib.store.memory import MemoryTable

    bench.history = History(MemoryTable())
    assert ACTION.plan(later(bench, 365), ACTION.Params()) == ()


def test_s18_suspect_backups_stop_it(bench, quarantined):
    bench.history.suspect(place.NAME, "too much vanished", "r-1", bench.world.clock.now())
    with pytest.raises(StepRefused, match="S18"):
        ACTION.plan(later(bench, 31), ACTION.Params())
