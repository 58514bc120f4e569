"""s3.delete_restored: deletes the side copies that a drill made, key by key, and sees that they are gone (S14, S16)."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from chalicelib.aws.s3_objects import MOST_AT_ONCE
from chalicelib.errors import StepFailed, StepRefused
from chalicelib.models.change import Change, ChangeProgress
from chalicelib.models.history import Creation, MadeKind
from chalicelib.models.step_index import Permission
from chalicelib.models.words import Risk
from chalicelib.steps.backup_permissions import LIST_SOURCE, READ_SOURCE
from chalicelib.steps.key_permissions import READ_WITH_SOURCE_KEY
from chalicelib.steps.step import Action, ActionOutput, Applied, Done, Look, Params, Standing, StepContext, Unchanged

ROOT = "steward-restored/"
_DEPTH = 3
"""steward-restored/RUN/PLACE/"""
DELETE = Permission(
    action="s3:DeleteObject",
    resource=f"arn:{{partition}}:s3:::{{bucket}}/{ROOT}*",
    why="delete what a drill restored, and nothing beside it",
)


class DeleteParams(Params):
    which: Literal["this_run", "due"] = "this_run"
    """Those that this run made, or all of the stack whose time is over, whichever run left them."""
    after: int | None = Field(default=None)
    """A figure of the step that must be over before; it is not used otherwise."""


class DeleteSideCopies(Action[DeleteParams]):
    """Delete the artifacts that this run's drill restored beside the others, or all such whose time is over.

    In a bucket with versions their versions stay until its lifecycle removes them.

    ```yaml
    - id: tidy
      do: s3.delete_restored
      with: {which: due}
    ```
    """

    name = "s3.delete_restored"
    Params = DeleteParams
    Output = ActionOutput
    permissions = (LIST_SOURCE, READ_SOURCE, *READ_WITH_SOURCE_KEY, DELETE)
    risk = Risk.LOW
    reversible = False

    def plan(self, ctx: StepContext, params: DeleteParams) -> tuple[Change, ...]:
        return tuple(self._change(ctx, one) for one in _meant(ctx, params.which))

    def _change(self, ctx: StepContext, one: Creation) -> Change:
        bucket = _bucket(ctx)
        keys = _keys(ctx, bucket, one.id)
        return Change(
            step=ctx.step_id,
            action=self.name,
            operation="s3:DeleteObject",
            parameters={"bucket": bucket, "sideCopy": one.id, "objects": keys},
            resource=f"s3://{bucket}/{one.id}",
            precondition={"made_by": one.run_id},
            sentence=f"Delete the {len(keys)} objects that run {one.run_id} restored to s3://{bucket}/{one.id}",
        )

    def look(self, ctx: StepContext, change: Change) -> Look:
        if _record(ctx, change.parameters) is None:
            return Look(standing=Standing.DRIFTED, detail=f"S16: no record says that Steward made {change.resource}")
        count = len(change.parameters["objects"])
        return Look(standing=Standing.READY, detail=f"{count} objects are to go", before={"objects": count})

    def apply(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:
        bucket, prefix = str(change.parameters["bucket"]), str(change.parameters["sideCopy"])
        if _record(ctx, change.parameters) is None:
            raise StepFailed(ctx.step_id, f"S16: there is no record that Steward made {change.resource}")
        objects = ctx.aws.s3.many()
        keys = list(change.parameters["objects"])
        there = [key for key in keys if objects.facts(bucket, key) is not None]
        objects.delete(bucket, there)
        left = [key for key in keys if objects.facts(bucket, key) is not None]  # asked by name (S5)
        left += [key for key in _keys(ctx, bucket, prefix) if key not in left]
        if left:
            raise StepFailed(ctx.step_id, f"{len(left)} objects are still in s3://{bucket}/{prefix}: {left[0]}")
        ctx.history.mark_gone(ctx.stack.stack, MadeKind.SIDE_COPY, prefix, ctx.now)
        if not there and not progress.before.get("objects"):
            return Unchanged(detail=f"nothing was left in s3://{bucket}/{prefix}")
        return Done(detail=f"{len(keys)} objects are gone from s3://{bucket}/{prefix}")


def _meant(ctx: StepContext, which: str) -> tuple[Creation, ...]:
    records = ctx.history.creations(ctx.stack.stack, MadeKind.SIDE_COPY)
    if which == "this_run":
        return tuple(one for one in records if one.run_id == ctx.run_id)
    return tuple(one for one in records if one.delete_after and one.delete_after <= ctx.now)


def _keys(ctx: StepContext, bucket: str, prefix: str) -> list[str]:
    """Under a prefix that Steward made for itself and that carries the run's id; never more than a drill puts there."""
    if not prefix.startswith(ROOT) or prefix.count("/") < _DEPTH:
        raise StepRefused(f"{prefix} is not where a drill restores to", rule="S16")
    keys: list[str] = []
    for stored in ctx.aws.s3.many().list(bucket, prefix):
        keys.append(stored.key)
        if len(keys) > MOST_AT_ONCE:
            raise StepRefused(f"s3://{bucket}/{prefix} holds more than a drill ever restores", rule="S16")
    return keys


def _bucket(ctx: StepContext) -> str:
    if ctx.stack.artifacts is None:
        raise StepRefused("the stack names no artifact bucket any more")
    return ctx.stack.artifacts.bucket


def _record(ctx: StepContext, given: Mapping[str, Any]) -> Creation | None:
    return ctx.history.creation(ctx.stack.stack, MadeKind.SIDE_COPY, str(given["sideCopy"]))
