"""What the checks say of a backup of the artifacts. Pure."""

from chalicelib.models.check import Answer
from chalicelib.steps.probes.s3_compare_restore import RestoreState
from chalicelib.steps.probes.s3_describe_backup import BackupState

Judged = tuple[Answer, str]


def artifacts_backed_up(state: BackupState) -> Judged:
    """This run's backup of every place is verified. The run that first doubts fails here, once: so it pages (S18)."""
    if not state.applicable:
        return Answer.NOT_APPLICABLE, state.why_not or "nothing is backed up here"
    broken = next((place.broken for place in state.places if place.broken), None)
    if broken:
        return Answer.FALSE, broken
    missing = [place.source for place in state.places if not place.by_this_run]
    if missing:
        return Answer.FALSE, f"this run made no backup of {', '.join(missing)}"
    unproven = [place.newest or "" for place in state.places if not place.verified]
    if unproven:
        return Answer.FALSE, f"not verified: {', '.join(unproven)}"
    if state.suspicion_by_this_run:
        return Answer.FALSE, f"made and verified, but suspect: {state.suspicion}"
    counts = ", ".join(f"{place.newest}: {place.objects:,} objects" for place in state.places)
    doubt = f"; still doubted since earlier: {state.suspicion}" if state.suspicion else ""
    return Answer.TRUE, f"{counts}{doubt}"


def artifacts_restored(state: RestoreState) -> Judged:
    if not state.applicable:
        return Answer.NOT_APPLICABLE, "this run restores nothing"
    counts = f"{state.as_backed_up:,} of {state.expected:,} objects are as backup {state.backup} has them"
    if state.missing or state.differing:
        first = f", the first {state.first}" if state.first else ""
        return Answer.FALSE, f"{counts}, {state.missing:,} are missing and {state.differing:,} differ{first}"
    kept = f", {state.newer:,} newer ones were kept" if state.newer else ""
    return Answer.TRUE, f"{counts}{kept}"
