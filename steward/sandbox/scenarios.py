"""The stories that the sandbox tells: what breaks, what Steward is promised to do, and when it is told to the end."""

from dataclasses import dataclass

from chalicelib.errors import UnknownName
from chalicelib.models.incident import IncidentState
from chalicelib.models.run import RunStatus
from steward.sandbox.simulation import Simulation

WELL_FOR_S = 60
"""How long the world is watched in good health before it breaks."""
NOTHING_CAME_S = 1800
"""No decision by then: nothing reacts to this fault."""


@dataclass(frozen=True)
class Scenario:
    name: str
    fault: str
    promise: str
    lasts_s: int = 6 * 3600
    """At most this much virtual time."""
    to_the_end: bool = False
    """Watch for all of `lasts_s`, since the trouble itself never settles."""


SCENARIOS = {
    each.name: each
    for each in (
        Scenario("service-down", "task-hangs", "restarts the one unhealthy task and proves that it helped"),
        Scenario("recovers-by-itself", "recovers-by-itself", "changes nothing: it was well before anything was done"),
        Scenario("never-recovers", "never-recovers", "tries once, sees that it did not help, and calls people"),
        Scenario(
            "flapping-alarm",
            "flapping-alarm",
            "restarts no more often than the guards allow, however often the alarm fires",
            lasts_s=2 * 3600,
            to_the_end=True,
        ),
        Scenario("users-on-task-disk", "users-on-task-disk", "asks instead of acting: a task holds the users"),
        Scenario(
            "task-crashes", "task-crashes", "tries one new deployment, new tasks first, and proves whether that helped"
        ),
        Scenario("bad-deployment", "bad-deployment", "rolls back to the revision that was healthy"),
        Scenario(
            "failed-upgrade", "failed-upgrade", "refuses to roll back over a possible migration, and calls people"
        ),
        Scenario("overload", "overload", "adds tasks within the limits, and takes them away when it is quiet"),
        Scenario("error-burst", "error-burst", "replaces the tasks, new ones first, and proves that it helped"),
    )
}


def scenario(name: str) -> Scenario:
    if name not in SCENARIOS:
        raise UnknownName("scenario", name, [*SCENARIOS, "all"])
    return SCENARIOS[name]


def is_told(sim: Simulation) -> bool:
    """Something was decided, no run is at work, and nothing that is held will be looked at again."""
    if not any(part.runbook for decision in sim.decisions for part in decision.parts):
        return False
    for run in sim.runs():
        waits_for_people = run.status is RunStatus.AWAITING_APPROVAL
        if not waits_for_people and (run.status.is_live or not run.released.all_done):
            return False
    stacks = sim.parts.engine.stacks
    incidents = [incident for stack in stacks for incident in sim.parts.engine.incidents.open_of(stack)]
    return not any(i.state is IncidentState.OPEN and i.firing and i.reconsider_at for i in incidents)
