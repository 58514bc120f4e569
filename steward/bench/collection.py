"""Retention, gc and the proof after it, on 5,000 runs with 50,000 objects: requests, memory, and what is left.

The minimum is what cannot be done without: each page of runs, versions and keys once for each of the three
passes (which are old, which were deleted, what is left), and one request for each deletion.
"""

import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from math import ceil
from typing import Any

from chalicelib.aws.gateways import Aws
from chalicelib.aws.s3_objects import S3Objects, StoredObject
from chalicelib.errors import StewardError
from chalicelib.models.change import Change, ChangeProgress
from chalicelib.steps.actions.ecs_run_one_off_task import RunOneOffTask
from chalicelib.steps.actions.mlflow_delete_runs import DeleteRuns
from chalicelib.steps.artifact_places import Place
from chalicelib.steps.mlflow_api import PAGE, MlflowApi
from chalicelib.steps.orphan_scan import read_known, scan
from chalicelib.steps.probes.mlflow_verify_gone import VerifyGone
from chalicelib.steps.step import Action, NoParams, Pending, StepContext
from chalicelib.store.blobs import MemoryBlobs
from chalicelib.store.history import History
from chalicelib.store.memory import MemoryTable
from steward.bench.figures import Figure
from steward.sandbox import place
from steward.sandbox.tracking import key_of
from steward.sandbox.world import World

RUNS, EXPERIMENTS, OBJECTS, LARGE, LARGE_OBJECTS = 5_000, 5, 50_000, 8, 2_506
REQUESTS_LIMIT, MEMORY_LIMIT = 1.1, 1.3
_KEYS_A_PAGE = 1000


@dataclass
class _Bench:
    world: World
    made: list[tuple[Change, ChangeProgress]] = field(default_factory=list)
    history: History = field(default_factory=lambda: History(MemoryTable()))
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)

    def ctx(self) -> StepContext:
        return StepContext(
            stack=self.world.stack(),
            run_id="r-0123456789ab",
            step_id="bench",
            now=self.world.clock.now(),
            aws=Aws(self.world.session(), place.REGION),
            http=self.world.http,
            history=self.history,
            evidence=self.blobs,
            made=lambda: tuple(self.made),
        )

    def carry_out(self, action: Action[Any], **params: Any) -> None:
        for change in action.plan(self.ctx(), action.Params.model_validate(params)):
            action.look(self.ctx(), change)
            progress = ChangeProgress()
            applied = action.apply(self.ctx(), change, progress)
            while isinstance(applied, Pending):
                progress = progress.model_copy(update={"checkpoint": applied.checkpoint or progress.checkpoint})
                self.world.advance(applied.check_after_s)
                applied = action.apply(self.ctx(), change, progress)
            self.made.append((change, progress))

    def requests(self) -> int:
        """Of Steward: to MLflow's API and to the bucket."""
        return len(self.world.server.asked) + sum(call.service == "s3" for call in self.world.calls)


