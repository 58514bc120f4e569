"""A deployment with an older MLflow, and its steps called by hand."""

from dataclasses import dataclass, field

import pytest

from chalicelib.aws.gateways import Aws
from chalicelib.models.change import Change, ChangeProgress
from chalicelib.models.history import Backup, BackupKind
from chalicelib.steps.side_by_side import one_after_another
from chalicelib.steps.step import Pending, StepContext
from chalicelib.store.blobs import MemoryBlobs
from chalicelib.store.history import History
from chalicelib.store.memory import MemoryTable
from steward.sandbox import place
from steward.sandbox.world import World

RUN = "r-0123456789ab"


@dataclass
class Site:
    world: World
    history: History = field(default_factory=lambda: History(MemoryTable()))
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    made: list = field(default_factory=list)

    def ctx(self, **over) -> StepContext:
        world = self.world
        given = {
            "stack": world.stack(),
            "run_id": RUN,
            "step_id": "step",
            "now": world.clock.now(),
            "aws": Aws(world.session(), place.REGION),
            "http": world.http,
            "databases": world.databases,
            "in_network": True,
            "fingerprint_key": b"k",
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

    def carry_out(self, action, change):
        """As the engine does: look, apply, again after each Pending; also what fails is begun."""
        look = action.look(self.ctx(), change)
        assert look.standing.value == "ready", look.detail
        progress = ChangeProgress(state="started", started_at=self.world.clock.now(), before=dict(look.before))
        self.made.append((change, progress))
        applied = action.apply(self.ctx(), change, progress)
        while isinstance(applied, Pending):
            progress = progress.model_copy(update={"checkpoint": applied.checkpoint or progress.checkpoint})
            self.world.advance(applied.check_after_s)
            applied = action.apply(self.ctx(), change, progress)
        self.made[-1] = (change, progress.model_copy(update={"state": "done"}))
        return applied

    def undo(self, change):
        return Change(
            step="undo", action=change.action, operation=change.undo.operation, parameters=change.undo.parameters,
            resource=change.resource, precondition=change.undo.precondition, sentence="undo",
        )  # fmt: skip

    def snapshot_taken(self):
        now = self.world.clock.now()
        backup = Backup(
            stack=place.NAME, kind=BackupKind.DATABASE, id="steward-before", run_id=RUN, as_of=now, verified_at=now
        )
        self.history.record_backup(backup)


@pytest.fixture
def site():
    with World.create(seed=3) as world:
        yield Site(world)


@pytest.fixture
def older(site):
    site.world.break_with("older-mlflow")
    return site
