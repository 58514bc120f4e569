"""What must be true of snapshots and restored instances however often a worker died (S14, S16, S18)."""

from typing import TYPE_CHECKING

from chalicelib.backup.keep import Candidate, Rules, judge
from chalicelib.models.history import Backup, BackupKind, Creation, MadeKind
from chalicelib.models.run import StepRecord

if TYPE_CHECKING:
    from steward.sandbox.simulation import Simulation


def quarters(record: StepRecord) -> str:
    """Long work is another situation at its beginning, in its middle and near its end."""
    far = [progress.how_far.percent for progress in record.progress if progress.how_far]
    return "".join(f"/{percent // 25}" for percent in far if percent is not None)


def backup_problems(simulation: "Simulation") -> list[str]:
    history, rds = simulation.parts.engine.history, simulation.world.rds
    problems: list[str] = []
    for stack in simulation.parts.engine.stacks:
        made = history.creations(stack, MadeKind.SNAPSHOT, gone=True)
        backups = {one.id: one for one in history.backups(stack, BackupKind.DATABASE, gone=True)}
        problems += [f"throw-away left: {one.id}" for one in history.creations(stack, MadeKind.INSTANCE) if
                     one.delete_after]  # fmt: skip
        names = {one.id for one in made}
        problems += [f"made and not recorded: {name}" for _, name in rds.snapshots if "steward-" in name and name not in
                     names]  # fmt: skip
        problems += _records(made, {name for _, name in rds.snapshots})
        problems += _wrongly_pruned(made, backups, simulation, stack)
    foreign = sum(one.kind in {"automated", "awsbackup"} for one in rds.snapshots.values())
    return problems + ([] if foreign == rds.foreign_at_first else ["a snapshot that is not Steward's is gone"])


def _records(made: tuple[Creation, ...], there: set[str]) -> list[str]:
    lost = [f"recorded as standing, and gone: {one.id}" for one in made if one.gone_at is None and one.id not in there]
    return lost + [f"recorded as gone, and standing: {one.id}" for one in made if one.gone_at and one.id in there]


def _wrongly_pruned(
    made: tuple[Creation, ...], backups: dict[str, Backup], simulation: "Simulation", stack: str
) -> list[str]:
    """Judged anew over all that ever stood: what a rule wanted when it was pruned, it may not have lost."""
    gone = [one for one in made if one.gone_at and one.id in backups]
    if not gone:
        return []
    keep = simulation.parts.engine.stacks[stack].backup.keep
    rules = Rules(keep.count, keep.days, keep.weeks, keep.months)
    at = min(one.gone_at for one in gone if one.gone_at)
    known = [backups[one.id] for one in made if one.id in backups and one.region is None and one.at <= at]
    wanted = judge((Candidate(one.id, one.as_of, one.verified_at is not None) for one in known), rules, at).keep
    return [f"pruned, though {wanted[one.id]}: {one.id}" for one in gone if one.id in wanted]
