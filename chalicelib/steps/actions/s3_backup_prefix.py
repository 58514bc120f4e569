"""s3.backup_prefix: brings the backup of the artifacts up to date, proves it, and signs what was done."""

from datetime import datetime, timedelta
from itertools import islice

from pydantic import Field

from chalicelib.aws.cloudwatch import MetricQuery
from chalicelib.backup.estimate import LONG_S, Estimate, Extent, estimate, time_text
from chalicelib.backup.manifest import Head
from chalicelib.errors import AwsError
from chalicelib.models.change import Change, ChangeProgress
from chalicelib.models.words import Risk
from chalicelib.steps.backup_crowd import back_up_by_many, stop
from chalicelib.steps.backup_journal import READ_BACK
from chalicelib.steps.backup_permissions import BACK_UP
from chalicelib.steps.backup_places import Route, manifests_of, routes, schedule_suggested
from chalicelib.steps.backup_preflight import check_keys, check_last, check_source, check_target
from chalicelib.steps.backup_seal_preflight import check_key
from chalicelib.steps.backup_work import back_up, task_of, tidy
from chalicelib.steps.step import Action, ActionOutput, Applied, Look, Params, Standing, StepContext

MOST_LISTED_PAGES = 20
"""For an estimate, where neither a manifest nor CloudWatch knows."""
_DAYS_OF_METRICS = 3
MB = 1024**2
ONE, MANY = "advance", "distributed-map"


