"""What a list of snapshots says about a stack's backups. Pure predicates, registered in checks.py."""

from chalicelib.models.check import Answer
from chalicelib.models.words import format_duration
from chalicelib.steps.probes.rds_list_copies import CopiesOutput
from chalicelib.steps.probes.rds_list_snapshots import SnapshotsOutput

Judged = tuple[Answer, str]


def snapshot_taken(output: SnapshotsOutput) -> Judged:
    if not output.applicable:
        return Answer.NOT_APPLICABLE, "the stack names no database on RDS"
    if not output.of_this_run:
        return Answer.FALSE, "this run began no snapshot"
    bad = [name for name in output.of_this_run if name not in output.of_this_run_good]
    if bad:
        return Answer.FALSE, f"not good: {', '.join(bad)}"
    return Answer.TRUE, f"available and verified: {', '.join(output.of_this_run)}"


def backup_fresh(output: SnapshotsOutput) -> Judged:
    if not output.applicable:
        return Answer.NOT_APPLICABLE, "the stack names no database on RDS"
    objective = format_duration(output.objective_s)
    if output.newest_good_age_s is None:
        return Answer.FALSE, f"Steward has no good backup of {output.database}, and the objective is {objective}"
    said = f"{output.newest_good} is {output.newest_good_age_s} s old, the objective is {objective}"
    return (Answer.TRUE if output.newest_good_age_s <= output.objective_s else Answer.FALSE), said


def backups_kept(output: SnapshotsOutput) -> Judged:
    """After pruning: what is recorded as standing is still there, and a good one is among it."""
    if not output.applicable:
        return Answer.NOT_APPLICABLE, "the stack names no database on RDS"
    if output.lost:
        return Answer.FALSE, f"recorded, and not there any more: {', '.join(output.lost)}"
    if output.newest_good is None:
        return Answer.FALSE, "there is no good backup left"
    return Answer.TRUE, f"{output.steward} of Steward's own stand, the newest good one is {output.newest_good}"


def copied_offsite(output: CopiesOutput) -> Judged:
    if not output.applicable:
        return Answer.NOT_APPLICABLE, "the stack names no other region"
    if output.newest_good is None:
        return Answer.FALSE, f"there is no good copy in {output.region}"
    bad = [name for name in output.of_this_run if name not in output.of_this_run_good]
    if bad:
        return Answer.FALSE, f"not good: {', '.join(bad)}"
    return Answer.TRUE, f"{output.newest_good} is in {output.region}, of {output.newest_good_at}"
