"""copy_shard: one turn of one shard of a backup. Called by a Distributed Map with names; the store says the rest."""

from typing import Any

from chalicelib.engine.meanwhile import halted
from chalicelib.engine.sampling import acting_context
from chalicelib.errors import UnknownName
from chalicelib.flows.parts import Parts
from chalicelib.steps.backup_crowd import task_of_item
from chalicelib.steps.backup_shard import work_on
from chalicelib.steps.backup_work import bench_of

ACTION = "s3.backup_prefix"


def copy_shard(parts: Parts, item: dict[str, Any]) -> dict[str, Any]:
    """`next`: copy (turn again), over, or stop: the run was cancelled or somebody stopped the stack (S8)."""
    run = parts.engine.runs.get(str(item["run_id"]))
    if run is None:
        raise UnknownName("run", str(item["run_id"]))
    if not run.status.is_live or run.cancel_requested_by or halted(parts.engine, run.stack):
        return {"next": "stop", "shard": item["shard"]}
    stack = parts.engine.stacks[run.stack]
    ctx = acting_context(
        parts.engine, run, stack, str(item["step"]), parts.clock.now(), of=parts.engine.actions[ACTION]
    )
    task = task_of_item(ctx, str(item["backup"]), int(item["shard"]))
    so_far = work_on(task, bench_of(ctx, task))
    return {"next": "over" if so_far.is_over else "copy", "shard": task.shard, "keys": so_far.keys}