def gc_figures() -> Iterator[Figure]:
    with World.create() as world:
        doomed = _fill(world, OBJECTS)
        kept = {key for key in _keys(world) if not any(run in key for run in doomed)}
        bench = _Bench(world)
        bench.carry_out(DeleteRuns(), olderThanDays=365, most=RUNS)
        bench.made.clear()
        # Deleted 200 days ago, as if that time had passed: virtual days would tick for minutes. What Steward noted a
        # moment ago of its own deletions would keep gc from all of them, so that goes too.
        bench.history = History(MemoryTable())
        for run in doomed:
            world.tracking.delete_run(run, world.clock.now())
            world.tracking.runs[run].deleted_at = 1
        bench.carry_out(RunOneOffTask(), verb="gc", olderThanDays=90, most=RUNS)
        proof = VerifyGone().read(bench.ctx(), NoParams())
        left = set(_keys(world))
        asked, least = bench.requests(), _least(len(doomed), len(kept))
        wrong = len(left - kept) + len(kept - left) + (proof.asked - proof.gone)
    said = (
        f"{asked} requests, {least} at least: {RUNS} runs, {OBJECTS} objects, {len(doomed)} runs deleted and collected"
    )
    yield Figure("gc_requests", round(asked / least, 3), "times the minimum", REQUESTS_LIMIT, said)
    detail = f"{len(left)} objects left of {OBJECTS}; runs of up to {LARGE_OBJECTS} objects; proof: {proof.detail}"
    yield Figure("gc_left_or_touched", wrong, "objects", 0, detail)
    few, many = _peak(OBJECTS // 5), _peak(OBJECTS)
    said = f"peak {many / 1024:.0f} KB with {OBJECTS} objects, {few / 1024:.0f} KB with {OBJECTS // 5}"
    yield Figure("gc_memory", round(many / few, 2), "times a fifth of the objects", MEMORY_LIMIT, said)


def _least(deleted: int, kept_objects: int) -> int:
    keys = ceil(OBJECTS / _KEYS_A_PAGE)
    choose = 2 + ceil(RUNS / PAGE) + keys + deleted
    collect = 2 + ceil(RUNS / PAGE) + keys
    prove = 1 + ceil((RUNS - deleted) / PAGE) + ceil(kept_objects / _KEYS_A_PAGE)
    return choose + collect + prove


def _fill(world: World, objects: int) -> list[str]:
    """Half of the runs are old. A few of both halves have thousands of objects each, the rest a handful."""
    tables, now = world.tracking, world.clock.now()
    doomed, large = list[str](), min(LARGE_OBJECTS, objects // (LARGE * 2))
    each = (objects - LARGE * large) // (RUNS - LARGE)
    for number in range(1, EXPERIMENTS + 1):
        tables.experiment(str(number), f"team-{number}")
    for number in range(RUNS):
        age = timedelta(days=500 if number % 2 else 50)
        run = tables.add_run(f"{number:032x}", str(1 + number % EXPERIMENTS), now - age)
        count = large if number < LARGE else each
        world.artifacts.put_many((key_of(run, f"part-{n:05d}") for n in range(count)), b"x", now - age)
        doomed += [run.id] if number % 2 else []
    return doomed


def _keys(world: World) -> list[str]:
    return [key for key in world.artifacts.keys(f"{place.PREFIX}/") if "/artifacts/part-" in key]


class _Listing(S3Objects):
    """A bucket that is made while it is listed: moto would hold, and sort for every page, all its keys."""

    def __init__(self, world: World, objects: int) -> None:
        self._runs, self._each = sorted(world.tracking.runs.values(), key=key_of), objects // RUNS
        self._at = world.clock.now() - timedelta(days=100)

    def folders(self, bucket: str, prefix: str) -> Iterator[str]:  # noqa: ARG002 - there is one bucket
        return iter(str(number) for number in range(1, EXPERIMENTS + 1))

    def list(self, bucket: str, prefix: str) -> Iterator[StoredObject]:  # noqa: ARG002 - as above
        for run in self._runs:
            if key_of(run).startswith(prefix):
                for number in range(self._each):
                    yield StoredObject(key_of(run, f"part-{number:05d}"), 1, "etag", self._at)


def _peak(objects: int) -> int:
    """Of looking for orphans in it."""
    with World.create() as world:
        _fill(world, 0)
        ctx, artifacts = _Bench(world).ctx(), world.stack().artifacts
        assert artifacts is not None  # noqa: S101 - the sandbox's stack has a bucket
        api = MlflowApi(ctx)
        api.experiments()  # what is loaded once is loaded before it counts
        tracemalloc.start()
        place = Place.of(artifacts)
        found = scan(read_known(api, place, ctx.now), _Listing(world, objects), place, ctx.now, timedelta(days=30))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    if found.objects != objects or found.orphans:
        raise StewardError(f"{found.objects} of {objects} objects were seen, {len(found.orphans)} taken for orphans")
    return peak
