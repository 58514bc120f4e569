"""A small world for the flows: one stack whose items are sick or well, steps that read and mend them, and
Steward's own parts over MemoryTable and a virtual clock. Nothing here decides anything."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.catalog.match import Matcher
from chalicelib.clock import VirtualClock
from chalicelib.engine.drivers import LocalDriver
from chalicelib.engine.ports import Ports
from chalicelib.errors import AwsUnavailable
from chalicelib.flows.advance import Next, advance
from chalicelib.flows.ingest import ingest
from chalicelib.flows.parts import Parts
from chalicelib.flows.sweep import Swept, sweep
from chalicelib.guards.roles import Roles
from chalicelib.models.decision import Decision
from chalicelib.models.incident import Incident
from chalicelib.models.ledger import FleetLimits
from chalicelib.models.run import Run, StepRecord
from chalicelib.models.runbook import Runbook
from chalicelib.models.stack import Stack
from chalicelib.models.words import utc
from chalicelib.notify.channels import MemoryChannel
from chalicelib.observability import MemoryTelemetry
from chalicelib.signals.tie import StackKeys
from chalicelib.steps.step import (
    Pending,
)
from chalicelib.store.approvals import Approvals
from chalicelib.store.audit import Audit
from chalicelib.store.blobs import MemoryBlobs
from chalicelib.store.decisions import Decisions
from chalicelib.store.history import History
from chalicelib.store.incidents import Incidents
from chalicelib.store.ledgers import Ledgers
from chalicelib.store.runs import Runs
from tests.unit.flows.api_desk import Api
from tests.unit.flows.counting_table import CountingTable, Died
from tests.unit.flows.fake_steps import FakeSessions, LookProbe, MendAction, RiskyAction, judged
from tests.unit.flows.hooks_desk import Hooks

ACCOUNT = "111122223333"
OPS, BOSS, ROOT, GUEST = (f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("ops", "boss", "root", "guest"))
START = utc("2026-11-02T09:00:00+00:00")


def runbook(name: str = "mend", **changes: Any) -> Runbook:
    body: dict[str, Any] = {
        "runbook": name,
        "title": f"Mend what is sick ({name})",
        "on": [{"alarm": {"name": "prod-*"}}, {"manual": {}}],
        "autonomy": "auto",
        "guards": {
            "cooldown": "15m", "maxRuns": {"count": 3, "per": "6h"}, "blastRadius": {"tasks": "100%"},
            "standAside": ["busy", "freeze"],
        },
        "steps": [{"id": "look", "do": "fake.look"}, {"id": "mend", "do": "fake.mend"}],
        "verify": {"within": "10m", "hold": "1m", "every": "30s", "that": ["all_well"]},
        "tell": {"on": ["start", "end", "approval"]},
    }  # fmt: skip
    guards = {**body["guards"], **changes.pop("guards", {})}
    return Runbook.model_validate({**body, **changes, "guards": guards})


def stack(name: str = "prod", **changes: Any) -> Stack:
    body: dict[str, Any] = {
        "stack": name, "region": "eu-west-2", "account": ACCOUNT, "autonomy": "auto", "alarms": [f"{name}-*"],
        "ecs": {"cluster": f"{name}-cluster", "service": name},
    }  # fmt: skip
    return Stack.model_validate({**body, **changes})


class World:
    def __init__(self, *, runbooks: tuple[Runbook, ...] | None = None, stacks: tuple[Stack, ...] | None = None) -> None:
        self.items = {"a": "sick", "b": "well"}
        self.busy = False
        self.roles: dict[str, list[str]] = {"operator": [OPS], "approver": [BOSS], "admin": [ROOT]}
        self.loses: str | None = None
        self.probe_error: Exception | None = None
        self.plan_error: Exception | None = None
        self.script: dict[str, list[Any]] = {}
        self.applied: list[str] = []
        self.plans = self.reads = self._ids = 0
        self.clock = VirtualClock(START)
        self.table = CountingTable()
        self.driver = LocalDriver()
        self.channel = MemoryChannel()
        self.telemetry = MemoryTelemetry()
        self.sessions = FakeSessions()
        self.jitter = 0.5
        self.parts = self._wire(runbooks or (runbook(),), stacks or (stack(),))

    def _wire(self, runbooks: tuple[Runbook, ...], stacks: tuple[Stack, ...]) -> Parts:
        known = {one.stack: one for one in stacks}
        actions: tuple[MendAction, ...] = (MendAction(self), RiskyAction(self))
        ports = Ports(
            runs=Runs(self.table), approvals=Approvals(self.table), ledgers=Ledgers(self.table),
            incidents=Incidents(self.table), history=History(self.table), stacks=known,
            probes={"fake.look": LookProbe(self)},
            actions={action.name: action for action in actions},
            checks={
                check.name: check
                for check in (judged("all_well", lambda seen: seen.sick == 0), judged("busy", lambda seen: seen.busy))
            },
            sessions=self.sessions, http=None, jitter=lambda: self.jitter,
        )  # type: ignore[arg-type]  # fmt: skip
        return Parts(
            engine=ports, decisions=Decisions(self.table), archive=MemoryBlobs(),
            runbooks={one.runbook: one for one in runbooks}, matcher=Matcher.of(runbooks),
            stack_keys=StackKeys.of(stacks), channels={"log": self.channel}, driver=self.driver,
            telemetry=self.telemetry, limits=FleetLimits(stacks=10), own_account=ACCOUNT, clock=self.clock,
            audit=Audit(self.table), roles=Roles.of(self.roles), new_id=self._new_id,
        )  # fmt: skip

    def _new_id(self) -> str:
        self._ids += 1
        return f"n{self._ids:03d}"

    def with_parts(self, **changes: Any) -> None:
        self.parts = replace(self.parts, **changes)

    # -- what happens --------------------------------------------------------------------------

    def alarm(
        self, event: str = "e1", state: str = "ALARM", *, name: str = "prod-down", account: str = ACCOUNT,
        detail: dict[str, Any] | None = None, ago_s: int = 0,
    ) -> dict[str, Any]:  # fmt: skip
        at = (self.clock.now() - timedelta(seconds=ago_s)).isoformat().replace("+00:00", "Z")
        return {
            "version": "0", "id": event, "detail-type": "CloudWatch Alarm State Change", "source": "aws.cloudwatch",
            "account": account, "time": at, "region": "eu-west-2",
            "resources": [f"arn:aws:cloudwatch:eu-west-2:{account}:alarm:{name}"],
            "detail": {
                "alarmName": name, "state": {"value": state, "reason": "threshold crossed", "timestamp": at},
                **(detail or {}),
            },
        }  # fmt: skip

    def fire(self, event: str = "e1", **more: Any) -> Decision:
        return ingest(self.parts, self.alarm(event, **more))

    def resolve(self, event: str = "e9", **more: Any) -> Decision:
        return ingest(self.parts, self.alarm(event, "OK", **more))

    def sweep(self) -> Swept:
        return sweep(self.parts)

    def wait(self, **delta: float) -> None:
        self.clock.set(self.clock.now() + timedelta(**delta))

    # -- turning runs --------------------------------------------------------------------------

    def turn(self, run_id: str, *, worker: str | None = None, moves: int = 60) -> Next:
        """Until it sleeps or is over; a run that never does either is a loop."""
        for _ in range(moves):
            step = advance(self.parts, run_id, self.run(run_id).generation, worker or self._new_id())
            if step.kind != "advance":
                return step
        raise AssertionError(f"run {run_id} makes no end of moving: {self.run(run_id).status}")

    def once(self, run_id: str, worker: str | None = None) -> Next:
        return advance(self.parts, run_id, self.run(run_id).generation, worker or self._new_id())

    def finish(self, run_id: str, *, limit_s: int = 24 * 3600) -> Run:
        """Through its sleeps, until everything about its end is recorded."""
        end = self.clock.now() + timedelta(seconds=limit_s)
        while self.clock.now() <= end:
            step = self.turn(run_id)
            if step.kind != "sleep":
                return self.run(run_id)
            assert step.until is not None
            self.clock.set(max(step.until, self.clock.now()))
        raise AssertionError(f"run {run_id} is not over after {limit_s} s: {self.run(run_id)}")

    def until(self, run_id: str, done: Callable[[Run], bool], *, moves: int = 200) -> Run:
        """Move by move, through sleeps, until it is so."""
        for _ in range(moves):
            run = self.run(run_id)
            if done(run):
                return run
            step = self.once(run_id)
            if step.kind == "sleep" and step.until:
                self.clock.set(max(step.until, self.clock.now()))
        raise AssertionError(f"it never came to that: {self.run(run_id)}")

    # -- looking -------------------------------------------------------------------------------

    def run(self, run_id: str) -> Run:
        found = self.parts.engine.runs.get(run_id)
        assert found is not None
        return found

    def step(self, run_id: str, step_id: str = "mend") -> StepRecord:
        found = self.parts.engine.runs.step(run_id, step_id)
        assert found is not None
        return found

    def incident(self, decision: Decision) -> Incident:
        found = self.parts.engine.incidents.get(decision.parts[0].incident_id or "")
        assert found is not None
        return found

    def words(self, run_id: str) -> list[str]:
        return [moment.what for moment in self.parts.engine.runs.moments(run_id)]

    def texts(self, run_id: str) -> str:
        return "\n".join(moment.text for moment in self.parts.engine.runs.moments(run_id))

    def told(self) -> list[str]:
        return [summary.occasion for summary in self.channel.sent]

    def now(self) -> datetime:
        return self.clock.now()

    throttled = AwsUnavailable("fake:Mend", "ServiceUnavailable", "try again")
    pending = Pending(check_after_s=10, detail="under way")
    runbook = staticmethod(runbook)
    stack = staticmethod(stack)
    Died = Died


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def make_world() -> type[World]:
    return World


@pytest.fixture
def hooks(make_world):
    return Hooks(make_world)


@pytest.fixture
def api(world):
    return Api(world)
