"""The crash harness: kills the worker before and after every AWS call and every store write of a run.

At each such point the process forks. The child dies there like a worker does, lets others go on
(half of the time by a retry, half of the time only by sweep), and checks: the run ends, each effect
happened once, no slot, lease or outbox is left, and the record says what was done. The parent goes
on unharmed to the next point. Points that repeat a situation already covered are counted, not run.
"""

import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from chalicelib.aws.plan_mode import is_read_only
from chalicelib.models.change import ChangeState
from chalicelib.store.memory import MemoryTable
from chalicelib.store.table import Item, Key
from steward.sandbox.crash_backups import backup_problems, quarters
from steward.sandbox.crash_copies import copy_problems, is_copying
from steward.sandbox.crash_drills import drill_problems, is_of_history, is_sample
from steward.sandbox.crash_effects import REGISTERS, effect, effects_of, is_move, moved_wrongly
from steward.sandbox.crash_objects import FragileHttp, is_many, tracking_problems
from steward.sandbox.simulation import Simulation

AT_ONCE = 2
LIMIT_S = 6 * 3600
REPEATS = 1
"""How often the same situation is killed; polling would repeat it hundreds of times."""
REDELIVERED_AFTER_S = 65


class KilledError(BaseException):
    """Not an Exception: no boundary of the product may catch the death of its own process."""


@dataclass
class Report:
    scenario: str
    points: int = 0
    situations: int = 0
    """Different ones among the points."""
    covered: int = 0
    problems: list[str] = field(default_factory=list)


class Points:
    """Where a worker can die. Armed only while the product works."""

    def __init__(self, scenario: str, every: int = 1) -> None:
        """`every`: kills in each n-th situation only. All of them are the proof; some of them are quick."""
        self.report = Report(scenario)
        self._every = every
        self.armed = False
        self.situation: Callable[[], str] = lambda: ""
        self.is_child = False
        self.number = 0
        self._seen: Counter[str] = Counter()
        self._children: dict[int, tuple[int, str]] = {}

    def at(self, label: str) -> None:
        if not self.armed or self.is_child:
            return
        self.report.points += 1
        self.number = self.report.points
        mark = f"{label} in {self.situation()}"
        self._seen[mark] += 1
        if self._seen[mark] > REPEATS:
            return
        self.report.situations += 1
        if self.report.situations % self._every:
            return
        self.report.covered += 1
        self._fork(mark)

    def _fork(self, mark: str) -> None:
        while len(self._children) >= AT_ONCE:
            self._reap()
        read_end, write_end = os.pipe()
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            os.close(read_end)
            self.is_child, self._answer = True, write_end
            raise KilledError(mark)
        os.close(write_end)
        self._children[pid] = (read_end, mark)

    def _reap(self) -> None:
        pid, status = os.waitpid(-1, 0)
        read_end, mark = self._children.pop(pid)
        with os.fdopen(read_end, "rb") as pipe:
            text = pipe.read()
        if os.waitstatus_to_exitcode(status) != 0 or not text:
            self.report.problems.append(f"killed {mark}: the survivor broke down")
            return
        self.report.problems += [f"killed {mark}: {problem}" for problem in json.loads(text)]

    def finish(self) -> None:
        while self._children:
            self._reap()

    def answer(self, problems: list[str]) -> None:
        """The child's last words."""
        os.write(self._answer, json.dumps(problems).encode())
        os.close(self._answer)
        os._exit(0)


class FragileTable(MemoryTable):
    """Dies before and after each write."""

    def __init__(self, points: Points) -> None:
        super().__init__()
        self._points = points

    def create(self, item: Item) -> Item | None:
        self._points.at(f"before create {_kind(item.key)}")
        done = super().create(item)
        self._points.at(f"after create {_kind(item.key)}")
        return done

    def replace(self, item: Item) -> Item:
        self._points.at(f"before write {_kind(item.key)}")
        done = super().replace(item)
        self._points.at(f"after write {_kind(item.key)}")
        return done


def _kind(key: Key) -> str:
    return f"{key.pk.partition('#')[0]}/{key.sk.partition('#')[0]}"


