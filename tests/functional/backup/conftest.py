"""A world with artifacts, and steps carried out in it as the engine would, slice by slice."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.aws.gateways import Aws
from chalicelib.aws.s3_lane import S3Lane
from chalicelib.aws.s3_lane_parts import PartRules
from chalicelib.backup.spans import READ_SIZES, ReadSizes
from chalicelib.models.change import ChangeProgress
from chalicelib.models.stack import Stack
from chalicelib.steps.registry import ACTIONS, PROBES
from chalicelib.steps.step import Pending, Standing, StepContext
from chalicelib.store.blobs import MemoryBlobs
from chalicelib.store.history import History
from chalicelib.store.memory import MemoryTable
from steward.sandbox import place
from steward.sandbox.moto_objects import put_object
from steward.sandbox.world import World


class Ticks:
    """A clock on which every look takes a while, so that slices end early."""

    def __init__(self, step_s: float) -> None:
        self.now, self.step_s = 0.0, step_s

    def __call__(self) -> float:
        self.now += self.step_s
        return self.now


MB = 1024**2


class InParts(Aws):
    """Parts as small as S3 takes them, one after the other."""

    def s3_lane(self, region=None, **how):
        lane = super().s3_lane(region, **how)
        return S3Lane(lane._wire, largest_copy=6 * MB, parts=PartRules(size=6 * MB, side_by_side=1))


@dataclass
class Desk:
    world: World
    stack: Stack
    history: History = field(default_factory=lambda: History(MemoryTable()))
    evidence: MemoryBlobs = field(default_factory=MemoryBlobs)
    budget_s: float = 200.0
    step_s: float = 0.0
    runs: int = 0
    made: list[Any] = field(default_factory=list)
    aws: type[Aws] = Aws
    read_sizes: ReadSizes = READ_SIZES
    tell: Any = lambda _far, _detail: None

    def ctx(self, step: str = "backup", *, acting: bool = False) -> StepContext:
        return StepContext(
            stack=self.stack,
            run_id=f"run-{self.runs}",
            step_id=step,
            now=self.world.clock.now(),
            aws=self.aws(self.world.kept_session(read_only=not acting), self.world.region, read_only=not acting),
            http=self.world.http,
            history=self.history,
            evidence=self.evidence,
            copies_at_once=0,
            read_sizes=self.read_sizes,
            monotonic=Ticks(self.step_s),
            budget_s=self.budget_s,
            made=lambda: tuple(self.made),
            tell=self.tell,
        )

    def plan(self, name: str, **params: Any) -> tuple[Any, ...]:
        action = ACTIONS[name]
        return action.plan(self.ctx(name.split(".")[1].split("_", maxsplit=1)[0]), action.Params(**params))

    def carry_out(self, name: str, **params: Any) -> list[Any]:
        """What each Change came to; `pending` counts the slices before it."""
        self.runs += 1
        return [self.apply(change) for change in self.plan(name, **params)]

    def apply(self, change: Any) -> Any:
        action = ACTIONS[change.action]
        look = action.look(self.ctx(change.step), change)
        assert look.standing is Standing.READY, look.detail
        progress = ChangeProgress(state="started", started_at=self.world.clock.now(), before=dict(look.before))
        self.made.append((change, progress))
        self.slices = 0
        while isinstance(applied := action.apply(self.ctx(change.step, acting=True), change, progress), Pending):
            self.slices += 1
            self.last_pending = applied
            progress = progress.model_copy(update={"checkpoint": applied.checkpoint or progress.checkpoint})
        return applied

    def read(self, name: str) -> Any:
        return PROBES[name].read(self.ctx(), PROBES[name].Params())

    def copies(self) -> list[str]:
        return [call.params["Key"] for call in self.world.calls if call.operation == "CopyObject"]

    def sent(self, operation: str) -> int:
        return sum(call.operation == operation for call in self.world.calls)

    def put(self, name: str, body: bytes) -> None:
        self.world.prepare("s3")
        put_object(place.BUCKET, f"{place.PREFIX}/{name}", body)

    def with_backup(self, **over: Any) -> None:
        self.stack = replace_part(self.stack, "backup", over)

    def with_artifacts(self, **over: Any) -> None:
        self.stack = replace_part(self.stack, "artifacts", over)

    def later(self, **span: float) -> None:
        self.world.clock.turn(self.world.clock.now() + timedelta(**span))


def replace_part(stack: Stack, part: str, over: dict[str, Any]) -> Stack:
    return stack.model_copy(update={part: getattr(stack, part).model_copy(update=over)})


@pytest.fixture
def desk():
    with World.create(seed=3) as world:
        yield Desk(world, world.stack())
