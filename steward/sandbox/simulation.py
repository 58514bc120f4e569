"""Steward over a world: the product's own parts, wired to twins, turned by one virtual clock.

Demo, rehearsals, `--on sandbox` and the crash harness all drive this. Nothing in here decides
anything; it only carries events in, turns the agenda and lets time pass.
"""

import random
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING

from chalicelib.catalog.match import Matcher
from chalicelib.diagnosis.diagnose import Diagnoser
from chalicelib.engine.drivers import LocalDriver
from chalicelib.flows.advance import advance, lie_down
from chalicelib.flows.ingest import ingest
from chalicelib.flows.parts import Parts
from chalicelib.flows.sweep import Swept, sweep
from chalicelib.guards.roles import Roles
from chalicelib.models.decision import Decision
from chalicelib.models.ledger import FleetLimits
from chalicelib.models.run import Run
from chalicelib.models.runbook import Runbook
from chalicelib.models.stack import Stack
from chalicelib.net.database_login import NoDatabases
from chalicelib.net.directory_login import NoDirectories
from chalicelib.notify.channels import MemoryChannel
from chalicelib.observability import MemoryTelemetry
from chalicelib.signals.tie import StackKeys
from chalicelib.steps.senses import Senses
from chalicelib.steps.side_by_side import one_after_another
from chalicelib.store.audit import Audit
from chalicelib.store.blobs import MemoryBlobs
from chalicelib.store.decisions import Decisions
from chalicelib.store.memory import MemoryTable
from chalicelib.store.table import Table
from chalicelib.wiring import engine_ports, pinned
from steward.sandbox import place

if TYPE_CHECKING:
    from steward.sandbox.enforcement import Enforcement
    from steward.sandbox.own_functions import OwnFunctions
    from steward.sandbox.world import World

SWEEP_EVERY_S = 60
MOVES_AT_ONCE = 50
"""Moves without sleeping in between take no virtual time; more than this in a row is a loop."""


@cache
def _diagnoser() -> Diagnoser:
    """Read and compiled once a process, whatever the number of worlds."""
    from steward.cli.knowledge import read_knowledge

    return Diagnoser(read_knowledge())


