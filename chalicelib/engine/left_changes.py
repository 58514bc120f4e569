"""What Steward last changed for good on a stack, and whether it is still so (S13: `drift`).

A Change is for good when it says what to write back into infrastructure code. The action that made it is
asked how the world stands to it, by the same `look` that guards it: already done means that it is as left,
ready to be done means that somebody has put it back.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.engine.ports import Ports
from chalicelib.errors import StewardError
from chalicelib.models.change import Change, ChangeState
from chalicelib.models.left import LeftChange, Stands
from chalicelib.models.rights import reads_of
from chalicelib.models.run import Run
from chalicelib.steps.step import Standing, StepContext

LOOKED_BACK = timedelta(days=14)
_MOST_RUNS = 50
_PUTS_BACK = frozenset({"undo_changes", "ecs.put_back"})
_STANDS = {
    Standing.ALREADY: Stands.AS_LEFT,
    Standing.READY: Stands.REVERTED,
    Standing.DRIFTED: Stands.DIFFERS,
}


@dataclass(frozen=True)
class _Made:
    run_id: str
    step: str
    at: datetime
    change: Change

    @property
    def what(self) -> str:
        return (self.change.write_back or "").partition(":")[0]


def left_changes(ports: Ports, ctx: StepContext) -> tuple[LeftChange, ...]:
    """Newest first; of each thing only what was set last."""
    return tuple(_look(ports, ctx, made) for made in _last_of_each(_made(ports, ctx)))


def own_changes(ports: Ports, ctx: StepContext, run: Run) -> tuple[LeftChange, ...]:
    """The same of this very run, which is still at work: also what it found already as it wanted it."""
    as_wanted = frozenset({ChangeState.DONE, ChangeState.UNCHANGED})
    return tuple(_look(ports, ctx, made) for made in _last_of_each(_made_in(ports, run, as_wanted)))


def _last_of_each(all_made: Iterable[_Made]) -> Iterator[_Made]:
    """What was undone since is nobody's drift: the undo is a later Change of the same action."""
    seen: set[tuple[str, str]] = set()
    for made in sorted(all_made, key=lambda made: made.at, reverse=True):
        change = made.change
        mine = {(change.resource, change.action), (change.resource, made.what)}
        if change.write_back and not mine & seen:
            yield made
        # A Change that is not for good, like one task more while another restarts, hides nothing but its undo does.
        if change.write_back or made.step == "undo":
            seen |= mine


def _made(ports: Ports, ctx: StepContext) -> Iterator[_Made]:
    """Of runs that are over: what one is still at, it answers for itself."""
    for run in ports.runs.recent(ctx.stack.stack, since=ctx.now - LOOKED_BACK, limit=_MOST_RUNS).rows:
        if run.status.is_live or run.first_action_at is None:
            continue
        yield from _made_in(ports, run, frozenset({ChangeState.DONE}))


def _made_in(ports: Ports, run: Run, states: frozenset[ChangeState]) -> Iterator[_Made]:
    for record in ports.runs.steps(run.id):
        step = "undo" if record.do in _PUTS_BACK else record.id
        for change, progress in zip(record.changes, record.progress, strict=True):
            if progress.state in states:
                yield _Made(run.id, step, progress.done_at or run.changed_at, change)


def _look(ports: Ports, ctx: StepContext, made: _Made) -> LeftChange:
    stands, detail = _standing(ports, ctx, made)
    return LeftChange(
        run_id=made.run_id,
        step=made.step,
        at=made.at,
        what=made.what,
        resource=made.change.resource,
        sentence=made.change.sentence,
        stands=stands,
        detail=detail,
    )


def _standing(ports: Ports, ctx: StepContext, made: _Made) -> tuple[Stands, str]:
    action = ports.actions.get(made.change.action)
    if action is None:
        return Stands.UNKNOWN, f"{made.change.action} is no longer known here"
    try:
        aws = ports.sessions.for_stack(ctx.stack, ctx.run_id, "drift", reads_of(action.permissions), plan_mode=True)
        look = action.look(replace(ctx, aws=aws, run_id=made.run_id, step_id=made.step), made.change)
    except StewardError as error:
        return Stands.UNKNOWN, f"not reachable from here: {error}"[:300]
    return _STANDS[look.standing], look.detail
