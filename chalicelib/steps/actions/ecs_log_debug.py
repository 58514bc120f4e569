"""ecs.log_debug: the service logs at DEBUG for some minutes, and then runs its former revision again.

there ─▶ new revision with one variable (S11) ─▶ rollout ─▶ held until its time is over ─▶ the former ─▶ rollout

All of it is one Change: once begun, nothing but a stop (S8) keeps it from ending as it began. When it is to
end lies in the checkpoint, so a worker that dies on the way makes it neither longer nor for good.
"""

from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from chalicelib.aws.ecs_revisions import Edit
from chalicelib.errors import StepFailed, StepRefused
from chalicelib.models.change import Change, ChangeProgress
from chalicelib.models.words import Risk
from chalicelib.steps.actions.ecs_change_task_definition import ChangeTaskDefinition
from chalicelib.steps.definition_edits import EditParams, Variable
from chalicelib.steps.desired_count import CHECK_AFTER_S
from chalicelib.steps.probes.ecs_describe_service import is_deploying
from chalicelib.steps.service_state import read_service
from chalicelib.steps.step import Action, ActionOutput, Applied, Look, Params, Pending, StepContext

_CHANGE = ChangeTaskDefinition()
_BACK = "ecs:UpdateService"
_LOOKS_EVERY_S = 300
_VARIABLES = {"mlflow": "MLFLOW_LOGGING_LEVEL", "gunicorn": "GUNICORN_CMD_ARGS"}
_OF_GUNICORN = "--log-level debug"


class DebugParams(Params):
    minutes: int = Field(default=30, ge=1, le=240)
    what: Literal["mlflow", "gunicorn"] = "mlflow"
    """MLFLOW_LOGGING_LEVEL=DEBUG; or `--log-level debug` for gunicorn, behind the arguments it has."""


class LogDebug(Action[DebugParams]):
    """Log at DEBUG for some minutes: a revision with one variable, and the former one again when they are over.

    ```yaml
    - id: debug
      do: ecs.log_debug
      with: {minutes: 30}
    ```
    """

    name = "ecs.log_debug"
    Params = DebugParams
    Output = ActionOutput
    permissions = ChangeTaskDefinition.permissions
    risk = Risk.HIGH
    reversible = True
    interruptible = True

    def plan(self, ctx: StepContext, params: DebugParams) -> tuple[Change, ...]:
        state = read_service(ctx)
        if is_deploying(state):
            raise StepRefused("a deployment is in progress, and two of them at once are nobody's wish", rule="S6")
        changes = _CHANGE.plan(ctx, EditParams(variable=_variable(ctx, params, state.service.task_definition)))
        return tuple(_held(change, params.minutes) for change in changes)

    def look(self, ctx: StepContext, change: Change) -> Look:
        return _CHANGE.look(ctx, change)

    def apply(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:
        if change.operation == _BACK:  # an undo, which waits for nothing
            return _CHANGE.apply(ctx, change, progress)
        until = progress.checkpoint.get("until")
        if until is None:
            return _turn_on(ctx, change, progress)
        left_s = int((datetime.fromisoformat(until) - ctx.now).total_seconds())
        if left_s > 0:
            return Pending(check_after_s=min(left_s, _LOOKS_EVERY_S), detail=f"logs at DEBUG until {until[11:16]} UTC")
        before = {"primary": progress.checkpoint["primary"]}
        return _CHANGE.apply(ctx, _back(change), progress.model_copy(update={"before": before}))

    def abandon(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> str:  # noqa: ARG002 - look tells
        """Cancelled: the former revision at once. Where somebody else deployed meanwhile, theirs stays."""
        cluster, service = change.parameters["cluster"], change.parameters["service"]
        look = _CHANGE.look(ctx, _back(change))
        if look.standing.value == "ready":
            ctx.aws.ecs.set_task_definition(cluster, service, change.parameters["former"])
            return f"called off: {service} is going back to {change.parameters['former'].rsplit('/', 1)[-1]}"
        return f"called off: {look.detail}"


def _variable(ctx: StepContext, params: DebugParams, definition: str) -> Variable:
    name, value = _VARIABLES[params.what], "DEBUG"
    if params.what == "gunicorn":
        container = ctx.stack.ecs.container
        now = ctx.aws.ecs.revision(definition).value(Edit(f"variable:{container}:{name}", "")) or ""
        value = now if now.endswith(_OF_GUNICORN) else f"{now} {_OF_GUNICORN}".strip()
    return Variable(name=name, value=value)


def _held(change: Change, minutes: int) -> Change:
    update = {
        "action": LogDebug.name,
        "parameters": {**change.parameters, "minutes": minutes},
        "sentence": f"{change.sentence}; {minutes} minutes later they are replaced again, by the former revision",
        "write_back": None,  # it does not stay
    }
    return change.model_copy(update=update)


def _back(change: Change) -> Change:
    if change.undo is None:
        raise StepFailed(change.step, "the Change does not say what to go back to")
    return change.model_copy(update={"operation": _BACK, "precondition": change.undo.precondition, "undo": None})


def _turn_on(ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:
    applied = _CHANGE.apply(ctx, change, progress)
    if isinstance(applied, Pending):
        return applied
    primary = ctx.aws.ecs.service(change.parameters["cluster"], change.parameters["service"]).primary
    until = ctx.now + timedelta(minutes=int(change.parameters["minutes"]))
    return Pending(
        check_after_s=CHECK_AFTER_S,
        detail=f"logs at DEBUG until {until:%H:%M} UTC",
        checkpoint={"until": until.isoformat(), "primary": primary.id if primary else None},
    )