class Simulation:
    def __init__(
        self,
        world: "World",
        runbooks: Mapping[str, Runbook],
        *,
        table: Table | None = None,
        seed: int = 0,
        enforcement: "Enforcement | None" = None,
        functions: "OwnFunctions | None" = None,
    ) -> None:
        """`enforcement`: every call with exactly the rights that are packaged; without it, with any.
        `functions`: whatever a function does is done by it, with its own rights; without them, by all in one."""
        self.world = world
        self.enforcement = enforcement
        self._functions = functions
        self.driver = functions.driver if functions else LocalDriver()
        self.channel = MemoryChannel()
        self.telemetry = MemoryTelemetry()
        self.decisions: list[Decision] = []
        self._evidence = MemoryBlobs()
        self.on_decision: Callable[[Decision], None] = lambda _decision: None
        self.on_move: Callable[[str], None] = lambda _run_id: None
        self._ids = 0
        self.asked_by_clock = False
        """Whether a schedule that fires once has fired: for those who drive this."""
        self._next_sweep = world.clock.now()
        if functions:
            self.parts = functions.observer
            return
        stack = enforcement.stack if enforcement else world.stack()
        self.parts = self._wire({stack.stack: stack}, pinned(runbooks), table or MemoryTable(), random.Random(seed))  # noqa: S311 - jitter, and it must be repeatable

    def _wire(
        self, stacks: Mapping[str, Stack], runbooks: Mapping[str, Runbook], table: Table, chance: random.Random
    ) -> Parts:
        from chalicelib.aws.sessions import StackSessions

        region = next(iter(stacks.values())).region
        given = self.enforcement.session if self.enforcement else lambda _region, _credentials: self.world.session()
        sessions = StackSessions(region, given)
        names = {name for stack in stacks.values() for listed in stack.channels.values() for name in listed}
        return Parts(
            engine=engine_ports(
                table,
                stacks,
                self._evidence,
                sessions=sessions,
                http=self.world.http,
                jitter=chance.random,
                senses=self._senses(),
            ),
            decisions=Decisions(table),
            archive=MemoryBlobs(),
            runbooks=runbooks,
            matcher=Matcher.of(runbooks.values()),
            stack_keys=StackKeys.of(stacks.values()),
            channels=dict.fromkeys(names, self.channel),
            driver=self.driver,
            telemetry=self.telemetry,
            limits=FleetLimits(stacks=len(stacks)),
            audit=Audit(table),
            roles=Roles.of(place.ROLES),
            own_account=place.ACCOUNT,
            clock=self.world.clock,
            new_id=self._new_id,
            webhooks=place.WEBHOOKS,
            secret_pair=place.webhook_secret,
        )

    def parts_of(self, function: str) -> Parts:
        """What that function does its work with; `parts` are for those who look on."""
        return self._functions.parts(function) if self._functions else self.parts

    def _senses(self) -> Senses:
        """Logins into the world, and nothing in threads: everything happens in the same order every time."""
        return Senses(
            databases=getattr(self.world, "databases", None) or NoDatabases(),
            directories=getattr(self.world, "directories", None) or NoDirectories(),
            in_network=True,
            fingerprint_key=b"sandbox",
            diagnoser=_diagnoser(),
            side_by_side=one_after_another,
            evidence=self._evidence,
            copies_at_once=0,
        )

    def _new_id(self) -> str:
        self._ids += 1
        return f"{self._ids:04d}"

    # -- time ----------------------------------------------------------------------------------

    def pass_time(self, seconds: int) -> None:
        """The world moves, its events arrive, what is due is done."""
        self.settle()
        self.world.advance(seconds)
        for event in self.world.take_events():
            self.deliver(event)
        if self.world.clock.now() >= self._next_sweep:
            self.sweep()
        self.settle()

    def run_until(self, done: Callable[[], bool], *, limit_s: int, tick_s: int = 5) -> bool:
        """Whether it came true within that much virtual time."""
        end = self.world.clock.now().timestamp() + limit_s
        while not done():
            if self.world.clock.now().timestamp() >= end:
                return False
            self.pass_time(tick_s)
        return True

    def deliver(self, event: object) -> Decision:
        return self.decided(ingest(self.parts_of("intake"), event))

    def decided(self, decision: Decision) -> Decision:
        """Keeps it for whoever watches; also those that people ask for, which come by no event."""
        self.decisions.append(decision)
        self.on_decision(decision)
        return decision

    def sweep(self) -> Swept:
        from datetime import timedelta

        self._next_sweep = self.world.clock.now() + timedelta(seconds=SWEEP_EVERY_S)
        return sweep(self.parts_of("sweep"))

    def settle(self) -> None:
        """Everything that can be done without time passing."""
        for _ in range(MOVES_AT_ONCE * 10):
            due = self.driver.due(self.world.clock.now())
            if not due:
                return
            for run_id, generation in due:
                self._turn(run_id, generation)

    def _turn(self, run_id: str, generation: int) -> None:
        for _ in range(MOVES_AT_ONCE):
            step = advance(self.parts_of("advance"), run_id, generation, f"worker-{self._new_id()}")
            self.on_move(run_id)
            if step.kind == "sleep" and step.until:
                if self._functions:  # the machine's Sleep; without it, nobody's bell hangs anywhere
                    lie_down(self.parts_of("advance"), run_id, step.version, f"bell-{self._new_id()}")
                self.driver.later(run_id, generation, step.until)
                return
            if step.kind != "advance":
                return
        self.driver.later(run_id, generation, self.world.clock.now())

    # -- looking -------------------------------------------------------------------------------

    def runs(self) -> list[Run]:
        """Oldest first."""
        found = [run for stack in self.parts.engine.stacks for run in self.parts.engine.runs.recent(stack).rows]
        return sorted(found, key=lambda run: (run.created_at, run.id))

    def is_over(self) -> bool:
        """Some run was made, every one has ended and is recorded, and no incident waits to be looked at again."""
        runs = self.runs()
        ledgers = [self.parts.engine.ledgers.read(stack) for stack in self.parts.engine.stacks]
        if any(ledger.active or ledger.outbox for ledger in ledgers):
            return False
        held = any(
            i.reconsider_at for stack in self.parts.engine.stacks for i in self.parts.engine.incidents.open_of(stack)
        )
        return bool(runs) and not held and all(not run.status.is_live and run.released.all_done for run in runs)
