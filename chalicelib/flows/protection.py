"""How well a stack's data is protected, from history alone: for summaries, for sweep's metrics."""

from datetime import datetime

from chalicelib.backup.posture import lines_of, posture_of
from chalicelib.errors import StoreError
from chalicelib.flows.parts import Parts
from chalicelib.models.history import BackupKind
from chalicelib.models.posture import Posture
from chalicelib.observability import Metric

EVERY_HOURS = 6
"""In UTC: at midnight, at six and so on, and all through that hour, so that a sweep that fails in it hides nothing."""


def posture(parts: Parts, stack: str, now: datetime) -> Posture:
    history = parts.engine.history
    return posture_of(
        parts.engine.stacks[stack],
        now,
        database=history.backups(stack, BackupKind.DATABASE),
        artifacts=history.backups(stack, BackupKind.ARTIFACTS),
        drills=history.drills(stack),
        suspicion=history.suspicion(stack),
    )


def in_words(parts: Parts, stack: str, now: datetime) -> tuple[str, ...]:
    """In every summary: what a restore would bring back. A store that cannot be asked keeps no message back."""
    try:
        return lines_of(posture(parts, stack, now))
    except StoreError as error:
        return (f"not known: {error}",)


def tell_ages(parts: Parts, now: datetime) -> None:
    """The worst of all stacks: names of stacks are no dimension. In most hours not at all: CloudWatch bills a metric
    for each hour in which it is sent, and the alarms' period is longer than EVERY_HOURS. What is late is told at once.
    """
    postures = [posture(parts, stack, now) for stack in parts.engine.stacks]
    if now.hour % EVERY_HOURS and not any(one.is_late or one.drill_is_late for one in postures):
        return
    for what in ("database", "artifacts"):
        ages = [p.age_percent for one in postures for p in one.protections if p.what == what]
        if ages:
            parts.telemetry.percent(Metric.BACKUP_AGE, max(ages), what)
    unproven = [one.unproven_s for one in postures if one.unproven_s is not None]
    if unproven:
        parts.telemetry.seconds(Metric.LAST_DRILL_AGE, max(unproven))
