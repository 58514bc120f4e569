"""What must be true of restore drills however often a worker died: nothing is left of them, and the record is one."""

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.aws.gateways import Aws
from chalicelib.models.history import MadeKind
from steward.sandbox import place

if TYPE_CHECKING:
    from steward.sandbox.simulation import Simulation

SIDE = "steward-restored/"
DRILL = "restore-drill"


def is_of_history(operation: str) -> bool:
    """Written into Steward's own store: no call to the account is behind it."""
    return operation.startswith("steward:")


def is_sample(parameters: Mapping[str, Any]) -> bool:
    """One Change, a call for each object: judged here, by what came of them."""
    return "sample" in parameters or "sideCopy" in parameters


def drill_problems(simulation: "Simulation") -> list[str]:
    history, world = simulation.parts.engine.history, simulation.world
    drills = [run for run in simulation.runs() if run.runbook.runbook in {DRILL, "clear-restored"}]
    if not drills:
        return []
    problems: list[str] = []
    for stack in simulation.parts.engine.stacks:
        kinds = (MadeKind.INSTANCE, MadeKind.CLUSTER, MadeKind.SIDE_COPY)
        problems += [
            f"not recorded as gone: {one.id}"
            for kind in kinds
            for one in history.creations(stack, kind)
            if one.delete_after
        ]
        counts = Counter(one.run_id for one in history.drills(stack))
        problems += [f"drill of {run} recorded {n} times" for run, n in counts.items() if n > 1]
        ours = [run.id for run in drills if run.stack == stack and run.runbook.runbook == DRILL]
        problems += [f"drill of {run} is not recorded" for run in ours if run not in counts]
        problems += [f"not proven: {one.detail}" for one in history.drills(stack) if not one.proven]
    problems += [f"instance left: {name}" for name in world.rds.restored]
    left = [one.key for one in Aws(world.own_session(), place.REGION).vault.standing(place.BUCKET, SIDE)]
    return problems + [f"side copy left: {key}" for key in left]
