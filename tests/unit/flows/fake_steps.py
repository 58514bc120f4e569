"""Steps that read and mend the items of a small world, and sessions for them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import Field

from chalicelib.models.change import Change, Undo
from chalicelib.models.check import Answer, CheckResult
from chalicelib.models.stack import Stack
from chalicelib.models.words import Risk
from chalicelib.steps.judging import Check
from chalicelib.steps.step import (
    Action,
    ActionOutput,
    Done,
    Look,
    Output,
    Params,
    Probe,
    Standing,
    StepContext,
)

if TYPE_CHECKING:
    from tests.unit.flows.conftest import World


class LookParams(Params):
    salt: int = 0


class Seen(Output):
    sick: int
    names: tuple[str, ...] = ()
    busy: bool = False


class MendParams(Params):
    max: int = Field(default=10, ge=1)


@dataclass
class LookProbe(Probe[LookParams, Seen]):
    world: "World"
    name = "fake.look"
    Params = LookParams
    Output = Seen

    def read(self, ctx: StepContext, params: LookParams) -> Seen:
        if self.world.probe_error:
            raise self.world.probe_error
        self.world.reads += 1
        sick = tuple(name for name, state in self.world.items.items() if state == "sick")
        return Seen(sick=len(sick), names=sick, busy=self.world.busy)


@dataclass
class MendAction(Action[MendParams]):
    """Mends each sick item by one Change."""

    world: "World"
    name = "fake.mend"
    Params = MendParams
    Output = ActionOutput
    risk = Risk.MEDIUM
    reversible = True

    def plan(self, ctx: StepContext, params: MendParams) -> tuple[Change, ...]:
        self.world.plans += 1
        if self.world.plan_error:
            raise self.world.plan_error
        sick = [name for name, state in self.world.items.items() if state == "sick"]
        return tuple(self._change(ctx, name) for name in sick[: params.max])

    def _change(self, ctx: StepContext, item: str) -> Change:
        return Change(
            step=ctx.step_id, action=self.name, operation="fake:Mend", parameters={"to": "well"}, resource=item,
            sentence=f"mend {item}", loses=self.world.loses, touches={"tasks": 1},
            out_of={"tasks": len(self.world.items)},
            undo=Undo(operation="fake:Break", parameters={"to": "sick"}, precondition={"is": "well"}),
        )  # fmt: skip

    def look(self, ctx: StepContext, change: Change) -> Look:
        now = self.world.items.get(change.resource, "gone")
        wanted = change.precondition.get("is", "sick")
        if now == change.parameters["to"]:
            return Look(standing=Standing.ALREADY, detail=f"{change.resource} is {now}")
        standing = Standing.READY if now == wanted else Standing.DRIFTED
        return Look(standing=standing, detail=f"{change.resource} is {now}", before={"was": now})

    def apply(self, ctx: StepContext, change: Change, progress: Any) -> Any:
        self.world.applied.append(change.resource)
        script = self.world.script.get(change.resource)
        if script:
            answer = script.pop(0)
            if isinstance(answer, BaseException):
                raise answer
            if answer is not None:
                return answer
        self.world.items[change.resource] = change.parameters["to"]
        return Done(detail=f"{change.resource} is {change.parameters['to']}")


@dataclass
class RiskyAction(MendAction):
    name = "fake.rebuild"
    risk = Risk.HIGH


def judged(name: str, rule: Callable[[Seen], bool]) -> Check:
    def judge(output: Output | None, why: str) -> CheckResult:
        if not isinstance(output, Seen):
            return CheckResult(check=name, answer=Answer.UNKNOWN, because=why)
        answer = Answer.TRUE if rule(output) else Answer.FALSE
        return CheckResult(check=name, answer=answer, because=f"{output.sick} sick")

    return Check(name=name, probe="fake.look", summary=name, judge=judge)


@dataclass
class FakeSessions:
    error: Exception | None = None
    asked: list[tuple[str, bool]] = field(default_factory=list)

    def for_stack(self, stack: Stack, run_id: str, step: str, permissions: Any, *, plan_mode: bool = False) -> Any:
        if self.error:
            raise self.error
        self.asked.append((step, plan_mode))
        return object()
