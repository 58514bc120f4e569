"""ecs.roll_back_deployment: back to the task definition of the last deployment that completed (S10).

Never over a migration: a newer MLflow may have changed the schema, and an older one then refuses to
start or, worse, does not. So only a revision with the same image and the same install is gone back to.
"""

from chalicelib.aws.ecs_shapes import ContainerDefinition, Service, TaskDefinition
from chalicelib.errors import AwsDenied, StepFailed, StepRefused
from chalicelib.models.change import Change, ChangeProgress, Undo
from chalicelib.models.step_index import Permission
from chalicelib.models.words import Risk
from chalicelib.steps import permissions
from chalicelib.steps.desired_count import CHECK_AFTER_S
from chalicelib.steps.mlflow_install import fetched_into, install_lines
from chalicelib.steps.rollout import follow_rollout, refuse_stop_before_start
from chalicelib.steps.service_state import ServiceState, read_service
from chalicelib.steps.step import Action, ActionOutput, Applied, Look, Params, Pending, Standing, StepContext
from chalicelib.steps.task_disk import what_is_lost

_SECRET = "arn:{partition}:secretsmanager:{region}:{account}:secret:*"  # noqa: S105 - a template of an ARN


class RollBackParams(Params):
    only_failed: bool = True
    """Go back only from a deployment that has not completed; `false` also leaves one that has."""


