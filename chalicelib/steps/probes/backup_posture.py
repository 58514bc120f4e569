"""backup.posture: how well the stack's data is protected: newest good backups, last proven restore, what is not."""

from datetime import datetime

from chalicelib.aws.resources import partition_of
from chalicelib.backup.posture import lines_of, posture_of
from chalicelib.errors import AwsError
from chalicelib.models.history import BackupKind
from chalicelib.models.posture import Others, Posture
from chalicelib.steps import made
from chalicelib.steps.backup_permissions import LIST_RECOVERY_POINTS
from chalicelib.steps.blindness import denied
from chalicelib.steps.probes.rds_list_snapshots import list_all
from chalicelib.steps.rds_permissions import LIST_SNAPSHOTS
from chalicelib.steps.step import NoParams, Output, Probe, StepContext

_AVAILABLE = "available"


class PostureOutput(Output):
    late: bool
    """Some newest good backup is older than the stack's objective, or there is none."""
    lines: tuple[str, ...] = ()
    skipped: str | None = None
    """Why RDS's own backups and AWS Backup's could not be counted."""
    posture: Posture


class DescribePosture(Probe[NoParams, PostureOutput]):
    """Newest good backups and their age, the last proven restore, RDS's and AWS Backup's own, and what nothing covers.

    ```yaml
    - id: posture
      do: backup.posture
    ```
    """

    name = "backup.posture"
    Params = NoParams
    Output = PostureOutput
    permissions = (*LIST_SNAPSHOTS, LIST_RECOVERY_POINTS)

    def read(self, ctx: StepContext, params: NoParams) -> PostureOutput:  # noqa: ARG002 - it has none
        stack, history = ctx.stack.stack, ctx.history
        others, skipped = _others(ctx)
        posture = posture_of(
            ctx.stack,
            ctx.now,
            database=history.backups(stack, BackupKind.DATABASE),
            artifacts=history.backups(stack, BackupKind.ARTIFACTS),
            drills=history.drills(stack),
            suspicion=history.suspicion(stack),
            others=others,
        )
        return PostureOutput(late=posture.is_late, lines=lines_of(posture), skipped=skipped, posture=posture)


def _others(ctx: StepContext) -> tuple[Others | None, str | None]:
    """Of the database and of the bucket; what may not be read hides nothing of the other."""
    database, why = _of_database(ctx)
    try:
        points = _of_bucket(ctx)
    except AwsError as error:
        return database, "; ".join(said for said in (why, denied(error)) if said)
    if not points:
        return database, why
    known = database or Others()
    newest = max((*points, *((known.newest_at,) if known.newest_at else ())))
    return known.model_copy(update={"bucket": len(points), "newest_at": newest}), why


def _of_bucket(ctx: StepContext) -> tuple[datetime, ...]:
    artifacts = ctx.stack.artifacts
    if artifacts is None or artifacts.endpoint is not None:
        return ()
    return ctx.aws.recovery_points.of(f"arn:{partition_of(ctx.stack.region)}:s3:::{artifacts.bucket}")


def _of_database(ctx: StepContext) -> tuple[Others | None, str | None]:
    database = ctx.stack.database
    if database is None or not (database.instance or database.cluster):
        return None, None
    name, cluster = made.database_of(ctx)
    try:
        found = [one for one in list_all(ctx, name, cluster=cluster) if one.status == _AVAILABLE]
    except AwsError as error:
        return None, denied(error)
    kinds = {kind: [one for one in found if one.kind == kind] for kind in ("automated", "awsbackup")}
    times: list[datetime] = [one.taken_at for listed in kinds.values() for one in listed if one.taken_at]
    counts = {"automated": len(kinds["automated"]), "aws_backup": len(kinds["awsbackup"])}
    return Others(**counts, newest_at=max(times, default=None)), None
