"""Where a command finds a Steward to talk to: the sandbox that is up, or a fresh world in this process.

--on sandbox          the one that is up, else a fresh and healthy world
--on sandbox:FAULT    always a fresh world, broken with FAULT
--on aws[:STAGE]       a deployed stage of this account and region, over its HTTP API
--on URL              any stage, or the API of a sandbox that is up
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import click

from chalicelib.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from chalicelib.models.runbook import Runbook
    from steward.sandbox.simulation import Simulation

Json = dict[str, Any]
POLL_S = 0.5

on_option = click.option(
    "--on",
    "where",
    default="sandbox",
    show_default=True,
    metavar="sandbox[:FAULT]|aws[:STAGE]|URL",
    help="Which world to talk to: the sandbox that is up (else a fresh one), or a fresh one with a fault.",
)
runbooks_option = click.option("--runbooks", "runbooks_dir", metavar="DIR", help="Runbooks of a fresh world.")

SHOWS_AFTER_S = 240
"""Virtual seconds until a fault shows in alarms and targets."""


class Desk(Protocol):
    fresh: bool
    """This process made the world and is the only one that lets its time pass."""

    def ask(self, operation: str, **arguments: object) -> Json: ...


class LocalDesk:
    def __init__(self, sim: "Simulation") -> None:
        self.sim = sim
        self.fresh = True

    def ask(self, operation: str, **arguments: object) -> Json:
        return carry_out(self.sim, operation, arguments)


def carry_out(sim: "Simulation", operation: str, arguments: "Mapping[str, object]") -> Json:
    import inspect

    from steward.cli.operations import OPERATIONS

    work = OPERATIONS.get(operation)
    if work is None:
        raise InputError(f"there is no operation {operation!r}; known: {', '.join(OPERATIONS)}")
    try:
        inspect.signature(work).bind(sim, **arguments)
    except TypeError as error:
        raise InputError(f"{operation}: {error}") from error
    return work(sim, **arguments)


def watch(
    desk: Desk,
    run_id: str,
    tell: Callable[[Json], None] = lambda _moment: None,
    show_progress: Callable[[Json | None], None] = lambda _progress: None,
) -> None:
    """Hands on the timeline as it grows, and how far long work is; returns when the run is over or waits."""
    if desk.fresh:
        desk.ask("drive", run=run_id)
    seq = 0
    while True:
        news = desk.ask("watch", run=run_id, after=seq)
        seq = news["moments"][-1]["seq"] if news["moments"] else seq
        for moment in news["moments"]:
            tell(moment)
        show_progress(news.get("progress"))
        if news["over"] or news["run"]["status"] == "awaiting_approval":
            return
        time.sleep(POLL_S)


Shown = Callable[["Simulation", str], None]
"""What to do with a fresh world that is to be broken: simulation, name of the fault."""


@contextmanager
def open_desk(where: str, runbooks_dir: str | None = None, shown: Shown | None = None) -> Iterator[Desk]:
    """`shown` prepares a fresh world that has a fault; without it, the fault's story is told to its end,
    so that there is something to look at."""
    kind, _, fault = where.partition(":")
    if kind != "sandbox":
        yield _stage(where)
        return
    from steward.cli.remote import find_remote

    remote = None if fault else find_remote()
    if remote is not None:
        yield remote
        return
    with fresh_simulation(runbooks_dir, fault=fault or None) as sim:
        if fault:
            (shown or play)(sim, fault)
        yield LocalDesk(sim)


@contextmanager
def fresh_simulation(
    runbooks_dir: str | None = None,
    *,
    runbooks: "Mapping[str, Runbook] | None" = None,
    seed: int = 0,
    start: "datetime | None" = None,
    fault: str | None = None,
) -> "Iterator[Simulation]":
    """`fault` breaks nothing yet: it lets the stack have from the start what that fault needs."""
    from steward.cli.folders import read_runbooks
    from steward.sandbox.simulation import Simulation
    from steward.sandbox.world import START, World

    known = runbooks if runbooks is not None else read_runbooks(runbooks_dir)
    with World.create(seed=seed, start=start or START, for_fault=fault) as world:
        yield Simulation(world, known, seed=seed)


def play(sim: "Simulation", fault: str) -> None:
    """Break it, and let Steward do what it does; whoever it asks does not answer."""
    from steward.sandbox.scenarios import NOTHING_CAME_S, SCENARIOS, WELL_FOR_S, begin, is_told

    lasts = next((each for each in SCENARIOS.values() if each.fault == fault), None)
    sim.pass_time(WELL_FOR_S)
    sim.world.break_with(fault)
    if lasts and lasts.by_hand:
        sim.run_until(lambda: False, limit_s=lasts.by_hand.after_s)
        begin(sim, lasts)
    if lasts and lasts.to_the_end:
        sim.run_until(lambda: False, limit_s=lasts.lasts_s)
        return
    if sim.run_until(lambda: bool(sim.runs()), limit_s=NOTHING_CAME_S):
        sim.run_until(lambda: is_told(sim), limit_s=lasts.lasts_s if lasts else NOTHING_CAME_S)


def let_it_show(sim: "Simulation", fault: str) -> None:
    """Break it and wait until it shows, but tell Steward nothing: somebody else is going to act."""
    sim.world.break_with(fault)
    sim.world.advance(SHOWS_AFTER_S)
    sim.world.take_events()


def principal() -> str:
    """Who asks, for the record. In a sandbox nobody checks it."""
    import getpass

    try:
        return f"cli/{getpass.getuser()}"
    except (KeyError, OSError):  # no such user on this machine: containers do that
        return "cli/unknown"


def _stage(where: str) -> Desk:
    """`aws` is the stage that this account and region have; `aws:STAGE` where there are several."""
    from steward.cli.api_desk import ApiDesk

    if where.startswith(("http://", "https://")):
        return ApiDesk(where)
    if where.partition(":")[0] == "aws":
        from steward.cli.find_stage import address_of

        return ApiDesk(address_of(where.partition(":")[2] or None))
    raise InputError(f"--on {where}: write sandbox, sandbox:FAULT, aws, aws:STAGE or the URL of a stage")