class RollBackDeployment(Action[RollBackParams]):
    """Return to the last task definition whose deployment completed; refused where the schema may have changed.

    ```yaml
    - id: back
      do: ecs.roll_back_deployment
      with: {onlyFailed: true}
    ```
    """

    name = "ecs.roll_back_deployment"
    Params = RollBackParams
    Output = ActionOutput
    permissions = (
        *permissions.READ_SERVICE,
        permissions.DESCRIBE_TASK_DEFINITION,
        *permissions.READ_DEPLOYMENT_HISTORY,
        permissions.UPDATE_SERVICE,
        Permission(
            action="secretsmanager:DescribeSecret",
            resource=_SECRET,
            why="whether what the old revision names exists; never its value",
        ),
        Permission(
            action="ssm:DescribeParameters",
            resource="*",
            why="the same, where it names a parameter; AWS knows no resource, and shows no value",
        ),
        Permission(
            action="ecr:DescribeImages",
            resource="arn:{partition}:ecr:{region}:{account}:repository/*",
            why="whether its image is still there; the task definition names the repository",
        ),
    )
    risk = Risk.MEDIUM
    reversible = True

    def plan(self, ctx: StepContext, params: RollBackParams) -> tuple[Change, ...]:
        state = read_service(ctx)
        primary = state.service.primary
        if params.only_failed and primary and primary.rollout == "COMPLETED":
            return ()
        current = ctx.aws.ecs.task_definition(state.service.task_definition)
        target = ctx.aws.ecs.task_definition(_last_completed(ctx, state.service))
        _refuse_if_schema_may_have_changed(current, target)
        _refuse_if_something_is_gone(ctx, target)
        refuse_stop_before_start(state, already=target.arn)
        return (self._change(ctx, state, current, target),)

    def _change(self, ctx: StepContext, state: ServiceState, current: TaskDefinition, target: TaskDefinition) -> Change:
        replaced = [task for task in state.running if task.task_definition != target.arn]
        before, after = _short(current), _short(target)
        name = ctx.stack.ecs.service
        return Change(
            step=ctx.step_id,
            action=self.name,
            operation="ecs:UpdateService",
            parameters=_parameters(ctx, target.arn),
            resource=ctx.stack.service_ref,
            precondition={"task_definition": current.arn},
            undo=Undo(
                operation="ecs:UpdateService",
                parameters=_parameters(ctx, current.arn),
                precondition={"task_definition": target.arn},
            ),
            sentence=f"Roll {name} back from {before} to {after}, whose deployment completed last; "
            f"{len(replaced)} of {len(state.running)} running tasks are replaced",
            loses=what_is_lost(current) if replaced else None,
            serves=any(task in state.serving for task in replaced),
            touches={"tasks": len(replaced)},
            out_of={"tasks": len(state.running)},
            write_back=f"task definition of ECS service {name}: {after} (was {before})",
        )

    def look(self, ctx: StepContext, change: Change) -> Look:
        service = ctx.aws.ecs.service(change.parameters["cluster"], change.parameters["service"])
        now = service.task_definition
        if now == change.parameters["taskDefinition"]:
            return Look(standing=Standing.ALREADY, detail=f"the service runs {now.rsplit('/', 1)[-1]} already")
        if now != change.precondition.get("task_definition"):
            why = f"the service has moved on to {now.rsplit('/', 1)[-1]}: somebody deployed"
            return Look(standing=Standing.DRIFTED, detail=why)
        primary = service.primary.id if service.primary else None
        detail = f"the service runs {now.rsplit('/', 1)[-1]}"
        return Look(standing=Standing.READY, detail=detail, before={"primary": primary})

    def apply(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:
        cluster, name = change.parameters["cluster"], change.parameters["service"]
        wanted = change.parameters["taskDefinition"]
        service = ctx.aws.ecs.service(cluster, name)
        if service.task_definition == wanted and service.primary is not None:
            return follow_rollout(ctx, service, service.primary)
        if service.primary is None or service.primary.id != progress.before.get("primary"):
            raise StepFailed(ctx.step_id, "somebody else started a deployment meanwhile")
        ctx.aws.ecs.set_task_definition(cluster, name, wanted)
        return Pending(check_after_s=CHECK_AFTER_S, detail=f"deploying {wanted.rsplit('/', 1)[-1]}")


def _parameters(ctx: StepContext, task_definition: str) -> dict[str, str]:
    return {"cluster": ctx.stack.ecs.cluster, "service": ctx.stack.ecs.service, "taskDefinition": task_definition}


def _short(definition: TaskDefinition) -> str:
    return f"{definition.family}:{definition.revision}"


def _last_completed(ctx: StepContext, service: Service) -> str:
    """While the failed deployment is still under way the old one stands beside it; later only history knows."""
    for deployment in service.deployments:
        if deployment.rollout == "COMPLETED" and deployment.task_definition != service.task_definition:
            return deployment.task_definition
    for completed in ctx.aws.ecs.completed_deployments(ctx.stack.ecs.cluster, ctx.stack.ecs.service):
        if completed.task_definition != service.task_definition:
            return completed.task_definition
    why = (
        f"no earlier deployment of another task definition than {service.task_definition.rsplit('/', 1)[-1]} completed"
    )
    raise StepRefused(f"{why}, as far as ECS remembers: there is nothing to roll back to")


def _refuse_if_schema_may_have_changed(current: TaskDefinition, target: TaskDefinition) -> None:
    names = {container.name for container in (*current.containers, *target.containers)}
    for name in sorted(names):
        now, then = _container(current, name), _container(target, name)
        if now is None or then is None:
            difference = f"container {name} is in only one of them"
        elif now.image != then.image:
            difference = f"container {name} has another image ({then.image}, now {now.image})"
        elif (install_lines(now), fetched_into(now)) != (install_lines(then), fetched_into(then)):
            difference = f"container {name} installs other packages when it starts"
        else:
            continue
        why = f"{difference}, so the schema may have changed since {_short(target)} was last healthy"
        raise StepRefused(f"{why}; rolling back over a migration needs a restore", rule="S10")


def _container(definition: TaskDefinition, name: str) -> ContainerDefinition | None:
    return next((container for container in definition.containers if container.name == name), None)


def _refuse_if_something_is_gone(ctx: StepContext, target: TaskDefinition) -> None:
    if not target.active:
        raise StepRefused(f"{_short(target)} is deregistered", rule="S10")
    for container in target.containers:
        if ctx.aws.ecr.has_image(container.image) is False:
            raise StepRefused(f"the image of {_short(target)} is gone: {container.image}", rule="S10")
        for source in sorted(set(container.secrets.values())):
            if not _is_there(ctx, source):
                raise StepRefused(f"a secret that {_short(target)} names is gone: {source}", rule="S10")


def _is_there(ctx: StepContext, source: str) -> bool:
    """As far as it can be read: without the right to look, ECS itself finds out when the task starts."""
    try:
        if ":secretsmanager:" in source:
            # arn:…:secret:NAME:json-key:version-stage:version-id
            return ctx.aws.secrets.exists(":".join(source.split(":")[:7]))
        return ctx.aws.ssm.exists(source.split(":parameter", 1)[-1])
    except AwsDenied:
        return True
