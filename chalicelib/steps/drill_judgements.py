"""What the checks say of a restore drill and of the backups as a whole. Pure."""

from chalicelib.models.check import Answer
from chalicelib.steps.probes.backup_drill import DrillOutput

Judged = tuple[Answer, str]


def drill_proven(output: DrillOutput) -> Judged:
    if not output.recorded:
        return Answer.FALSE, "this run has recorded no drill"
    if output.proven is None:
        return Answer.UNKNOWN, output.detail
    return (Answer.TRUE if output.proven else Answer.FALSE), output.detail


def drill_cleared(output: DrillOutput) -> Judged:
    """Nothing of it is left: each thing was asked for by its name (S5, S16)."""
    if output.still_there:
        return Answer.FALSE, f"still there: {', '.join(output.still_there)}"
    if output.unrecorded:
        return Answer.UNKNOWN, f"not there, and not recorded as gone: {', '.join(output.unrecorded)}"
    if not output.made:
        return Answer.NOT_APPLICABLE, "this run made nothing to throw away"
    return Answer.TRUE, f"asked for by name and gone: {', '.join(output.made)}"


def left_nothing(output: DrillOutput) -> Judged:
    if output.overdue:
        return Answer.FALSE, f"should be gone by now: {', '.join(output.overdue)}"
    if not output.cleared:
        return Answer.NOT_APPLICABLE, "there was nothing to delete"
    return Answer.TRUE, f"asked for by name and gone: {', '.join(output.cleared)}"