class BackupParams(Params):
    checkpoint_every: int = Field(default=20_000, ge=1, le=200_000)
    """Keys after which what is done is written down: a worker that dies repeats at most so many copies."""
    read_back_mb: int = Field(default=READ_BACK // MB, ge=1)
    """Of copies over 64 MB, which are read in full in turn: so much in each backup, of at most 32 of them."""


class BackupOutput(ActionOutput):
    backup: str | None = None
    objects: int = 0
    bytes: int = 0
    copied: int = 0
    gone: int = 0
    """Vanished at the source, kept for the grace period."""
    due: int = 0
    """Vanished so long ago that `s3.expire_copies` may mark them."""
    suspect: str | None = None
    expiry_rests: str | None = None
    """Why `s3.expire_copies` is to be left out (S18)."""
    verified: bool = False


class BackupPrefix(Action[BackupParams]):
    """Back the artifacts up: copy what changed since the last manifest, compare every copy, sign a new manifest.

    Deletes nothing: what vanished at the source is kept, and marked by `s3.expire_copies` after the grace period.

    ```yaml
    - id: backup
      do: s3.backup_prefix
      timeout: 12h
    ```
    """

    name = "s3.backup_prefix"
    Params = BackupParams
    Output = BackupOutput
    permissions = BACK_UP
    risk = Risk.LOW
    reversible = False
    interruptible = True

    def __init__(self, long_s: float = LONG_S) -> None:
        """`long_s`: what takes longer goes to many workers."""
        self._long_s = long_s

    def plan(self, ctx: StepContext, params: BackupParams) -> tuple[Change, ...]:
        found, when = routes(ctx), schedule_suggested(ctx)
        return tuple(self._change(ctx, route, params, when) for route in found)

    def _change(self, ctx: StepContext, route: Route, params: BackupParams, when: str) -> Change:
        check_target(ctx, route)
        check_source(ctx, route)
        check_keys(ctx, route)
        manifests = manifests_of(ctx, route)
        check_key(ctx, manifests)
        last = check_last(manifests)
        is_far, read_back = route.source_region != route.target_region, params.read_back_mb * MB
        will = estimate(extent(ctx, route, last), last, elsewhere=is_far, read_back=read_back)
        limit, mac_key = ctx.stack.backup.cost_limit_usd, ctx.stack.backup.mac_key
        is_long = will.seconds > self._long_s
        engine = MANY if is_long and ctx.many_hands is not None else ONE
        dear = limit is not None and will.dollars > limit
        return Change(
            step=ctx.step_id,
            action=self.name,
            operation="s3:CopyObject",
            parameters={
                "source": route.source.bucket,
                "sourceRegion": route.source_region,
                "target": route.target.bucket,
                "targetRegion": route.target_region,
                "prefix": route.source.prefix,
                "set": route.set,
                "before": last.id if last else None,
                "graceS": ctx.stack.backup.grace,
                "macKey": mac_key,
                "checkpointEvery": params.checkpoint_every,
                "expected": will.objects or None,
                "readBack": read_back,
                "engine": engine,
            },
            resource=f"s3://{route.target.bucket}/{route.target.prefix}",
            precondition={"last": last.id if last else None},
            sentence=_sentence(route, will, _by(engine, is_long, self._long_s), signed=mac_key is not None) + when,
            loses=f"${will.dollars:,.2f}, which is over backup.costLimitUsd of ${limit:,.2f}" if dear else None,
        )

    def look(self, ctx: StepContext, change: Change) -> Look:
        """Somebody else's backup in between would be the one to go on from."""
        before: dict[str, str | int | float | bool | None] = {"as_of": ctx.now.isoformat()}
        for route in routes(ctx):
            if route.set == change.parameters["set"]:
                ids = manifests_of(ctx, route).ids()
                newest = ids[-1] if ids else None
                if newest == change.precondition["last"]:
                    return Look(standing=Standing.READY, detail="the last manifest is the planned one", before=before)
                return Look(standing=Standing.DRIFTED, detail=f"the last manifest is {newest} by now")
        return Look(standing=Standing.DRIFTED, detail="the stack backs up other places by now")

    def apply(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:
        task = task_of(ctx, change, datetime.fromisoformat(progress.before["as_of"]))
        by = back_up_by_many if change.parameters["engine"] == MANY else back_up
        return by(ctx, task, progress)

    def abandon(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> str:
        copied = progress.checkpoint.get("copied", 0)
        task = task_of(ctx, change, datetime.fromisoformat(progress.before["as_of"]))
        if change.parameters["engine"] == ONE:
            tidy(ctx, (task,))
        elif progress.checkpoint:
            stop(ctx, task, progress.checkpoint.get("attempt", 1), f"run {ctx.run_id} was cancelled")
        return (
            f"left half done: {copied:,} objects are copied to {change.resource} and in no manifest; the last backup is"
            f" still {change.parameters['before'] or 'none'}, and the next one takes them over"
        )


def extent(ctx: StepContext, route: Route, last: Head | None) -> Extent:
    """How much there is: from the last manifest, else a short listing, else what CloudWatch measured."""
    if last is not None:
        return Extent(last.totals.objects, last.totals.bytes, f"as in backup {last.id}")
    pages = ctx.aws.s3_lane(route.source_region).list_pages(route.source.bucket, route.source.prefix)
    listed = [(len(rows), sum(size for _, size, _ in rows)) for rows in islice(pages, MOST_LISTED_PAGES)]
    objects, size = sum(count for count, _ in listed), sum(size for _, size in listed)
    if len(listed) < MOST_LISTED_PAGES or next(pages, None) is None:
        return Extent(objects, size, "as listed now")
    return _measured(ctx, route) or Extent(objects, size, f"at least: more than {objects:,} are there", exact=False)


def _measured(ctx: StepContext, route: Route) -> Extent | None:
    bucket = ("BucketName", route.source.bucket)
    queries = [
        MetricQuery(
            "objects", "AWS/S3", "NumberOfObjects", "Average", (bucket, ("StorageType", "AllStorageTypes")), 86400
        ),
        MetricQuery(
            "bytes", "AWS/S3", "BucketSizeBytes", "Average", (bucket, ("StorageType", "StandardStorage")), 86400
        ),
    ]
    try:
        found = ctx.aws.cloudwatch.metric_data(queries, ctx.now - timedelta(days=_DAYS_OF_METRICS), ctx.now)
    except AwsError:
        return None
    values = {series.id: series.points[-1][1] for series in found if series.points}
    if "objects" not in values:
        return None
    return Extent(int(values["objects"]), int(values.get("bytes", 0)), "all of the bucket, as CloudWatch measured")


def _by(engine: str, is_long: bool, long_s: float) -> str:
    """The choice of the engine, and its reason."""
    if not is_long:
        return ""
    how = "by many workers at once" if engine == MANY else "in slices by one worker, for want of a copy machine"
    return f", {how}, since it takes longer than {time_text(int(long_s))}"


def _sentence(route: Route, will: Estimate, by: str, *, signed: bool) -> str:
    weaker = "" if signed else "; the manifest is chained but not signed, since the stack has no backup.macKey"
    return f"Back up {route.sentence}: {will}{by}{weaker}"
