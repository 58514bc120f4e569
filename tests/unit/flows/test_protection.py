"""How the data is backed up, in every summary; and what a drill left behind, found by any later sweep (S16)."""

from datetime import timedelta

from chalicelib.flows.look_after import clear, is_time, overdue
from chalicelib.flows.protection import in_words, posture, tell_ages
from chalicelib.models.history import Backup, BackupKind, Creation, MadeKind
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


def test_a_stack_that_was_never_backed_up_is_late_and_no_other_stack_s_backup_hides_it(make_world):
    stacks = [make_world.stack(stack=name, database={"instance": f"{name}-db"}) for name in ("prod", "new")]
    world = make_world(stacks=tuple(stacks))
    now = world.parts.clock.now()
    world.parts.engine.history.record_backup(
        Backup(stack="prod", kind=BackupKind.DATABASE, id="b1", run_id="r", as_of=now, verified_at=now)
    )
    tell_ages(world.parts, now)
    assert world.telemetry.counts[Metric.BACKUPS_LATE, None] == 1
    assert (Metric.BACKUP_AGE, 0) in world.telemetry.timings
