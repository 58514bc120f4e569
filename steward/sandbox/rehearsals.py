"""Rehearsals: a runbook flown on the sandbox, written down as YAML, with what is expected of it.

    rehearsal: the one hanging task is replaced, and that is proved
    runbook: service-down
    world: {break: task-hangs}
    expect:
      outcome: run
      verdict: verified
      changes: [{operation: "ecs:StopTask", count: 1}]

The same engine, guards, checks and rights as in production (S21); only the clock is virtual.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from chalicelib.documents import read_yaml
from chalicelib.errors import DocumentError, DocumentErrors
from chalicelib.flows import approve, start, stop
from chalicelib.models.change import ChangeState
from chalicelib.models.decision import Outcome, SignalDecision
from chalicelib.models.run import Mode, Run, RunStatus, StepStatus, Verdict
from chalicelib.models.runbook import Runbook
from chalicelib.models.shape import YamlShape
from chalicelib.models.words import Duration, Name, StepId
from steward.packaging.rights_grants import Grant
from steward.sandbox.enforcement import Enforcement
from steward.sandbox.left_over import left_by_a_stopped_drill
from steward.sandbox.meanwhile import Meanwhile, happen
from steward.sandbox.scenarios import is_told
from steward.sandbox.seeded import copied_daily, taken_daily
from steward.sandbox.simulation import Simulation
from steward.sandbox.unlike import make_unlike
from steward.sandbox.world import World

BY = "rehearsal"
_AT_WORK = (RunStatus.RUNNING, RunStatus.SLEEPING)
Sentence = Annotated[str, StringConstraints(min_length=10, max_length=160)]


class WorldPart(YamlShape):
    """What happens around the runbook."""

    break_: str | None = Field(default=None, alias="break")
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    after: Duration = 0
    """After a start by hand is asked for only this long after the fault, so that it shows."""
    stopped: str | None = None
    """Somebody has stopped everything, with this reason."""
    unlike: tuple[str, ...] = ()
    """What the account has, and the usual one has not: names of unlike.py."""
    taken_daily: int = Field(default=0, ge=0, le=400)
    """For so many days Steward has taken a snapshot of the database a day."""
    copied_daily: int = Field(default=0, ge=0, le=400)
    """The newest so many of them were copied offsite."""
    drill_stopped: bool = False
    """A drill was stopped for good and has left its instances and its side copies, whose time is over."""


class ByHand(YamlShape):
    """A person starts it; events are not delivered before that."""

    inputs: dict[str, Any] = {}
    mode: Literal["live", "plan"] = "live"


class CountedChange(YamlShape):
    operation: str
    count: int = Field(ge=0)


class Expect(YamlShape):
    outcome: Outcome
    """Of the first decision that chose this runbook."""
    refused_by: str | None = None
    """A guard that did not pass in that decision."""
    status: RunStatus | None = None
    verdict: Verdict | None = None
    because: str | None = None
    """A part of the run's outcome, or of the decision's reasons where there is no run."""
    steps: dict[StepId, StepStatus] = {}
    changes: tuple[CountedChange, ...] = ()
    """Mutations that were really made in the account, by anything that Steward did; others are none."""
    runs: int | None = None


class Rehearsal(YamlShape):
    rehearsal: Sentence
    runbook: Name
    world: WorldPart = WorldPart()
    by_hand: ByHand | None = None
    answer: Literal["approve", "reject"] | None = None
    """What people say when they are asked; left out, they say nothing."""
    cancelled_in: StepId | None = None
    """Somebody cancels the run while this step has a Change in flight."""
    meanwhile: Meanwhile | None = None
    """What others do, once, while a step is at work."""
    lasts: Duration = 4 * 3600
    to_the_end: bool = False
    """Go on for all of `lasts`, since the trouble never settles."""
    expect: Expect

    @model_validator(mode="after")
    def _something_happens(self) -> "Rehearsal":
        if self.world.copied_daily > self.world.taken_daily:
            raise ValueError("copiedDaily is more than takenDaily: only what was taken can have been copied")
        if self.world.break_ is None and self.by_hand is None:
            raise ValueError("nothing happens in it: write `world: {break: FAULT}` or `byHand: {}`")
        return self


@dataclass(frozen=True)
class Flown:
    """What came of one rehearsal."""

    file: str
    case: Rehearsal
    problems: tuple[str, ...]
    run: Run | None
    virtual_s: int
    changes: Mapping[str, int] = field(default_factory=dict)
    used: frozenset[Grant] = frozenset()
    """The rights of the stack's roles that it needed (S21)."""

    @property
    def ok(self) -> bool:
        return not self.problems


