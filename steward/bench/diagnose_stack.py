"""A full diagnosis against its slowest probe: side by side they take as long as the slowest, and little more.

The real `mlflow.diagnose` reads a world with its real probes and real signatures. Each probe waits before it
reads, for as long as an answer over the network takes: one of them 300 ms, the others 50 to 200.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chalicelib.diagnosis.diagnose import Diagnoser
from chalicelib.errors import StewardError
from chalicelib.steps.probes.db_connect import Connect
from chalicelib.steps.probes.mlflow_diagnose import READERS, Diagnose, DiagnoseParams
from chalicelib.steps.side_by_side import in_threads
from chalicelib.steps.step import Output, Params, Probe, StepContext
from steward.bench.figures import Figure, median_ratio
from steward.cli.knowledge import read_knowledge

if TYPE_CHECKING:
    from steward.sandbox.world import World

SLOWEST_S, SHORTEST_S, LONGEST_S = 0.3, 0.05, 0.2
FAULT, CAUSE = "password-rotated", "db.auth_failed"
ROUNDS, LIMIT = 5, 1.3


class _Waiting(Probe[Any, Any]):
    """A real probe behind a known delay; notes how long it took in all."""

    def __init__(self, probe: Probe[Any, Any], waits_s: float, took: dict[str, float]) -> None:
        self._probe, self._waits_s, self._took = probe, waits_s, took
        self.name = probe.name  # type: ignore[misc]  # of the instance: there is one for every probe
        self.Params = probe.Params  # type: ignore[misc]  # the same

    def read(self, ctx: StepContext, params: Params) -> Output:
        begun = time.perf_counter()
        time.sleep(self._waits_s)
        output: Output = self._probe.read(ctx, params)
        self._took[self.name] = time.perf_counter() - begun
        return output


def diagnosis_ratio() -> Figure:
    from steward.sandbox.world import World

    with World.create(seed=0, for_fault=FAULT) as world:
        world.advance(60)
        world.break_with(FAULT)
        world.advance(300)
        return _measured(_context(world))


def _measured(ctx: StepContext) -> Figure:
    alone: dict[str, float] = {}
    diagnose = _slow(alone)
    _ask(diagnose, ctx)  # makes the clients, compiles what the log needs
    pairs, one_by_one = [], 0.0
    for _ in range(ROUNDS):
        slowest = _slowest_alone(diagnose, ctx, alone)
        one_by_one = sum(alone.values())
        pairs.append((_timed(lambda: _ask(diagnose, ctx)), slowest))
    whole, slowest = min(pairs)
    detail = (
        f"{whole * 1000:.0f} ms against {slowest * 1000:.0f} ms of the slowest alone, at best; "
        f"{len(READERS)} probes, one after another {one_by_one * 1000:.0f} ms; {CAUSE} found every time"
    )
    return Figure("diagnosis", median_ratio(pairs), "times its slowest probe", LIMIT, detail)


def _slow(took: dict[str, float]) -> Diagnose:
    """db.connect is the slow one, as it is in life; the others are spread evenly."""
    others = [probe for probe in READERS if not isinstance(probe, Connect)]
    step = (LONGEST_S - SHORTEST_S) / (len(others) - 1)
    waits = {probe.name: SHORTEST_S + step * number for number, probe in enumerate(others)} | {Connect.name: SLOWEST_S}
    diagnose = Diagnose()
    diagnose.parts = tuple(_Waiting(probe, waits[probe.name], took) for probe in READERS)  # type: ignore[misc]
    return diagnose


def _slowest_alone(diagnose: Diagnose, ctx: StepContext, took: dict[str, float]) -> float:
    """With nothing beside it."""
    for probe in diagnose.parts:
        probe.read(ctx, probe.Params())
    return max(took.values())


def _ask(diagnose: Diagnose, ctx: StepContext) -> None:
    output = diagnose.read(ctx, DiagnoseParams())
    if output.cause != CAUSE or output.blind:
        raise StewardError(f"the diagnosis says {output.cause} instead of {CAUSE}; not read: {output.blind}")


def _timed(work: Callable[[], None]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _context(world: "World") -> StepContext:
    from chalicelib.aws.gateways import Aws

    return StepContext(
        stack=world.stack(),
        run_id="bench",
        step_id="diagnose",
        now=world.clock.now(),
        aws=Aws(world.session(), world.region, read_only=True),
        http=world.http,
        databases=world.databases,
        directories=world.directories,
        in_network=True,
        fingerprint_key=b"bench",
        diagnoser=Diagnoser(read_knowledge()),
        side_by_side=in_threads,
    )
