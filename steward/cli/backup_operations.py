"""What can be asked of a Steward about backups; plain JSON in and out, like the other operations."""

from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.flows import backups
from steward.sandbox.simulation import Simulation

Json = dict[str, Any]


def listed(sim: Simulation, stack: str) -> Json:
    return backups.listed(sim.parts, stack)


def shown(sim: Simulation, stack: str, backup: str) -> Json:
    return backups.shown(sim.parts, stack, backup)


def cleared(sim: Simulation, stack: str, principal: str, reason: str) -> Json:
    return backups.cleared(sim.parts, stack, by=principal, reason=reason)


BACKUP_OPERATIONS: Mapping[str, Callable[..., Json]] = {
    "backups": listed,
    "backup": shown,
    "clear_suspicion": cleared,
}
