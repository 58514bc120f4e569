"""ecs.return_to_former: back to the revision from before this run's upgrade, over a migration (S10).

Refused unless this run has restored the database of before: the service is moved onto that one next. New tasks
of the former revision do not come up before then, so nothing is waited for; tasks that serve go on serving.
"""

from chalicelib.errors import StepFailed, StepRefused
from chalicelib.models.change import Change, ChangeProgress, ChangeState
from chalicelib.models.words import Risk
from chalicelib.steps import permissions
from chalicelib.steps.actions.ecs_change_mlflow_version import ChangeMlflowVersion
from chalicelib.steps.actions.rds_restore_snapshot import RestoreSnapshot
from chalicelib.steps.rollout import refuse_stop_before_start
from chalicelib.steps.service_state import read_service
from chalicelib.steps.step import (
    Action,
    ActionOutput,
    Applied,
    Done,
    Look,
    NoParams,
    Standing,
    StepContext,
    Unchanged,
)


class ReturnToFormer(Action[NoParams]):
    """Name the revision from before the upgrade again, once the database of before is restored beside.

    ```yaml
    - id: former
      do: ecs.return_to_former
      timeout: 15m
    ```
    """

    name = "ecs.return_to_former"
    Params = NoParams
    Output = ActionOutput
    permissions = (*permissions.READ_SERVICE, permissions.DESCRIBE_TASK_DEFINITION, permissions.UPDATE_SERVICE)
    risk = Risk.HIGH
    reversible = False

    def plan(self, ctx: StepContext, params: NoParams) -> tuple[Change, ...]:  # noqa: ARG002 - it has none
        rolled = [one for one, _ in ctx.made() if one.action == ChangeMlflowVersion.name and one.undo is None]
        state = read_service(ctx)
        now = state.service.task_definition
        former = rolled[-1].parameters["former"] if rolled else now
        if former == now:
            return ()
        made = {one.action for one, progress in ctx.made() if progress.state is ChangeState.DONE}
        if RestoreSnapshot.name not in made:
            raise StepRefused("the database of before is not restored, and the former MLflow needs it", rule="S10")
        refuse_stop_before_start(state, already=former)
        name, ill = ctx.stack.ecs.service, [task for task in state.running if task.task_definition == now]
        change = Change(
            step=ctx.step_id,
            action=self.name,
            operation="ecs:UpdateService",
            parameters={"cluster": ctx.stack.ecs.cluster, "service": name, "taskDefinition": former},
            resource=ctx.stack.service_ref,
            precondition={"task_definition": now},
            sentence=f"Return {name} from {_short(now)} to {_short(former)}, MLflow "
            f"{rolled[-1].precondition.get('version_before') or 'of before'}, over the migration; "
            "it serves the restored database next",
            touches={"tasks": len(ill)},
            out_of={"tasks": len(state.running)},
            write_back=f"task definition of ECS service {name}: {_short(former)} (was {_short(now)})",
        )
        return (change,)

    def look(self, ctx: StepContext, change: Change) -> Look:
        now = ctx.aws.ecs.service(change.parameters["cluster"], change.parameters["service"]).task_definition
        if now == change.parameters["taskDefinition"]:
            return Look(standing=Standing.ALREADY, detail=f"the service names {_short(now)} already")
        if now != change.precondition["task_definition"]:
            return Look(standing=Standing.DRIFTED, detail=f"the service has moved on to {_short(now)}")
        return Look(standing=Standing.READY, detail=f"the service names {_short(now)}")

    def apply(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:  # noqa: ARG002 - one call
        cluster, name, wanted = (change.parameters[key] for key in ("cluster", "service", "taskDefinition"))
        if ctx.aws.ecs.service(cluster, name).task_definition == wanted:
            return Unchanged(detail=f"the service names {_short(wanted)} already")
        after = ctx.aws.ecs.set_task_definition(cluster, name, wanted)
        if after.task_definition != wanted:
            raise StepFailed(ctx.step_id, f"ECS answers that the service runs {_short(after.task_definition)}")
        return Done(detail=f"the service names {_short(wanted)} again")


def _short(arn: str) -> str:
    return arn.rsplit("/", 1)[-1]
