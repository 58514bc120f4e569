"""rds.prune_snapshots holds S14 (explicit ids), S16 (tag and record) and S18 (nothing in doubt, newest good stays)."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from chalicelib.errors import StepFailed, StepRefused
from chalicelib.models.history import BackupKind, MadeKind
from chalicelib.models.stack_backup import BackupPart
from chalicelib.steps.actions.rds_prune_snapshots import PruneParams
from chalicelib.steps.step import Done, Standing
from steward.sandbox import place


@pytest.fixture
def past(flight):
    """Forty daily ones of Steward's."""
    now = flight.world.clock.now()
    for day in range(40):
        flight.past(f"steward-day-{day:02d}", now - timedelta(days=day + 1))
    return flight


def test_s14_the_change_names_each_id_and_exactly_those_go(past):
    before = past.there()
    (change,) = past.plan("rds.prune_snapshots", count=30)
    assert change.parameters["ids"] == [f"steward-day-{day:02d}" for day in range(39, 29, -1)]
    assert change.loses is None
    assert isinstance(past.finish(change), Done)
    assert before - past.there() == set(change.parameters["ids"])
    assert len(past.history.creations(place.NAME, MadeKind.SNAPSHOT)) == 30
    assert len(past.history.backups(place.NAME, BackupKind.DATABASE)) == 30


def test_the_stack_s_rules_are_taken_where_none_are_said(past):
    part = BackupPart.model_validate({"keep": {"count": 2, "days": 5, "weeks": 0, "months": 0}})
    past.stack = past.world.stack().model_copy(update={"backup": part})
    (change,) = past.plan("rds.prune_snapshots")
    assert len(change.parameters["ids"]) == 35


def test_more_than_a_third_at_once_is_a_loss_that_people_must_say_yes_to(past):
    (change,) = past.plan("rds.prune_snapshots", count=2)
    assert change.loses == f"38 of 40 good backups in {place.REGION}"


def test_s16_what_lacks_the_tag_or_the_record_is_never_among_them(past):
    at = past.world.clock.now() - timedelta(days=300)
    past.past("by-hand", at, tags={}, record=False)
    past.past("tag-only", at, record=False)
    past.past("record-only", at, tags={"team": "ml"})
    past.past("other-stack", at, tags={"steward:stack": "churn"}, record=True)
    (change,) = past.plan("rds.prune_snapshots", count=30)
    assert all(name.startswith("steward-day-") for name in change.parameters["ids"])


def test_a_legal_hold_protects_also_when_it_comes_after_the_plan(past):
    held = past.world.rds.snapshots[place.REGION, "steward-day-39"]
    held.tags.append({"Key": "Legal-Hold", "Value": "case 17"})
    (change,) = past.plan("rds.prune_snapshots", count=30)
    assert "steward-day-39" not in change.parameters["ids"]
    past.world.rds.snapshots[place.REGION, "steward-day-38"].tags.append({"Key": "legal_hold", "Value": ""})
    look, _ = past.begin(change)
    assert (look.standing, "legal hold" in look.detail) == (Standing.DRIFTED, True)


def test_s18_nothing_goes_while_backups_are_in_doubt_or_an_incident_is_open(past):
    (change,) = past.plan("rds.prune_snapshots", count=30)
    past.incidents = ("unhealthy hosts",)
    with pytest.raises(StepRefused, match=r"S18.*unhealthy hosts"):
        past.plan("rds.prune_snapshots", count=30)
    past.incidents = ()
    past.history.suspect(place.NAME, "rows fell", "r-9", past.world.clock.now())
    with pytest.raises(StepRefused, match=r"S18.*a person clears it"):
        past.plan("rds.prune_snapshots", count=30)
    with pytest.raises(StepRefused, match="S18"):
        past.begin(change)


def test_s18_the_newest_good_one_that_turned_bad_since_the_plan_stops_it(past):
    (change,) = past.plan("rds.prune_snapshots", count=30)
    now = past.world.clock.now()
    past.history.amend_backup(place.NAME, BackupKind.DATABASE, "steward-day-00", now, suspect="cut short")
    look, _ = past.begin(change)
    assert look.standing is Standing.DRIFTED
    assert "no longer good" in look.detail


def test_without_one_good_backup_nothing_is_pruned(flight):
    at = flight.world.clock.now()
    for day in range(20):
        flight.past(f"steward-day-{day:02d}", at - timedelta(days=day + 10), good=False)
    assert flight.plan("rds.prune_snapshots", count=1) == ()


def test_s16_automated_ones_and_aws_backup_s_are_not_even_looked_at(flight):
    before = flight.there()
    assert flight.plan("rds.prune_snapshots", count=1) == ()
    assert flight.there() == before


def test_after_a_crash_it_goes_on_with_the_same_ids_and_deletes_none_twice_over(past):
    (change,) = past.plan("rds.prune_snapshots", count=30)
    _, progress = past.begin(change)
    past.world.rds.forget(past.world.rds.snapshots[place.REGION, "steward-day-39"], past.world.clock.now())
    past.world.advance(400)  # the lease of the worker that died
    assert isinstance(past.finish(change, progress), Done)
    assert len(past.calls("DeleteDBSnapshot")) == 9
    assert past.history.creation(place.NAME, MadeKind.SNAPSHOT, "steward-day-39").gone_at
    look, _ = past.begin(change)
    assert look.standing is Standing.ALREADY


def test_what_is_no_longer_ours_after_a_crash_is_left_alone_s16(past):
    (change,) = past.plan("rds.prune_snapshots", count=30)
    _, progress = past.begin(change)
    past.world.rds.snapshots[place.REGION, "steward-day-39"].tags.clear()
    past.world.advance(400)
    with pytest.raises(StepFailed, match="S16"):
        past.finish(change, progress)
    assert past.calls("DeleteDBSnapshot") == []


def test_when_the_time_is_up_it_says_how_many_are_done_and_goes_on(past):
    (change,) = past.plan("rds.prune_snapshots", count=30)
    _, progress = past.begin(change)
    ticks = iter(range(1000))
    action_ctx = past.ctx(acting=True, monotonic=lambda: float(next(ticks)), budget_s=4.0)
    from chalicelib.steps.registry import ACTIONS

    applied = ACTIONS["rds.prune_snapshots"].apply(action_ctx, change, progress)
    assert "of 10 deleted" in applied.detail
    assert isinstance(past.finish(change, progress.model_copy(update={"detail": applied.detail})), Done)
    assert len(past.calls("DeleteDBSnapshot")) == 10


def test_a_retention_that_would_delete_everything_is_refused():
    with pytest.raises(ValidationError):
        PruneParams(count=0)
    with pytest.raises(ValidationError):
        BackupPart.model_validate({"keep": {"count": 0}})


def test_calls_are_the_fewest_two_listings_and_one_deletion_each(past):
    calls = len(past.world.calls)
    (change,) = past.plan("rds.prune_snapshots", count=30)
    past.finish(change)
    made = [call.operation for call in past.world.calls[calls:]]
    assert made.count("DeleteDBSnapshot") == 10
    assert made.count("DescribeDBSnapshots") == 3  # plan here and in the other region, and the look before acting
    assert len(made) == 13
