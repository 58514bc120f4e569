"""A worker may die before or after any write: each effect happens once, nothing is left behind, the record is true.

The harness in steward/ does this to the shipped runbooks over a whole world; here it is a small one, so
that a mistake shows in a second.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.errors import EventInProgress, StewardError
from chalicelib.flows.approve import answer
from chalicelib.models.approval import ApprovalState
from chalicelib.models.decision import DecisionState, Outcome
from chalicelib.models.incident import IncidentState
from chalicelib.models.run import RunStatus, Verdict
from chalicelib.steps.step import Pending

LIMIT_S = 3 * 3600


def plain(world: Any) -> None:
    """One thing to mend."""


def two_slow_ones(world: Any) -> None:
    world.items = {"a": "sick", "b": "sick", "c": "well"}
    world.script = {"a": [Pending(check_after_s=10, detail="slow")], "b": [Pending(check_after_s=10, detail="slow")]}


def asks(world: Any) -> None:
    world.loses = "the users"


def stands_aside(world: Any) -> None:
    world.busy = True


SCENARIOS: list[Callable[[Any], None]] = [plain, two_slow_ones, asks, stands_aside]


def live(world: Any) -> None:
    """Everything that has to happen, by whoever is alive: redelivery, sweep, executions, people."""
    end = world.now() + timedelta(seconds=LIMIT_S)
    runs: set[tuple[str, int]] = set()
    while world.now() < end:
        turn_all(world, runs)
        people_answer(world)
        world.wait(seconds=60)
        if world.now().minute >= 20:
            world.busy = False
        if not runs and is_settled(world):
            return
        with suppress(EventInProgress):
            world.fire("e1")
        swept = world.sweep()
        assert not [failure for failure in swept.failed if "being decided" not in failure]


def people_answer(world: Any) -> None:
    for summary in world.channel.sent:
        approval = world.parts.engine.approvals.current(summary.run_id) if summary.occasion == "approval" else None
        if approval and approval.state is ApprovalState.PENDING:
            # The api is another process than the execution: its death loses a ring, which costs latency only.
            with suppress(world.Died):
                answer(world.parts, summary.run_id, approve=True, by="ada", reason="go on")


def turn_all(world: Any, runs: set[tuple[str, int]]) -> None:
    runs |= set(world.driver.due(world.now()))
    for run_id, generation in sorted(runs):
        if world.run(run_id).generation != generation:
            runs.discard((run_id, generation))
            continue
        step = world.turn(run_id)
        if step.kind == "succeed":
            runs.discard((run_id, generation))


def is_settled(world: Any) -> bool:
    decision = world.parts.decisions.get("e1")
    runs = world.parts.engine.runs.recent("prod").rows
    incidents = world.parts.engine.incidents.open_of("prod")
    quiet = all(one.state is IncidentState.QUIET for one in incidents)
    return bool(
        decision and decision.state is DecisionState.DECIDED and runs and quiet
        and all(not run.status.is_live and run.released.all_done for run in runs)
        and not any(run.status is RunStatus.STOPPED for run in runs[:1])
    )  # fmt: skip


def first_worker(world: Any) -> None:
    """Lives until the write that kills it; the world it leaves is what the others find."""
    runs: set[tuple[str, int]] = set()
    world.fire("e1")
    for _ in range(40):
        turn_all(world, runs)
        people_answer(world)
        if not runs:
            return
        world.wait(seconds=20)


def check(world: Any, where: str) -> None:
    engine = world.parts.engine
    runs = engine.runs.recent("prod").rows
    ledger, fleet = engine.ledgers.read("prod"), engine.ledgers.read_fleet()
    assert (ledger.active, ledger.outbox, fleet.active) == ((), (), ()), where
    mended = [run for run in runs if run.verdict is Verdict.VERIFIED]
    assert len(mended) == 1, f"{where}: {[(run.status, run.verdict, run.outcome) for run in runs]}"
    assert all(state == "well" for state in world.items.values()), where
    for run in runs:
        for record in engine.runs.steps(run.id):
            assert record.lease is None, where
            assert len(record.changes) == len(record.progress), where
    decision = world.parts.decisions.get("e1")
    assert decision.outcome is Outcome.RUN, f"{where}: {decision.outcome} {decision.parts}"
    assert decision.parts[0].run_id in {run.id for run in runs}, where
    assert decision.archived_at, where
    ended = [summary for summary in world.channel.sent if summary.occasion == "end" and summary.run_id == mended[0].id]
    assert ended, f"{where}: nobody was told"


def writes_of(make_world: Any, scenario: Callable[[Any], None]) -> int:
    world = make_world()
    scenario(world)
    first_worker(world)
    return int(world.table.writes)


@pytest.mark.parametrize("moment", ["die_before", "die_after"])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_s31_wherever_the_first_worker_dies_the_others_bring_it_to_its_end(make_world, scenario, moment):
    total = writes_of(make_world, scenario)
    assert total > 15
    for number in range(1, total + 1):
        world = make_world()
        scenario(world)
        setattr(world.table, moment, number)
        where = f"{scenario.__name__}, {moment} write {number}"
        try:
            first_worker(world)
        except world.Died as death:
            where += f" ({death})"
        except StewardError as error:
            pytest.fail(f"{where}: {error}")
        setattr(world.table, moment, None)
        live(world)
        check(world, where)


@pytest.mark.parametrize("scenario", [plain, two_slow_ones], ids=lambda scenario: scenario.__name__)
def test_a_worker_that_dies_around_a_write_never_makes_an_effect_twice(make_world, scenario):
    """`apply` may be called again for what was started; it is never called for what was not stored first."""
    for moment in ("die_before", "die_after"):
        for number in range(1, writes_of(make_world, scenario) + 1):
            world = make_world()
            scenario(world)
            setattr(world.table, moment, number)
            with suppress(world.Died):
                first_worker(world)
            plans = world.plans
            stored = {
                change.resource
                for run in world.parts.engine.runs.recent("prod").rows
                for record in world.parts.engine.runs.steps(run.id)
                for change, progress in zip(record.changes, record.progress, strict=True)
                if progress.state.value != "stored"
            }
            assert set(world.applied) <= stored, f"{moment} write {number}"
            assert plans <= 1, "planned anew, a restart would stop other tasks"