class FragileSimulation(Simulation):
    """Workers that may die, and what AWS does then: redeliver, retry, or nothing at all."""

    def __init__(self, *args: Any, points: Points, **kwargs: Any) -> None:
        world = args[0]
        world.http = FragileHttp(world.http, points.at)
        super().__init__(*args, **{"table": FragileTable(points), **kwargs})
        self.points = points
        self._again: list[tuple[datetime, object]] = []
        points.situation = self._situation
        events = self.world.session().events
        events.register_first("before-call", lambda model, **_: self._call("before", model))
        events.register_last("after-call", lambda model, **_: self._call("after", model))
        self.world.s3_wire.on_call = self._lane_call

    def _call(self, when: str, model: Any) -> None:
        service, name = str(model.service_model.service_name), str(model.name)
        if service == "s3":
            self._lane_call(when, name)
            return
        # Between two reads nothing has changed anywhere: dying at one is dying at the other.
        self.points.at(f"{when} a read" if is_read_only(service, name) else f"{when} {service}:{name}")

    def _lane_call(self, when: str, operation: str) -> None:
        """Each copy is another situation: so many of them are made by then."""
        made = len(self.world.s3_wire.troubles.copies)
        read = is_read_only("s3", operation)
        self.points.at(f"{when} a read" if read else f"{when} s3:{operation} after {made} copies")

    def _situation(self) -> str:
        runs = self.runs()
        if not runs:
            return "no run yet"
        run = runs[-1]
        steps = ",".join(f"{r.id}:{r.status.value}{quarters(r)}" for r in self.parts.engine.runs.steps(run.id))
        return f"{run.runbook.runbook} {run.status.value} {steps} {run.released.model_dump_json()}"

    def deliver(self, event: object) -> Any:
        try:
            return self._working(lambda: Simulation.deliver(self, event))
        except KilledError:
            self._again.append((self.world.clock.now() + timedelta(seconds=REDELIVERED_AFTER_S), event))

    def sweep(self) -> Any:
        try:
            return self._working(lambda: Simulation.sweep(self))
        except KilledError:
            return None  # the next one comes in a minute

    def _turn(self, run_id: str, generation: int) -> None:
        try:
            self._working(lambda: Simulation._turn(self, run_id, generation))
        except KilledError:
            if self.points.number % 2:  # else nobody retries, and sweep must find it
                self.driver.later(run_id, generation, self.world.clock.now())

    def _working(self, work: Callable[[], Any]) -> Any:
        self.points.armed = True
        try:
            return work()
        finally:
            self.points.armed = False

    def pass_time(self, seconds: int) -> None:
        now = self.world.clock.now()
        late, self._again = [e for e in self._again if e[0] <= now], [e for e in self._again if e[0] > now]
        for _, event in late:
            self.deliver(event)
        super().pass_time(seconds)


def fly(
    simulation: FragileSimulation,
    act: Callable[[Simulation], bool] | None = None,
    also: Callable[[], list[str]] = list,
) -> Report:
    """Runs the broken world to its end, dying everywhere. `act` is what people do on the way, `also` what
    else is wrong in the end."""
    points = simulation.points

    def ended() -> bool:
        acted = act(simulation) if act else True
        return acted and simulation.is_over() and not _reserved(simulation)

    over = simulation.run_until(ended, limit_s=LIMIT_S)
    problems = check(simulation, over=over) + also()
    if points.is_child:
        points.answer(problems)
    points.finish()
    points.report.problems += [f"unharmed: {problem}" for problem in problems]
    return points.report


def check(simulation: Simulation, *, over: bool) -> list[str]:
    """What must be true however often a worker died."""
    problems: list[str] = []
    if not over:
        problems.append("it did not come to an end")
    ledgers = simulation.parts.engine.ledgers
    for stack in simulation.parts.engine.stacks:
        ledger = ledgers.read(stack)
        problems += [f"slot left: {slot.run_id}" for slot in ledger.active]
        problems += [f"outbox left: {entry.run_id}" for entry in ledger.outbox]
    problems += [f"reservation left: {run_id}" for run_id in _reserved(simulation)]
    for run in simulation.runs():
        records = simulation.parts.engine.runs.steps(run.id)
        problems += [f"lease left on {record.id}" for record in records if record.lease]
        if run.status.is_live or not run.released.all_done:
            problems.append(f"run {run.id} is {run.status.value}")
        if not any(moment.what in {"verdict", "ended"} for moment in simulation.parts.engine.runs.moments(run.id)):
            problems.append(f"the timeline of {run.id} has no end")
    of_data = backup_problems(simulation) + tracking_problems(simulation) + copy_problems(simulation)
    of_data += drill_problems(simulation)
    return problems + _effects(simulation) + of_data


def _reserved(simulation: Simulation) -> list[str]:
    """Of whom a slot of the account is still kept; one whose maker died must have expired by itself."""
    fleet, now = simulation.parts.engine.ledgers.read_fleet(), simulation.world.clock.now()
    return [entry.run_id for entry in fleet.active if entry.until > now]


def _effects(simulation: Simulation) -> list[str]:
    """Each recorded Change was made, each made one is recorded, and none was made twice over."""
    recorded: Counter[str] = Counter()
    many = False
    for run in simulation.runs():
        for record in simulation.parts.engine.runs.steps(run.id):
            for change, progress in zip(record.changes, record.progress, strict=True):
                if is_of_history(change.operation):
                    continue
                copies = is_copying(change.operation, change.parameters) or is_sample(change.parameters)
                if copies or is_many(change.operation, change.parameters):
                    many = True
                elif progress.state in {ChangeState.DONE, ChangeState.STARTED}:
                    recorded.update(effects_of(change.operation, change.parameters, run.id))
    called = Counter(effect(f"{call.service}:{call.operation}", call.params) for call in simulation.world.mutations())
    if many:  # their objects are counted one by one by the case itself
        called = Counter({each: n for each, n in called.items() if not each.startswith(("s3:", "kms:"))})
    problems = []
    if REGISTERS in recorded:  # one Change: a new revision, and the service moved onto it
        problems = moved_wrongly(recorded, called)
        recorded, called = (Counter({e: n for e, n in of.items() if not is_move(e)}) for of in (recorded, called))
    problems += [f"recorded but not made: {each}" for each in recorded if each not in called]
    problems += [f"made but not recorded: {each}" for each in called if each not in recorded]
    # Stopping a stopped task or setting the same count again changes nothing; a second deployment would.
    once_only = ("forceNewDeployment", REGISTERS, "rds:Create", "rds:Copy", "rds:Restore")
    twice = [e for e, n in called.items() if any(word in e for word in once_only) and n > recorded[e]]
    return problems + [f"made twice: {each}" for each in twice]
