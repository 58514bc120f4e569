"""A world with a past, and the context that a step gets in it."""

from dataclasses import dataclass, field, replace

import pytest

from chalicelib.aws.gateways import Aws
from chalicelib.models.change import ChangeProgress, ChangeState
from chalicelib.steps.side_by_side import one_after_another
from chalicelib.steps.step import Done, Pending, StepContext
from chalicelib.store.blobs import MemoryBlobs
from chalicelib.store.history import History
from chalicelib.store.memory import MemoryTable
from steward.sandbox import place
from steward.sandbox.tracking_faults import run_id
from steward.sandbox.world import World


@dataclass
class Bench:
    """One world, one history, and steps called by hand."""

    world: World
    history: History = field(default_factory=lambda: History(MemoryTable()))
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    made: list = field(default_factory=list)

    def ctx(self, **over) -> StepContext:
        world = self.world
        given = {
            "stack": world.stack(),
            "run_id": "r-0123456789ab",
            "step_id": "step",
            "now": world.clock.now(),
            "aws": Aws(world.kept_session(read_only=False), place.REGION),
            "http": world.http,
            "databases": world.databases,
            "history": self.history,
            "evidence": self.blobs,
            "side_by_side": one_after_another,
            "made": lambda: tuple(self.made),
        }
        return StepContext(**(given | over))

    def read(self, probe, **params):
        return probe.read(self.ctx(), probe.Params.model_validate(params))

    def plan(self, action, **params):
        return action.plan(self.ctx(), action.Params.model_validate(params))

    def carry_out(self, action, changes, **over):
        """As the engine does: look, apply, again after each Pending."""
        details = []
        for change in changes:
            look = action.look(self.ctx(**over), change)
            assert look.standing.value == "ready", look.detail
            progress = ChangeProgress(started_at=self.world.clock.now())
            applied = action.apply(self.ctx(**over), change, progress)
            while isinstance(applied, Pending):
                progress = progress.model_copy(update={"checkpoint": applied.checkpoint or progress.checkpoint})
                self.world.advance(applied.check_after_s)
                applied = action.apply(self.ctx(**over), change, progress)
            assert isinstance(applied, Done), applied
            self.made.append((change, progress.model_copy(update={"state": ChangeState.DONE, "facts": applied.facts})))
            details.append(applied.detail)
        return details

    def keys(self, *parts: str) -> list[str]:
        return [key for key in self.world.artifacts.keys(f"{place.PREFIX}/") if all(part in key for part in parts)]

    def stack_with(self, **over):
        return self.world.stack().model_copy(update=over)

    def neighbour(self, prefix: str, bucket: str = place.BUCKET):
        own = self.world.stack()
        artifacts = own.artifacts.model_copy(update={"prefix": prefix, "bucket": bucket})
        return (own.model_copy(update={"stack": "other-mlflow", "artifacts": artifacts}),)


@pytest.fixture
def bench():
    with World.create(seed=3) as world:
        yield Bench(world)


@pytest.fixture
def number():
    """The id of the nth run of a fault."""
    return run_id


@pytest.fixture
def later():
    def move(ctx, **delta):
        from datetime import timedelta

        return replace(ctx, now=ctx.now + timedelta(**delta))

    return move
