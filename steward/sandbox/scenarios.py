"""The stories that the sandbox tells: what breaks, what Steward is promised to do, and when it is told to the end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.errors import UnknownName
from chalicelib.flows import approve, start
from chalicelib.models.approval import ApprovalState
from chalicelib.models.incident import IncidentState
from chalicelib.models.run import RunStatus
from steward.sandbox.simulation import Simulation

WELL_FOR_S = 60
"""How long the world is watched in good health before it breaks."""
NOTHING_CAME_S = 1800
"""No decision by then: nothing reacts to this fault."""
OPERATOR, APPROVER = "demo/operator", "demo/approver"
"""Whoever starts something by hand, and whoever is asked."""


@dataclass(frozen=True)
class ByHand:
    """Somebody starts a runbook, once the fault shows."""

    runbook: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    after_s: int = 300
    """What alarms and events start by themselves until then, starts."""


@dataclass(frozen=True)
class Scenario:
    name: str
    fault: str
    promise: str
    lasts_s: int = 6 * 3600
    """At most this much virtual time."""
    to_the_end: bool = False
    """Watch for all of `lasts_s`, since the trouble itself never settles."""
    by_hand: ByHand | None = None
    """None: it enters by an alarm or an event."""
    says_yes: bool = False
    """Somebody approves what is asked; else nobody answers."""


def _story(name: str, promise: str, **rest: Any) -> Scenario:
    """One that is told of a fault of its own name."""
    return Scenario(name, name, promise, **rest)


_NOT_BY_A_RESTART = "vetoes the restart that its alarm asks for, and says what helps"
_LOG_ALONE = "tries one rolling deployment, since log text alone vetoes nothing (S4), and calls people with the cause"
MIRROR = "public.ecr.aws/docker/library/python:3.11-slim"

OF_THE_MACHINE = (
    Scenario("service-down", "task-hangs", "restarts the one unhealthy task and proves that it helped"),
    _story("recovers-by-itself", "changes nothing: it was well before anything was done"),
    _story("never-recovers", "tries once, sees that it did not help, and calls people"),
    _story(
        "flapping-alarm",
        "restarts no more often than the guards allow, however often the alarm fires",
        lasts_s=2 * 3600,
        to_the_end=True,
    ),
    _story("users-on-task-disk", "asks instead of acting: a task holds the users"),
    _story("task-crashes", "tries one new deployment, new tasks first, and proves whether that helped"),
    _story("bad-deployment", "rolls back to the revision that was healthy"),
    _story("failed-upgrade", "refuses to roll back over a possible migration, and calls people"),
    _story("overload", "adds tasks within the limits, and takes them away when it is quiet"),
    _story("error-burst", "replaces the tasks, new ones first, and proves that it helped"),
)
"""How Steward acts: guards, plans, verification."""

OF_MLFLOW = (
    _story("database-down", _NOT_BY_A_RESTART),
    _story("password-rotated", _NOT_BY_A_RESTART),
    _story("database-disk-full", _NOT_BY_A_RESTART),
    _story("connections-exhausted", "names the programs that hold them, and asks people", lasts_s=1200),
    _story("idle-duplicates", "stops the two idle duplicates of the service, and proves that it helped"),
    _story("schema-too-new", "tries one rolling deployment beside the task that serves, and calls people"),
    _story("bucket-denied", _LOG_ALONE),
    _story("bucket-missing", _NOT_BY_A_RESTART),
    _story("bucket-wrong-region", _NOT_BY_A_RESTART),
    _story("kms-denied", _LOG_ALONE),
    _story(
        "image-rate-limited",
        "stops nothing that serves, and takes the image from a mirror once people say yes",
        by_hand=ByHand("image-cannot-be-pulled", {"image": MIRROR}),
        says_yes=True,
    ),
    _story("out-of-memory", "gives the tasks one size more once people say yes", says_yes=True),
    _story(
        "host-header-refused", "names the refused Host and changes nothing", by_hand=ByHand("authentication-broken")
    ),
    _story("ldap-down", "names the directory and changes nothing", by_hand=ByHand("authentication-broken")),
    _story(
        "doubled-port",
        "takes the second port out of the store's address once people say yes",
        by_hand=ByHand("wrong-configuration", {"correction": "single_port"}, after_s=120),
        says_yes=True,
    ),
)
"""What Steward knows of MLflow: the cause is named, and what would do harm is left alone."""

SCENARIOS = {each.name: each for each in (*OF_THE_MACHINE, *OF_MLFLOW)}


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


def begin(sim: Simulation, told: Scenario) -> None:
    """The part of a person who starts a runbook; the same stack, time and name make the same run."""
    if told.by_hand is None:
        return
    asked = start.Request(
        runbook=told.by_hand.runbook,
        stack=sim.world.stack().stack,
        principal=OPERATOR,
        reason=f"somebody noticed: {told.name}",
        inputs=dict(told.by_hand.inputs),
    )
    sim.decided(start.start(sim.parts, asked))


def say_yes(sim: Simulation) -> bool:
    """To whatever is asked. Whether anything was."""
    asking = [run for run in sim.runs() if run.status is RunStatus.AWAITING_APPROVAL]
    current = [(run.id, sim.parts.engine.approvals.current(run.id)) for run in asking]
    pending = [run_id for run_id, approval in current if approval and approval.state is ApprovalState.PENDING]
    for run_id in pending:
        approve.answer(sim.parts, run_id, approve=True, by=APPROVER, reason="the plan is what we want")
    return bool(pending)