def load_rehearsal(text: str | bytes, file: str) -> Rehearsal:
    return read_yaml(text, file).build(Rehearsal)


def find_rehearsals(folder: Path, runbook: str | None = None) -> list[tuple[str, Rehearsal]]:
    """`folder/RUNBOOK/CASE.yml`; a case that lies under another runbook's name is a mistake."""
    found: list[tuple[str, Rehearsal]] = []
    mistakes: list[DocumentError] = []
    for path in sorted(folder.glob(f"{runbook or '*'}/*.yml")):
        try:
            case = load_rehearsal(path.read_bytes(), str(path))
        except DocumentErrors as errors:
            mistakes += errors.errors
            continue
        if case.runbook != path.parent.name:
            mistakes.append(DocumentError(str(path), f"lies under {path.parent.name}", line=1, field="runbook"))
        found.append((str(path), case))
    if mistakes:
        raise DocumentErrors(mistakes)
    return found


def fly(file: str, case: Rehearsal, runbooks: Mapping[str, Runbook], seed: int = 0) -> Flown:
    with World.create(seed=seed, for_fault=case.world.break_) as world:
        iam = Enforcement.of(world, world.stack(), runbooks)
        sim = Simulation(world, runbooks, seed=seed, enforcement=iam)
        began = world.clock.now()
        _give_past(sim, case.world)
        if case.world.stopped:
            stop.stop(sim.parts_of("api"), stack=None, by=BY, reason=case.world.stopped)
        parts = _start(sim, case)
        _let_it_fly(sim, case)
        took = int((world.clock.now() - began).total_seconds())
        made = _mutations(world)
        decided = _first_of(sim, case, parts)
        run = next((run for run in reversed(sim.runs()) if run.runbook.runbook == case.runbook), None)
        problems = [*_judge_decision(case.expect, decided), *_judge_changes(case, made)]
        problems += _judge_run(sim, case.expect, run) if run else _judge_no_run(case.expect, decided)
        if case.expect.runs is not None and len(sim.runs()) != case.expect.runs:
            problems.append(f"{len(sim.runs())} runs, expected {case.expect.runs}")
        problems += [f"a right is missing: {why}" for why in dict.fromkeys(iam.denied)]
        return Flown(file, case, tuple(problems), run, took, made, frozenset(iam.used))


def _give_past(sim: Simulation, part: WorldPart) -> None:
    for name in part.unlike:
        make_unlike(sim.world, name)
    copied_daily(sim, taken_daily(sim, part.taken_daily)[: part.copied_daily])
    if part.drill_stopped:
        left_by_a_stopped_drill(sim)


def _start(sim: Simulation, case: Rehearsal) -> tuple[SignalDecision, ...]:
    if case.world.break_:
        sim.world.break_with(case.world.break_, **case.world.with_)
    if case.by_hand is None:
        return ()
    sim.world.advance(case.world.after)
    sim.world.take_events()
    request = start.Request(
        runbook=case.runbook,
        stack=sim.world.stack().stack,
        principal=BY,
        inputs=case.by_hand.inputs,
        mode=Mode(case.by_hand.mode),
    )
    return start.start(sim.parts_of("api"), request).parts


