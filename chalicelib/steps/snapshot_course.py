"""Following a snapshot or copy that an action began: to its end, to its failure, or to where it stands still."""

from datetime import datetime, timedelta

from chalicelib.aws.rds_snapshots import AVAILABLE, CREATING, Snapshot
from chalicelib.errors import AwsDenied, AwsError, AwsInvalid, StepFailed
from chalicelib.models.change import ChangeProgress, HowFar
from chalicelib.models.words import format_duration
from chalicelib.steps.step import Pending, StepContext

CHECK_AFTER_S = 30
STALLED_AFTER_S = 3600
"""Without one percent more. RDS says nothing about a snapshot that hangs."""
_UNDER_WAY = {CREATING, "copying", "pending"}
_QUOTAS = {"SnapshotQuotaExceeded", "SharedSnapshotQuotaExceeded"}
_BUSY = {"InvalidDBInstanceState", "InvalidDBClusterStateFault", "InvalidDBClusterSnapshotStateFault"}


def still_under_way(
    ctx: StepContext, snapshot: Snapshot, progress: ChangeProgress, *, stalled_after_s: int = STALLED_AFTER_S
) -> Pending | None:
    """None: it is available. Raises where it failed or has stood still for too long."""
    if snapshot.status == AVAILABLE:
        return None
    if snapshot.status not in _UNDER_WAY:
        raise StepFailed(ctx.step_id, f"snapshot {snapshot.id} is {snapshot.status} at {snapshot.percent}%")
    seen = progress.checkpoint.get("percent")
    since = progress.checkpoint.get("since")
    if seen != snapshot.percent or since is None:
        since = ctx.now.isoformat()
    elif ctx.now - datetime.fromisoformat(since) >= timedelta(seconds=stalled_after_s):
        why = f"snapshot {snapshot.id} has stood still at {snapshot.percent}% for {format_duration(stalled_after_s)}"
        raise StepFailed(ctx.step_id, f"{why}; it is left as it is: look at the instance and at AWS Health")
    took = (ctx.now - (progress.started_at or ctx.now)).total_seconds()
    rate = round(snapshot.percent / took, 4) if took > 0 else 0.0
    far = HowFar(done=snapshot.percent, total=100, unit="percent", rate_per_s=rate or None)
    left = f", about {format_duration(far.left_s)} left" if far.left_s else ""
    return Pending(
        check_after_s=CHECK_AFTER_S,
        detail=f"snapshot {snapshot.id} is {snapshot.status}, {snapshot.percent}%{left}",
        checkpoint={**progress.checkpoint, "percent": snapshot.percent, "since": since},
        how_far=far,
    )


def why_not_begun(ctx: StepContext, error: AwsError) -> Pending | StepFailed | None:
    """A database that is busy is waited for; a quota is named with its remedy. None: the error says it all."""
    if error.code in _BUSY:
        return Pending(check_after_s=CHECK_AFTER_S, detail=f"the database is busy: {error.message}")
    if error.code in _QUOTAS:
        why = f"RDS gives no room for one more snapshot ({error.code}: {error.message})"
        return StepFailed(ctx.step_id, f"{why}; run prune-snapshots, or raise the quota")
    return None


def nothing_was_made(error: AwsError) -> bool:
    """RDS answered no: there is nothing that a creation record would have to remember."""
    return isinstance(error, AwsInvalid | AwsDenied)
