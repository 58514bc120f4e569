"""s3.expire_copies: marks copies as deleted whose originals vanished longer ago than the grace period (S17)."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice

from pydantic import Field

from chalicelib.aws.s3_lane import S3Lane
from chalicelib.backup.entry import Entry
from chalicelib.backup.expiry import is_due
from chalicelib.backup.manifest import Head
from chalicelib.errors import AwsNotFound, ManifestBroken, StepRefused
from chalicelib.models.change import Change, ChangeProgress
from chalicelib.models.words import Risk, format_duration
from chalicelib.steps.backup_permissions import LIST_SOURCE, MARK_BACKUP, READ_MANIFESTS, READ_SOURCE, SUGGEST
from chalicelib.steps.backup_places import Route, manifests_of, routes
from chalicelib.steps.key_permissions import READ_WITH_SOURCE_KEY
from chalicelib.steps.step import (
    Action,
    ActionOutput,
    Applied,
    Done,
    Look,
    Params,
    Standing,
    StepContext,
    Unchanged,
)

KEYS_A_CHANGE = 100


class ExpireParams(Params):
    most: int = Field(default=5_000, ge=1, le=10_000)
    """Of keys in one run; the rest are the next one's."""


class ExpireCopies(Action[ExpireParams]):
    """Give delete markers to copies whose originals are gone for longer than `backup.grace`. Versions stay.

    Names every key and version it means (S14); rests while a backup is doubted (S18) or an incident is open.

    ```yaml
    - id: expire
      do: s3.expire_copies
    ```
    """

    name = "s3.expire_copies"
    Params = ExpireParams
    Output = ActionOutput
    permissions = (*SUGGEST, LIST_SOURCE, READ_SOURCE, *READ_WITH_SOURCE_KEY, *READ_MANIFESTS, MARK_BACKUP)
    risk = Risk.LOW  # the versions stay; a copy over the marker undoes it
    reversible = False

    def plan(self, ctx: StepContext, params: ExpireParams) -> tuple[Change, ...]:
        found: list[Change] = []
        left = params.most
        for route in routes(ctx):
            due = list(islice(_due(ctx, route), left))
            if due and not found:
                _refuse_while_doubted(ctx)
            left -= len(due)
            found += [
                self._change(ctx, route, due[at : at + KEYS_A_CHANGE]) for at in range(0, len(due), KEYS_A_CHANGE)
            ]
        return tuple(found)

    def _change(self, ctx: StepContext, route: Route, due: list[Entry]) -> Change:
        grace = format_duration(ctx.stack.backup.grace)
        return Change(
            step=ctx.step_id,
            action=self.name,
            operation="s3:DeleteObject",
            parameters={
                "bucket": route.target.bucket,
                "region": route.target_region,
                "source": route.source.bucket,
                "sourceRegion": route.source_region,
                "keys": [route.target.full_key(entry.key) for entry in due],
                "versions": [entry.version for entry in due],
            },
            resource=f"s3://{route.target.bucket}/{route.target.prefix}",
            precondition={"suspicion": None},
            sentence=f"Mark {len(due)} copies in {route.target.bucket} as deleted, whose originals vanished more than"
            f" {grace} ago; their versions stay until the bucket's lifecycle ends them",
        )

    def look(self, ctx: StepContext, change: Change) -> Look:  # noqa: ARG002 - the same for each
        doubt = ctx.history.suspicion(ctx.stack.stack)
        if doubt is not None:
            return Look(
                standing=Standing.DRIFTED, detail=f"S18: nothing expires while a backup is doubted: {doubt.why}"
            )
        if ctx.open_incidents():
            return Look(standing=Standing.DRIFTED, detail="S18: nothing expires during an open incident")
        return Look(standing=Standing.READY, detail="no backup is doubted")

    def apply(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:  # noqa: ARG002 - one go
        given = change.parameters
        here = ctx.aws.s3_lane(given["sourceRegion"])
        there = ctx.aws.s3_lane(given["region"])
        marked, kept = 0, 0
        for key, version in zip(given["keys"], given["versions"], strict=True):
            now = _version_now(there, given["bucket"], key)
            if now is None:
                continue  # marked already, perhaps by an attempt that died
            if now != version or _version_now(here, given["source"], key) is not None:
                kept += 1  # copied anew, or back at the source
                continue
            there.put_delete_marker(given["bucket"], key)
            marked += 1
        said = f"{marked} copies marked as deleted" + (f", {kept} came back and stay" if kept else "")
        return Done(detail=said) if marked else Unchanged(detail=said)


def _version_now(lane: S3Lane, bucket: str, key: str) -> str | None:
    """None: there is no current version."""
    try:
        head = lane.head(bucket, key)
    except AwsNotFound:
        return None
    return head.version or head.etag


def _refuse_while_doubted(ctx: StepContext) -> None:
    doubt = ctx.history.suspicion(ctx.stack.stack)
    if doubt is not None:
        raise StepRefused(f"nothing expires while a backup is doubted: {doubt.why}", rule="S18")
    incidents = ctx.open_incidents()
    if incidents:
        raise StepRefused(f"nothing expires during an open incident: {incidents[0]}", rule="S18")


def _due(ctx: StepContext, route: Route) -> Iterator[Entry]:
    manifests = manifests_of(ctx, route)
    try:
        head: Head | None = manifests.latest()
        grace = timedelta(seconds=ctx.stack.backup.grace)
        for entry in manifests.entries(head):
            if entry.version and is_due(entry, ctx.now, grace):
                yield entry
    except ManifestBroken as broken:
        raise StepRefused(str(broken), rule="S17") from broken
