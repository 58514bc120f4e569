"""Steps against RDS with time: real gateways, the world's snapshots and instances, a store in memory."""

from dataclasses import dataclass, field, replace

import pytest

from chalicelib.aws.gateways import Aws
from chalicelib.models.change import ChangeProgress, ChangeState
from chalicelib.models.history import Backup, BackupKind, Creation, MadeKind
from chalicelib.steps.registry import ACTIONS, PROBES
from chalicelib.steps.side_by_side import one_after_another
from chalicelib.steps.step import Pending, StepContext
from chalicelib.store.history import History
from chalicelib.store.memory import MemoryTable
from steward.sandbox import place
from steward.sandbox.snapshots import KEY, WorldSnapshot
from steward.sandbox.world import World


@dataclass
class Flight:
    world: World
    history: History = field(default_factory=lambda: History(MemoryTable()))
    stack: object = None
    run: str = "r-1"
    incidents: tuple = ()

    def ctx(self, *, acting=False, **over):
        aws = Aws(self.world.kept_session(read_only=not acting), self.world.region, read_only=not acting)
        ctx = StepContext(
            stack=self.stack or self.world.stack(), run_id=self.run, step_id="step", now=self.world.clock.now(),
            aws=aws, http=self.world.http, databases=self.world.databases, history=self.history,
            side_by_side=one_after_another, open_incidents=lambda: self.incidents,
        )  # fmt: skip
        return replace(ctx, **over)

    def plan(self, name, **params):
        action = ACTIONS[name]
        return action.plan(self.ctx(), action.Params(**params))

    def read(self, name, **params):
        return PROBES[name].read(self.ctx(), PROBES[name].Params(**params))

    def begin(self, change):
        look = ACTIONS[change.action].look(self.ctx(), change)
        return look, ChangeProgress(
            state=ChangeState.STARTED, started_at=self.world.clock.now(), before=dict(look.before)
        )

    def apply(self, change, progress):
        """One call, with the progress that comes of it."""
        applied = ACTIONS[change.action].apply(self.ctx(acting=True), change, progress)
        if isinstance(applied, Pending):
            told = {"detail": applied.detail}
            told |= {"checkpoint": applied.checkpoint} if applied.checkpoint is not None else {}
            progress = progress.model_copy(update=told)
        return applied, progress

    def finish(self, change, progress=None):
        if progress is None:
            _, progress = self.begin(change)
        for _ in range(400):
            applied, progress = self.apply(change, progress)
            if not isinstance(applied, Pending):
                return applied
            self.world.advance(applied.check_after_s)
        raise AssertionError(f"never done: {change.sentence}")

    def do(self, name, **params):
        return [self.finish(change) for change in self.plan(name, **params)]

    def past(self, name, at, *, good=True, tags=None, record=True, kind="manual"):
        """A snapshot of an earlier day, as Steward would have taken it."""
        ours = {"steward:stack": place.NAME, "steward:run": "r-old", "steward:step": "snapshot"}
        listed = [{"Key": k, "Value": v} for k, v in (ours if tags is None else tags).items()]
        contents = self.world.rds.contents(self.world.clock.now())
        made = WorldSnapshot(name, place.REGION, place.DATABASE, kind, at, contents, 20, KEY, listed)
        made.status, made.percent, made.taken_at = "available", 100, at
        self.world.rds.snapshots[made.region, name] = made
        if record:
            self.history.record_creation(
                Creation(stack=place.NAME, kind=MadeKind.SNAPSHOT, id=name, run_id="r-old", step="snapshot", at=at)
            )
            self.history.record_backup(
                Backup(
                    stack=place.NAME, kind=BackupKind.DATABASE, id=name, run_id="r-old", as_of=at,
                    verified_at=at if good else None, ref=made.arn, rows=contents.rows,
                )
            )  # fmt: skip
        return made

    def there(self):
        return {name for _, name in self.world.rds.snapshots}

    def calls(self, operation):
        return [call for call in self.world.calls if call.operation == operation]


@pytest.fixture
def flight():
    with World.create(seed=5) as world:
        world.advance(60)
        yield Flight(world)
