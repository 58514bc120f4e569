"""Judgements over the database as RDS tells it: pure predicates, registered in checks.py."""

from chalicelib.models.check import Answer
from chalicelib.steps.probes.rds_describe_instance import GONE, DatabaseOutput

_AT_REST = frozenset({"available", "storage-optimization", "backing-up"})


def database_steady(output: DatabaseOutput) -> tuple[Answer, str]:
    """Storage is optimized for hours after it has grown, and all the while the database is there for everybody."""
    if not output.applicable:
        return Answer.NOT_APPLICABLE, "the stack names no database on RDS"
    said = f"{output.id} is {output.status}" + (f", {', '.join(output.pending)} not in force" if output.pending else "")
    return (Answer.TRUE if output.status in _AT_REST and not output.pending else Answer.FALSE), said


def database_failing_over(output: DatabaseOutput) -> tuple[Answer, str]:
    """Of a database that RDS does not know nobody can tell (S6): it may be renamed, replaced or mistyped, and the
    one that MLflow really uses may be changing hands."""
    if not output.applicable:
        return Answer.NOT_APPLICABLE, "the stack names no database on RDS"
    if output.status == GONE:
        return Answer.UNKNOWN, f"RDS knows no {output.id}: restore it, or name the one in use in the stack's file"
    return (Answer.TRUE if output.failing_over else Answer.FALSE), f"{output.id} is {output.status}"


def database_failing_over_unless_gone(output: DatabaseOutput) -> tuple[Answer, str]:
    """What is gone, and was there under this very name, keeps nobody from restoring it (S5: a name that was never
    seen proves no loss)."""
    if output.applicable and output.status == GONE and output.is_recorded:
        return Answer.FALSE, f"{output.id} is gone, and a backup has recorded how it was set up"
    return database_failing_over(output)
