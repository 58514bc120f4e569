"""Judgements over the database as RDS tells it: pure predicates, registered in checks.py."""

from chalicelib.models.check import Answer
from chalicelib.steps.probes.rds_describe_instance import DatabaseOutput

_AT_REST = frozenset({"available", "storage-optimization", "backing-up"})


def database_steady(output: DatabaseOutput) -> tuple[Answer, str]:
    """Storage is optimized for hours after it has grown, and all the while the database is there for everybody."""
    if not output.applicable:
        return Answer.NOT_APPLICABLE, "the stack names no database on RDS"
    said = f"{output.id} is {output.status}" + (f", {', '.join(output.pending)} not in force" if output.pending else "")
    return (Answer.TRUE if output.status in _AT_REST and not output.pending else Answer.FALSE), said
