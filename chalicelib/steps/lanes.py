"""Deleting many things by id, side by side, within the time that one call of `apply` has.

A lane is a share of the ids that one worker goes through. Each deletion is idempotent, so a lane
that was cut off is simply begun again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from chalicelib.errors import StewardError
from chalicelib.steps.step import StepContext

LANES = 8
"""RDS throttles well before sixteen."""


@dataclass
class Ended:
    gone: list[str] = field(default_factory=list)
    """Deleted now, or gone already."""
    errors: dict[str, StewardError] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    """Not begun: the time was up."""


def deleted_side_by_side(ctx: StepContext, ids: Sequence[str], delete: Callable[[str], object]) -> Ended:
    until = ctx.monotonic() + ctx.budget_s
    lanes = {str(n): tuple(ids[n::LANES]) for n in range(min(LANES, len(ids)))}
    work = {name: partial(_lane, ctx, lane, delete, until) for name, lane in lanes.items()}
    found = ctx.side_by_side(work, ctx.budget_s + 30) if work else {}
    ended = Ended()
    for name, lane in lanes.items():
        one = found[name]
        if isinstance(one, str):  # the lane did not come back: its ids are asked for again
            ended.left += lane
            continue
        ended.gone += one.gone
        ended.errors |= one.errors
        ended.left += one.left
    return ended


def _lane(ctx: StepContext, ids: Sequence[str], delete: Callable[[str], object], until: float) -> Ended:
    ended = Ended()
    for number, name in enumerate(ids):
        if ctx.monotonic() >= until:
            ended.left += ids[number:]
            break
        try:
            delete(name)
        except StewardError as error:
            ended.errors[name] = error
            ended.left += ids[number + 1 :]
            break
        ended.gone.append(name)
    return ended
