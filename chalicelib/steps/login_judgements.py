"""Judgements over secrets and logins: pure predicates, registered in checks.py."""

from chalicelib.models.check import Answer
from chalicelib.steps.probes.secrets_describe import SecretsOutput
from chalicelib.steps.probes.secrets_try_versions import VersionsOutput


def login_works(output: VersionsOutput) -> tuple[Answer, str]:
    if not output.applicable:
        return Answer.NOT_APPLICABLE, output.outcome
    if output.skipped or output.accepted is None:
        return Answer.UNKNOWN, output.skipped or output.outcome
    return (Answer.TRUE if output.accepted else Answer.FALSE), output.outcome


def secrets_are_read(output: SecretsOutput) -> tuple[Answer, str]:
    """A task reads its secrets when it starts, and never again."""
    if output.changed_after_start:
        return Answer.FALSE, f"changed after the oldest task started: {', '.join(output.changed_after_start)}"
    if output.skipped:
        return Answer.UNKNOWN, output.skipped
    used = [each for each in output.secrets if "task" in each.used_for]
    if not used:
        return Answer.NOT_APPLICABLE, "the tasks read no secret from Secrets Manager"
    if any(each.changed_after_start is None for each in used):
        return Answer.UNKNOWN, "lacks when a secret changed, or when the oldest task started"
    return Answer.TRUE, f"every task started after the last change of {', '.join(each.name for each in used)}"
