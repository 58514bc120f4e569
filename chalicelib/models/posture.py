"""Posture: how well a stack's data is protected, in figures and in words."""

from datetime import timedelta

from chalicelib.models.shape import Shape
from chalicelib.models.words import Utc

DRILL_EVERY = timedelta(days=35)
"""Drills are monthly; after so long the last one says little."""
NEVER_PERCENT = 1000
"""Of what has no good backup at all: as late as can be, and no time to say it in."""
_UNITS = (("d", 86400), ("h", 3600), ("min", 60))
_ENOUGH = 2


def roughly(seconds: int) -> str:
    """`26 h`, `3 d`, `95 s`: from two of a unit on, in that unit, rounded down."""
    unit, size = next(((unit, size) for unit, size in _UNITS if seconds >= _ENOUGH * size), ("s", 1))
    return f"{seconds // size} {unit}"


class Others(Shape):
    """Backups that others make: seen and counted, never made twice and never pruned."""

    automated: int = 0
    """RDS's own."""
    aws_backup: int = 0
    """Of the database."""
    bucket: int = 0
    """Recovery points that AWS Backup keeps of the artifact bucket."""
    newest_at: Utc | None = None


class Protection(Shape):
    """Of the database, or of the artifacts."""

    what: str
    newest_good: str | None = None
    newest_good_at: Utc | None = None
    age_s: int | None = None
    objective_s: int
    suspect: int = 0
    """Backups that are doubted, and so not good."""

    @property
    def is_late(self) -> bool:
        return self.age_s is None or self.age_s > self.objective_s

    @property
    def age_percent(self) -> float:
        """Of its own objective, so that a long one of another stack hides nothing: over 100 is late."""
        return NEVER_PERCENT if self.age_s is None else 100 * self.age_s / max(1, self.objective_s)

    def __str__(self) -> str:
        objective = roughly(self.objective_s)
        if self.age_s is None:
            return f"{self.what}: no good backup, and the objective is {objective}"
        said = f"{self.what}: {self.newest_good} is {roughly(self.age_s)} old, the objective is {objective}"
        return f"{said}: LATE" if self.is_late else said


class Posture(Shape):
    stack: str
    protections: tuple[Protection, ...] = ()
    """Of what there is to protect."""
    proven_at: Utc | None = None
    """The last drill that proved a restore."""
    proven_age_s: int | None = None
    proven: str | None = None
    """In words: recovery time and recovery point really achieved."""
    drill_failed: str | None = None
    """The last drill, where it proved nothing."""
    unproven_s: int | None = None
    """Since when nothing has been proven: since that drill, or for as long as there are backups."""
    others: Others | None = None
    """None: not looked at."""
    suspicion: str | None = None
    not_covered: tuple[str, ...] = ()

    @property
    def is_late(self) -> bool:
        return any(one.is_late for one in self.protections)

    @property
    def drill_is_late(self) -> bool:
        return self.unproven_s is not None and self.unproven_s > DRILL_EVERY.total_seconds()
