"""ecs.force_deployment: replaces every task by a new one of the same task definition, the ECS way."""

from chalicelib.errors import StepFailed
from chalicelib.models.change import Change, ChangeProgress
from chalicelib.models.words import Risk
from chalicelib.steps import permissions
from chalicelib.steps.desired_count import CHECK_AFTER_S
from chalicelib.steps.rollout import follow_rollout, refuse_after_failed_launch, refuse_stop_before_start
from chalicelib.steps.service_state import read_service
from chalicelib.steps.step import Action, ActionOutput, Applied, Look, Params, Pending, Standing, StepContext
from chalicelib.steps.task_disk import what_is_lost


class ForceParams(Params):
    after_failure: bool = False
    """Also after a deployment or a launch that failed: where what made it fail has just been mended."""


class ForceDeployment(Action[ForceParams]):
    """Start a new deployment of what the service already runs: every task is replaced, new ones first.

    ```yaml
    - id: redeploy
      do: ecs.force_deployment
    ```
    """

    name = "ecs.force_deployment"
    Params = ForceParams
    Output = ActionOutput
    permissions = (*permissions.READ_SERVICE, permissions.DESCRIBE_TASK_DEFINITION, permissions.UPDATE_SERVICE)
    risk = Risk.MEDIUM
    reversible = False

    def plan(self, ctx: StepContext, params: ForceParams) -> tuple[Change, ...]:
        state = read_service(ctx)
        refuse_stop_before_start(state)
        if not params.after_failure:
            refuse_after_failed_launch(ctx, state)
        service, running = state.service, len(state.running)
        change = Change(
            step=ctx.step_id,
            action=self.name,
            operation="ecs:UpdateService",
            parameters={
                "cluster": ctx.stack.ecs.cluster,
                "service": ctx.stack.ecs.service,
                "forceNewDeployment": True,
            },
            resource=ctx.stack.service_ref,
            precondition={"primary": service.primary.id if service.primary else None},
            sentence=f"Replace all {running} tasks of {service.name} by a new deployment of "
            f"{service.task_definition.rsplit('/', 1)[-1]}",
            loses=what_is_lost(ctx.aws.ecs.task_definition(service.task_definition)),
            serves=bool(state.serving),
            touches={"tasks": running},
            out_of={"tasks": running},
        )
        return (change,)

    def look(self, ctx: StepContext, change: Change) -> Look:
        primary = ctx.aws.ecs.service(change.parameters["cluster"], change.parameters["service"]).primary
        now = primary.id if primary else None
        if now != change.precondition.get("primary"):
            return Look(standing=Standing.DRIFTED, detail=f"somebody started another deployment: {now}")
        return Look(standing=Standing.READY, detail=f"the deployment is still {now}", before={"primary": now})

    def apply(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:
        cluster, name = change.parameters["cluster"], change.parameters["service"]
        service = ctx.aws.ecs.service(cluster, name)
        before = progress.before.get("primary")
        if service.primary is None:
            raise StepFailed(ctx.step_id, "the service has no deployment of its own: another controller deploys it")
        if service.primary.id == before:
            started = ctx.aws.ecs.force_new_deployment(cluster, name).primary
            named = f"deployment {started.id} started" if started else "a deployment started"
            return Pending(check_after_s=CHECK_AFTER_S, detail=named)
        # A PRIMARY that is not the one from before is ours: the deployment that this Change started.
        return follow_rollout(ctx, service, service.primary)
