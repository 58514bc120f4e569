"""How the data is backed up, in every summary; and what a drill left behind, found by any later sweep (S16)."""

from datetime import timedelta

import pytest

from chalicelib.flows.look_after import clear, is_time, overdue
from chalicelib.flows.protection import in_words, posture, tell_ages
from chalicelib.models.history import Backup, BackupKind, Creation, MadeKind
from chalicelib.models.posture import NEVER_PERCENT
from chalicelib.observability import Metric


def test_what_history_knows_of_the_stack_is_told_without_looking_at_anything_live(make_world):
    world = make_world(stacks=(make_world.stack(database={"instance": "prod-db"}),))
    now = world.parts.clock.now()
    at = now - timedelta(hours=3)
    world.parts.engine.history.record_backup(
        Backup(stack="prod", kind=BackupKind.DATABASE, id="b1", run_id="r", as_of=at, verified_at=at)
    )
    (database,) = posture(world.parts, "prod", now).protections
    assert (database.newest_good, database.age_s) == ("b1", 3 * 3600)
    assert in_words(world.parts, "prod", now)[0] == "database: b1 is 3 h old, the objective is 26 h"


def test_every_summary_of_a_run_says_it(world):
    decision = world.fire()
    world.finish(decision.parts[0].run_id)
    titles = [part.title for part in world.channel.sent[-1].sections]
    assert "How the data is backed up" in titles


def test_s16_only_what_is_to_be_thrown_away_and_past_its_time_is_overdue(world):
    now, history = world.parts.clock.now(), world.parts.engine.history
    for name, until in (("kept", None), ("young", now + timedelta(hours=1)), ("old", now - timedelta(hours=1))):
        history.record_creation(
            Creation(stack="prod", kind=MadeKind.INSTANCE, id=name, run_id="r", step="s", at=now, delete_after=until)
        )
    assert [one.id for one in overdue(world.parts, "prod", now)] == ["old"]
    history.mark_gone("prod", MadeKind.INSTANCE, "old", now)
    assert overdue(world.parts, "prod", now) == ()
    assert clear(world.parts, "prod", now) is False


def test_sweep_looks_every_five_minutes(world):
    start = world.parts.clock.now().replace(minute=0)
    assert sum(is_time(start + timedelta(minutes=minute)) for minute in range(60)) == 12


def backed_up(world, stack, hours):
    at = world.parts.clock.now() - timedelta(hours=hours)
    backup = Backup(stack=stack, kind=BackupKind.DATABASE, id=f"b-{hours}", run_id="r", as_of=at, verified_at=at)
    world.parts.engine.history.record_backup(backup)


def with_databases(make_world, *names):
    return make_world(stacks=tuple(make_world.stack(stack=one, database={"instance": f"{one}-db"}) for one in names))


def told(world, now):
    world.telemetry.percents.clear()
    tell_ages(world.parts, now)
    return [(of, percent) for metric, of, percent in world.telemetry.percents if metric is Metric.BACKUP_AGE]


def test_a_stack_that_was_never_backed_up_is_late_and_no_other_stack_s_backup_hides_it(make_world):
    world = with_databases(make_world, "prod", "new")
    backed_up(world, "prod", 0)
    assert told(world, world.parts.clock.now()) == [("database", NEVER_PERCENT)]


def test_a_backup_is_measured_by_its_own_stack_s_objective(make_world):
    """In seconds the daily one, two days old, would hide behind the monthly one of another stack."""
    daily = make_world.stack(stack="daily", database={"instance": "a"}, backup={"objective": "1d"})
    rare = make_world.stack(stack="rare", database={"instance": "b"}, backup={"objective": "30d"})
    world = make_world(stacks=(daily, rare))
    backed_up(world, "daily", 48)
    backed_up(world, "rare", 240)
    assert told(world, world.parts.clock.now()) == [("database", 200)]


def test_ages_are_told_every_six_hours_since_each_hour_of_a_metric_is_billed_and_at_once_when_late(make_world):
    world = with_databases(make_world, "prod")
    backed_up(world, "prod", 0)
    start = world.parts.clock.now().replace(hour=0, minute=5)
    hours = [hour for hour in range(24) if told(world, start.replace(hour=hour))]
    assert hours == [0, 6, 12, 18]
    late = [hour for hour in range(24) if told(world, start.replace(hour=hour) + timedelta(days=3))]
    assert late == list(range(24))


@pytest.mark.parametrize(("days", "is_told"), [(20, False), (40, True)])
def test_a_drill_that_is_late_is_told_at_once_too(make_world, days, is_told):
    world = with_databases(make_world, "prod")
    backed_up(world, "prod", days * 24)
    backed_up(world, "prod", 0)
    at = world.parts.clock.now().replace(hour=1)
    tell_ages(world.parts, at)
    assert bool([seconds for metric, seconds in world.telemetry.timings if metric is Metric.LAST_DRILL_AGE]) is is_told
