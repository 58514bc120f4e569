"""What the crash harness flies: every shipped runbook, on a world that gives it all its work.

python -m steward.sandbox.crash_cases [--every=N] [CASE …]      one JSON line a case; 1 if anything went wrong
"""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from chalicelib.flows.approve import answer
from chalicelib.flows.start import Request, start
from chalicelib.models.run import RunStatus
from chalicelib.models.runbook import Runbook
from steward.sandbox.crash import FragileSimulation, Points, Report, fly
from steward.sandbox.crash_objects import bodies, lost_objects
from steward.sandbox.left_over import left_by_a_stopped_drill
from steward.sandbox.scenarios import MIRROR
from steward.sandbox.seeded import taken_daily
from steward.sandbox.simulation import Simulation
from steward.sandbox.world import START, World

AUTOMATED = f"rds:fraud-scoring-mlflow-db-{START:%Y-%m-%d}-02-10"
LET_IT_SHOW = timedelta(minutes=6)
ASKS_AGAIN = timedelta(minutes=10)


def approve_what_asks(simulation: Simulation) -> bool:
    for run in simulation.runs():
        if run.status is RunStatus.AWAITING_APPROVAL:
            approval = simulation.parts.engine.approvals.current(run.id)
            if approval and approval.state.value == "pending":
                answer(simulation.parts, run.id, approve=True, by="crash-harness", reason="the losses are known")
    return True


def by_hand(runbook: str, **inputs: Any) -> Callable[[Simulation], bool]:
    """Somebody starts it once the fault shows, again where another run was in the way, and says yes where it asks.
    The key makes it one run."""

    def act(simulation: Simulation) -> bool:
        world, now = simulation.world, simulation.world.clock.now()
        if now < START + LET_IT_SHOW:
            return False
        if not any(run.runbook.runbook == runbook for run in simulation.runs()):
            key = f"harness {(now - START) // ASKS_AGAIN}"
            request = Request(runbook, world.stack().stack, "crash-harness", "harness", dict(inputs), key=key)
            start(simulation.parts, request)
        return approve_what_asks(simulation)

    return act


def by_clock(runbook: str, past_days: int = 0) -> Callable[[Simulation], bool]:
    """Its schedule fires, as EventBridge Scheduler would; Steward has cared for this stack for so many days."""

    def act(simulation: Simulation) -> bool:
        world = simulation.world
        if not world.clock.now() < START + LET_IT_SHOW and not simulation.asked_by_clock:
            simulation.asked_by_clock = True
            taken_daily(simulation, past_days)
            simulation.deliver(
                {
                    "steward": "schedule",
                    "runbook": runbook,
                    "stack": world.stack().stack,
                    "scheduled_at": world.clock.now().isoformat(),
                }
            )
        return simulation.asked_by_clock and approve_what_asks(simulation)

    return act


def with_past(act: Callable[[Simulation], bool], days: int = 1) -> Callable[[Simulation], bool]:
    """Steward has cared for this stack for so many days."""

    def acts(simulation: Simulation) -> bool:
        taken_daily(simulation, days)
        return act(simulation)

    return acts


def left_over(simulation: Simulation) -> bool:
    """A drill was stopped yesterday; sweep finds what it left."""
    if not simulation.asked_by_clock:
        simulation.asked_by_clock = True
        left_by_a_stopped_drill(simulation)
    return bool(simulation.runs())


@dataclass(frozen=True)
class Case:
    runbook: str
    fault: str | None
    """None: nothing is broken; somebody, or the clock, asks."""
    params: Mapping[str, Any] = field(default_factory=dict)
    act: Callable[[Simulation], bool] | None = None


