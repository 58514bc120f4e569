"""What Steward makes at a database: how it is called, how it is tagged, and how it is known again (S16).

Names come from run and step, so that a second attempt finds what the first one made. The tags are
given at creation only; with the creation record they are what deletion rests on.
"""

from collections.abc import Mapping
from datetime import datetime

from chalicelib.aws.rds_snapshots import MANUAL, Snapshot
from chalicelib.errors import StepRefused
from chalicelib.models.history import Creation, MadeKind
from chalicelib.models.made_names import INSTANCE_NAME, SNAPSHOT_NAME, fitted, made_name, slug
from chalicelib.steps.step import StepContext

STACK_TAG, RUN_TAG, STEP_TAG = "steward:stack", "steward:run", "steward:step"
DELETE_AFTER_TAG = "steward:delete-after"
HOLD_TAG = "legal-hold"
"""Whatever carries it is never deleted, by nobody's rule."""


def name_of(ctx: StepContext, step_id: str, suffix: str = "") -> str:
    """With `{run}`, as a Change says it: the plan's hash must not know the run."""
    return made_name(ctx.stack.stack, "{run}", step_id + suffix)


def named(name: str, run_id: str, most: int = SNAPSHOT_NAME) -> str:
    return fitted(name.replace("{run}", slug(run_id)), most)


def instance_named(name: str, run_id: str) -> str:
    return named(name, run_id, INSTANCE_NAME)


def tags_for(ctx: StepContext) -> dict[str, str]:
    return {STACK_TAG: ctx.stack.stack, RUN_TAG: "{run}", STEP_TAG: ctx.step_id}


def tags_said(tags: Mapping[str, str], run_id: str) -> dict[str, str]:
    return {key: value.replace("{run}", run_id) for key, value in tags.items()}


def is_of_stack(ctx: StepContext, tags: Mapping[str, str]) -> bool:
    return tags.get(STACK_TAG) == ctx.stack.stack


def is_of_this_step(ctx: StepContext, tags: Mapping[str, str], step_id: str) -> bool:
    """Made by an earlier attempt of this very step."""
    return is_of_stack(ctx, tags) and tags.get(RUN_TAG) == ctx.run_id and tags.get(STEP_TAG) == step_id


def is_held(tags: Mapping[str, str]) -> bool:
    """A value of `false` says that it is not; anything else holds."""
    return any(slug(key) == HOLD_TAG and slug(value) not in {"false", "no"} for key, value in tags.items())


def is_ours(ctx: StepContext, snapshot: Snapshot, record: Creation | None) -> bool:
    """Tag *and* record: either alone can come from somebody else (S16)."""
    return record is not None and snapshot.kind == MANUAL and is_of_stack(ctx, snapshot.tags)


def snapshot_kind(*, cluster: bool) -> MadeKind:
    return MadeKind.CLUSTER_SNAPSHOT if cluster else MadeKind.SNAPSHOT


def database_of(ctx: StepContext) -> tuple[str, bool]:
    """Name, and whether it is an Aurora cluster."""
    database = ctx.stack.database
    if database and database.cluster:
        return database.cluster, True
    if database and database.instance:
        return database.instance, False
    why = "the stack names no database on RDS: write database.instance or database.cluster into its file"
    raise StepRefused(why)


def record(
    ctx: StepContext,
    kind: MadeKind,
    name: str,
    step_id: str,
    *,
    region: str | None = None,
    delete_after: datetime | None = None,
) -> Creation:
    """Before the call that makes it; again after a crash: what was first written stands."""
    elsewhere = region if region != ctx.stack.region else None
    made = Creation(
        stack=ctx.stack.stack, kind=kind, id=name, run_id=ctx.run_id, step=step_id, at=ctx.now, region=elsewhere,
        delete_after=delete_after,
    )  # fmt: skip
    return ctx.history.record_creation(made)
