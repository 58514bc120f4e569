"""What a step may ask about the surroundings of its run: read from the store only when it is asked."""

from collections.abc import Callable

from chalicelib.engine.ports import Ports
from chalicelib.models.change import Change, ChangeProgress, ChangeState
from chalicelib.models.run import Run
from chalicelib.models.stack import Stack


def neighbours_of(ports: Ports, stack: Stack) -> tuple[Stack, ...]:
    return tuple(other for name, other in ports.stacks.items() if name != stack.stack)


def open_incidents_of(ports: Ports, run: Run) -> Callable[[], tuple[str, ...]]:
    """Of trouble (S18): a rotation that waits for its turn keeps no pruning away."""

    def ask() -> tuple[str, ...]:
        others = (one for one in ports.incidents.open_of(run.stack) if one.id != run.incident_id)
        return tuple(incident.title for incident in others if not incident.is_waiting_work)

    return ask


def made_by(ports: Ports, run: Run) -> Callable[[], tuple[tuple[Change, ChangeProgress], ...]]:
    """Also what is half done: whether it took effect is for a probe to find out."""

    def ask() -> tuple[tuple[Change, ChangeProgress], ...]:
        records = ports.runs.steps(run.id)
        pairs = (pair for record in records for pair in zip(record.changes, record.progress, strict=True))
        return tuple(pair for pair in pairs if pair[1].state is not ChangeState.STORED)

    return ask