def _let_it_fly(sim: Simulation, case: Rehearsal) -> None:
    coming = [case.meanwhile] if case.meanwhile else []

    def over() -> bool:
        for event in coming[:]:
            if any(_is_in_flight(sim, run, event.in_step) for run in sim.runs()):
                coming.remove(event)
                happen(sim.world, event.happens)
        waiting = [run for run in sim.runs() if run.status is RunStatus.AWAITING_APPROVAL]
        for run in waiting if case.answer else ():
            approve.answer(sim.parts_of("api"), run.id, approve=case.answer == "approve", by=BY, reason="as rehearsed")
        for run in sim.runs() if case.cancelled_in else ():
            if run.status in _AT_WORK and _is_in_flight(sim, run, str(case.cancelled_in)):
                approve.cancel(sim.parts_of("api"), run.id, by=BY, reason="as rehearsed")
        if case.to_the_end or (waiting and case.answer):
            return False
        return sim.is_over() if case.by_hand else is_told(sim)

    # In rehearsal nobody waits for hours to see that a decision made no run: two minutes settle that.
    sim.run_until(over, limit_s=case.lasts if case.by_hand is None or sim.runs() else 120)


def _is_in_flight(sim: Simulation, run: Run, step: str) -> bool:
    records = sim.parts.engine.runs.steps(run.id)
    return any(one.state is ChangeState.STARTED for record in records if record.id == step for one in record.progress)


def _first_of(sim: Simulation, case: Rehearsal, by_hand: tuple[SignalDecision, ...]) -> SignalDecision | None:
    heard = [part for decision in sim.decisions for part in decision.parts]
    return next((part for part in (*by_hand, *heard) if part.runbook == case.runbook), None)


def _mutations(world: World) -> dict[str, int]:
    counts: dict[str, int] = {}
    for call in world.mutations():
        name = f"{call.service}:{call.operation}"
        counts[name] = counts.get(name, 0) + 1
    return counts


def _judge_decision(expect: Expect, part: SignalDecision | None) -> list[str]:
    if part is None:
        return ["no decision chose this runbook"]
    problems = []
    if part.outcome is not expect.outcome:
        problems.append(f"decided {part.outcome.value} ({'; '.join(part.reasons)}), expected {expect.outcome.value}")
    held_by = [guard.guard for guard in part.guards if not guard.passed]
    if expect.refused_by and expect.refused_by not in held_by:
        problems.append(f"held by {', '.join(held_by) or 'no guard'}, expected {expect.refused_by}")
    return problems


def _judge_no_run(expect: Expect, part: SignalDecision | None) -> list[str]:
    if expect.status or expect.verdict or expect.steps:
        return ["there is no run, expected one"]
    why = "; ".join(part.reasons) if part else ""
    return [f"because {why}; expected {expect.because!r} in it"] if expect.because and expect.because not in why else []


def _judge_run(sim: Simulation, expect: Expect, run: Run) -> list[str]:
    problems = []
    for name, got, wanted in (("status", run.status, expect.status), ("verdict", run.verdict, expect.verdict)):
        if wanted is not None and got is not wanted:
            problems.append(f"{name} {got.value if got else 'none'} ({run.outcome}), expected {wanted.value}")
    if expect.because and expect.because not in (run.outcome or ""):
        problems.append(f"because {run.outcome}; expected {expect.because!r} in it")
    records = {record.id: record for record in sim.parts.engine.runs.steps(run.id)}
    for step, wanted_status in expect.steps.items():
        got_status = records[step].status if step in records else None
        if got_status is not wanted_status:
            problems.append(
                f"step {step} {got_status.value if got_status else 'missing'}, expected {wanted_status.value}"
            )
    half = [r.id for r in records.values() for p in r.progress if p.state is ChangeState.STARTED]
    if half and run.verdict is Verdict.VERIFIED:
        problems.append(f"verified with half-done changes in {', '.join(half)}")
    return problems


def _judge_changes(case: Rehearsal, made: Mapping[str, int]) -> list[str]:
    wanted = {change.operation: change.count for change in case.expect.changes}
    return [
        f"{operation} was called {made.get(operation, 0)} times, expected {wanted.get(operation, 0)}"
        for operation in sorted({*wanted, *made})
        if made.get(operation, 0) != wanted.get(operation, 0)
    ]
