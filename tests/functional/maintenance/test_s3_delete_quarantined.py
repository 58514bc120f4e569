"""The final deletion: after the grace period, with a record, and only what still nobody owns."""

import pytest

from chalicelib.errors import StepRefused
from chalicelib.steps.actions.s3_delete_quarantined import DeleteQuarantined
from chalicelib.steps.actions.s3_quarantine_artifacts import QuarantineArtifacts
from steward.sandbox import place
from steward.sandbox.crash_objects import bodies

ACTION = DeleteQuarantined()
DAY_S = 24 * 3600


@pytest.fixture
def quarantined(bench):
    bench.world.break_with("orphaned-artifacts")
    bench.carry_out(QuarantineArtifacts(), bench.plan(QuarantineArtifacts(), graceDays=30))
    return {key for key in bodies(bench.world) if key.startswith(".steward/")}


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
    assert ACTION.plan(ctx, ACTION.Params()) == ()


def test_s16_what_has_no_record_of_its_creation_stays(bench, quarantined):
    from chalicelib.store.history import History
    from chalicelib.store.memory import MemoryTable

    bench.history = History(MemoryTable())
    assert ACTION.plan(later(bench, 365), ACTION.Params()) == ()


def test_s18_suspect_backups_stop_it(bench, quarantined):
    bench.history.suspect(place.NAME, "too much vanished", "r-1", bench.world.clock.now())
    with pytest.raises(StepRefused, match="S18"):
        ACTION.plan(later(bench, 31), ACTION.Params())
