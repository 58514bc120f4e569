"""Lying down, without a machine: whatever comes between deciding to sleep and hanging up the bell is heard."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.engine.machine import StepFunctionsDriver
from chalicelib.errors import AwsDenied, AwsInvalid, AwsNotFound, AwsThrottled
from chalicelib.flows.advance import LONGEST_SLEEP_S, Next, hand_over, lie_down
from chalicelib.flows.parts import Parts
from chalicelib.models.run import Run
from chalicelib.observability import MemoryTelemetry
from chalicelib.store.memory import MemoryTable
from chalicelib.store.table import Item, Key
from steward.sandbox.simulation import Simulation
from steward.sandbox.world import START, World

TOKEN = "of this sleep"


class Ears:
    """A driver that only listens."""

    def __init__(self) -> None:
        self.rung: list[tuple[str, str | None]] = []
        self.started: list[tuple[str, int]] = []

    def start(self, run_id: str, generation: int) -> None:
        self.started.append((run_id, generation))

    def ring(self, run_id: str, token: str | None) -> None:
        self.rung.append((run_id, token))


class Interrupted(MemoryTable):
    """Somebody writes right after one read."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], object] | None = None

    def get(self, key: Key) -> Item | None:
        found = super().get(key)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile:
            meanwhile()
        return found


class Bedroom:
    def __init__(self, world: World, shipped) -> None:
        self.world, self.table, self.ears = world, Interrupted(), Ears()
        simulation = Simulation(world, shipped, table=self.table)
        self.parts: Parts = replace(simulation.parts, driver=self.ears)
        self.runs = self.parts.engine.runs
        runbook, stack = shipped["service-down"], world.stack()
        fresh = Run(
            id="r-1", event_id="e-1", started_by="ada", stack=stack.stack, stack_version=stack.version,
            runbook=runbook, runbook_hash=runbook.content_hash,
            created_at=START, changed_at=START, wake_at=START + timedelta(minutes=5),
        )  # fmt: skip
        self.decided = self.runs.create(fresh)[0]

    def lie_down(self, token: str = TOKEN) -> Run | None:
        lie_down(self.parts, self.decided.id, self.decided.version, token)
        return self.runs.get(self.decided.id)

    @property
    def rung(self) -> list[str | None]:
        return [token for _, token in self.ears.rung]


@pytest.fixture
def bedroom(shipped) -> Iterator[Bedroom]:
    with World.create() as world:
        yield Bedroom(world, shipped)


def test_the_bell_hangs_on_the_run_that_was_decided_on(bedroom):
    run = bedroom.lie_down()
    assert run.token == TOKEN
    assert bedroom.rung == []


def test_lying_down_counts_as_a_move_and_leaves_the_rest_as_it_was(bedroom):
    run = bedroom.lie_down()
    same = {"token": None, "moves": bedroom.decided.moves, "version": bedroom.decided.version}
    assert run.moves == bedroom.decided.moves + 1
    assert run.model_copy(update=same) == bedroom.decided


@pytest.mark.parametrize(
    "comes",
    [
        lambda runs, now: runs.ring("r-1", now),
        lambda runs, now: runs.request_cancel("r-1", "ada", "no"),
    ],
    ids=["a ring", "a cancel"],
)
class TestSomethingComes:
    def test_between_the_decision_and_the_bell_it_rings_itself(self, bedroom, comes):
        comes(bedroom.runs, START)
        run = bedroom.lie_down()
        assert bedroom.rung == [TOKEN]
        assert run.woken
        assert run.token is None

    def test_between_its_own_read_and_write_it_rings_itself_too(self, bedroom, comes):
        bedroom.table.meanwhile = lambda: comes(bedroom.runs, START)
        run = bedroom.lie_down()
        assert bedroom.rung == [TOKEN]
        assert run.woken
        assert run.token is None

    def test_after_the_bell_hangs_whoever_brings_it_gets_the_token(self, bedroom, comes):
        bedroom.lie_down()
        assert comes(bedroom.runs, START).token == TOKEN
        assert bedroom.rung == []


def test_an_older_generation_does_not_lie_down(bedroom):
    hand_over(bedroom.parts, bedroom.decided)
    run = bedroom.lie_down()
    assert bedroom.ears.started == [("r-1", 2)]
    assert bedroom.rung == [TOKEN]
    assert run.token is None


def test_of_two_that_would_hand_a_run_over_one_starts_the_next_generation(bedroom):
    assert hand_over(bedroom.parts, bedroom.decided).kind == "succeed"
    assert hand_over(bedroom.parts, bedroom.decided).kind == "advance"
    assert bedroom.ears.started == [("r-1", 2)]


def test_a_worker_that_comes_too_late_leaves_the_bell_of_the_next_sleep(bedroom):
    hung = bedroom.lie_down("of the next sleep")
    assert bedroom.lie_down("of a sleep that is over") == hung
    assert bedroom.rung == ["of a sleep that is over"]


def test_the_same_sleep_delivered_twice_hangs_one_bell(bedroom):
    assert bedroom.lie_down() == bedroom.lie_down()
    assert bedroom.rung == []


def test_who_should_be_awake_by_now_does_not_lie_down(bedroom):
    bedroom.world.advance(300)
    assert bedroom.lie_down().token is None
    assert bedroom.rung == [TOKEN]


def test_a_run_that_nobody_knows_is_not_slept_on(bedroom):
    lie_down(bedroom.parts, "r-nobody", 1, TOKEN)
    assert bedroom.ears.rung == [("r-nobody", TOKEN)]


@pytest.mark.parametrize(
    ("left", "seconds"),
    [(-3.0, 1), (0.0, 1), (0.2, 1), (29.1, 30), (30.0, 30), (3600.5, LONGEST_SLEEP_S), (86400.0 * 7, LONGEST_SLEEP_S)],
)
def test_a_sleep_is_whole_seconds_never_too_short_and_not_for_ever(left, seconds):
    """Rounded down it would wake too early, find nothing to do, and lie down again."""
    state = Next("sleep", "r-1", 1, START + timedelta(seconds=left), 7).as_state(START)
    assert state == {"next": "sleep", "run_id": "r-1", "generation": 1, "version": 7, "seconds": seconds}


@pytest.mark.parametrize(
    ("error", "level"), [(AwsThrottled, "warning"), (AwsDenied, "warning"), (AwsNotFound, "info"), (AwsInvalid, "info")]
)
def test_a_lost_ring_holds_nobody_up_and_is_told(error, level):
    class Deaf:
        def send_task_success(self, token, output):
            raise error("states:SendTaskSuccess", "Code", "no")

    telemetry = MemoryTelemetry()
    StepFunctionsDriver(Deaf(), "arn", telemetry).ring("r-1", TOKEN)
    (line,) = telemetry.notes
    assert (line["level"], line["facts"]["run_id"]) == (level, "r-1"), "nobody waits for it, and it is seen"
    assert "states:SendTaskSuccess" in line["facts"]["error"]


def test_nobody_is_rung_without_a_token():
    StepFunctionsDriver(None, "arn", MemoryTelemetry()).ring("r-1", None)
