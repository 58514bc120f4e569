"""Actions that take many calls, and a run that is at one of them."""

from dataclasses import dataclass, field, replace

from chalicelib.errors import StepFailed
from chalicelib.models.change import Change, HowFar
from chalicelib.models.run import RunStatus
from chalicelib.models.words import Risk
from chalicelib.steps.step import Action, ActionOutput, Done, Look, NoParams, Pending, Standing


class Copied(ActionOutput):
    last: str | None = None


@dataclass
class CopyAction(Action[NoParams]):
    """Copies ten things, three a call."""

    changes: int = 1
    weight: int = 0
    tells: int = 0
    seen: list[dict[str, object]] = field(default_factory=list)
    abandoned: list[dict[str, object]] = field(default_factory=list)
    name = "fake.mend"
    Output = Copied
    risk = Risk.LOW
    reversible = False
    interruptible = True

    def plan(self, ctx, params):
        one = Change(
            step=ctx.step_id, action=self.name, operation="fake:Copy", parameters={"folders": "x" * self.weight},
            resource="bucket", sentence="copy all", touches={"tasks": 1}, out_of={"tasks": self.changes},
        )  # fmt: skip
        return tuple(one.model_copy(update={"resource": f"bucket-{n:03d}"}) for n in range(self.changes))

    def look(self, ctx, change):
        return Look(standing=Standing.READY, detail="not copied yet")

    def apply(self, ctx, change, progress):
        self.seen.append(dict(progress.checkpoint))
        if self.changes > 1:
            return Done(detail="copied", facts={"last": "x" * self.tells})
        done = min(10, int(progress.checkpoint.get("done", 0)) + 3)
        if done == 10:
            return Done(detail="all copied", facts={"last": "ten"})
        far = HowFar(done=done, total=10, rate_per_s=0.5)
        return Pending(check_after_s=1, detail=f"{far}", checkpoint={"done": done}, how_far=far)

    def abandon(self, ctx, change, progress):
        self.abandoned.append(dict(progress.checkpoint))
        return f"called off after {progress.checkpoint['done']} of 10"


@dataclass
class HangingTask(CopyAction):
    """Like a task in another place, which goes on until it is stopped, and some time after that."""

    interruptible = False
    goes_on_alone = True
    gone_after: int = 3

    def apply(self, ctx, change, progress):
        if len(self.abandoned) >= self.gone_after:
            raise StepFailed(ctx.step_id, "the task ended with exit code 137")
        return Pending(check_after_s=10, detail="at it")

    def abandon(self, ctx, change, progress):
        self.abandoned.append({})
        return "the task is told to stop"


def with_action(world, action):
    engine = replace(world.parts.engine, actions={"fake.mend": action})
    world.with_parts(engine=engine)
    run_id = world.fire().parts[0].run_id
    world.until(run_id, lambda run: run.status is RunStatus.RUNNING)
    return run_id