CASES: dict[str, Case] = {
    "service-down": Case("service-down", "task-hangs"),
    "service-down-approved": Case("service-down", "users-on-task-disk", act=approve_what_asks),
    "tasks-crash-looping": Case("tasks-crash-looping", "task-crashes"),
    "deployment-failed": Case("deployment-failed", "bad-deployment"),
    "high-error-rate": Case("high-error-rate", "error-burst"),
    "high-latency": Case("high-latency", "overload", {"for_s": 300}),
    "out-of-memory": Case("out-of-memory", "out-of-memory", act=by_hand("out-of-memory")),
    "image-cannot-be-pulled": Case(
        "image-cannot-be-pulled", "image-rate-limited", act=by_hand("image-cannot-be-pulled", image=MIRROR)
    ),
    "wrong-configuration": Case(
        "wrong-configuration", "doubled-port", act=by_hand("wrong-configuration", correction="single_port")
    ),
    "health-check": Case("health-check", "database-down", act=by_hand("health-check")),
    "database-unreachable": Case("database-unreachable", "password-rotated", act=by_hand("database-unreachable")),
    "database-connections-exhausted": Case(
        "database-connections-exhausted", "connections-exhausted", {"duplicates": True}
    ),
    "snapshot-database": Case("snapshot-database", None, act=by_clock("snapshot-database")),
    "copy-snapshots-offsite": Case("copy-snapshots-offsite", None, act=by_clock("copy-snapshots-offsite", 3)),
    "prune-snapshots": Case("prune-snapshots", None, act=by_clock("prune-snapshots", 40)),
    "restore-database": Case("restore-database", None, act=by_hand("restore-database", snapshot=AUTOMATED)),
    "restore-database-rotated": Case(
        "restore-database", "rotated-since", act=by_hand("restore-database", snapshot=AUTOMATED)
    ),
    "backup-artifacts": Case("backup-artifacts", "artifacts-grown", act=by_hand("backup-artifacts", checkpointEvery=3)),
    "backup-artifacts-again": Case(
        "backup-artifacts", "artifacts-long-gone", {"new": 16}, act=by_hand("backup-artifacts", checkpointEvery=3)
    ),
    "restore-artifacts": Case(
        "restore-artifacts", "artifacts-backed-up", {"count": 34}, act=by_hand("restore-artifacts", backup="latest")
    ),
    "restore-drill": Case("restore-drill", "artifacts-backed-up", act=with_past(by_hand("restore-drill", objects=1))),
    "disaster-recovery": Case(
        "disaster-recovery",
        "artifacts-overwritten",
        act=by_hand("disaster-recovery", snapshot=AUTOMATED, overNewer=True),
    ),
    "disaster-recovery-gone": Case(
        "disaster-recovery", "database-gone", act=with_past(by_hand("disaster-recovery"), days=2)
    ),
    "clear-restored": Case("clear-restored", None, act=left_over),
    "artifact-store-denied": Case("artifact-store-denied", "bucket-denied", act=by_hand("artifact-store-denied")),
    "credentials-rotated": Case("credentials-rotated", "secret-rotated"),
    "debug-logging": Case("debug-logging", None, act=by_hand("debug-logging", minutes=15)),
    "tidy-up": Case("tidy-up", "leftovers", act=by_hand("tidy-up")),
    "scale": Case("scale", None, act=by_hand("scale", tasks=3, cpu=1024, memory=2048, databaseClass="db.t3.small")),
    "scale-storage": Case("scale", None, act=by_hand("scale", databaseStorageGib=40)),
    "authentication-broken": Case("authentication-broken", "ldap-down", act=by_hand("authentication-broken")),
    "upgrade-mlflow": Case(
        "upgrade-mlflow",
        "older-mlflow",
        {"image": True},
        act=by_hand("upgrade-mlflow", version="3.17.2", image="ghcr.io/example/mlflow:3.17.2"),
    ),
    "upgrade-mlflow-goes-back": Case(
        "upgrade-mlflow",
        "older-mlflow",
        {"version": "3.6.0", "new_tasks": "die"},
        act=by_hand("upgrade-mlflow", version="3.7.0"),
    ),
    "upgrade-mlflow-restores": Case(
        "upgrade-mlflow", "older-mlflow", {"new_tasks": "die"}, act=by_hand("upgrade-mlflow", version="3.17.2")
    ),
    "migrate-database": Case(
        "migrate-database",
        "older-mlflow",
        {"autoscaled": True},
        act=by_hand("migrate-database", version="3.17.2", stopWrites=True),
    ),
    "retention": Case("retention", "old-runs", act=by_hand("retention", olderThanDays=365)),
    "gc": Case("gc", "deleted-runs", act=by_hand("gc")),
    "orphans": Case("orphans", "orphaned-artifacts", act=by_hand("orphans")),
}


def fly_case(name: str, runbooks: Mapping[str, Runbook], every: int = 1, **parts: Any) -> Report:
    """`parts` replace what the simulation is made of: how the tests show that the harness can fail."""
    case = CASES[name]
    with World.create(seed=1) as world:
        points = Points(name, every)
        simulation = FragileSimulation(world, runbooks, points=points, **parts)
        if case.fault:
            world.break_with(case.fault, **case.params)
        before = bodies(world) if world.tracking.runs else {}
        return fly(simulation, case.act, lambda: lost_objects(world, before) if before else [])


def main(names: list[str]) -> int:
    from steward.cli.folders import read_runbooks

    failed, every = 0, 1
    if names and names[0].startswith("--every="):
        every, names = int(names[0].partition("=")[2]), names[1:]
    for name in names or list(CASES):
        report = fly_case(name, read_runbooks(), every)
        failed += bool(report.problems)
        counts = {"points": report.points, "situations": report.situations, "killed": report.covered}
        print(json.dumps({"case": name, **counts, "problems": report.problems[:20]}), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
