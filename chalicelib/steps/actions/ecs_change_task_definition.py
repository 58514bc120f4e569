"""ecs.change_task_definition: a new revision that differs in one declared field, and its rollout (S11).

Image, size or one named variable; never roles, secrets, volumes or ports. What differs is compared in
the gateway, before it is sent and in what comes back.
"""

from chalicelib.aws.ecs_revisions import Revision, difference
from chalicelib.aws.ecs_shapes import Service
from chalicelib.errors import StepFailed, StepRefused
from chalicelib.models.change import Change, ChangeProgress, Undo
from chalicelib.models.step_index import Permission
from chalicelib.models.words import Risk
from chalicelib.steps import permissions
from chalicelib.steps.definition_edits import EditParams, as_said, edits_for, edits_of, in_words, new_names, paths
from chalicelib.steps.desired_count import CHECK_AFTER_S
from chalicelib.steps.rollout import follow_rollout, refuse_other_roles, refuse_stop_before_start
from chalicelib.steps.service_state import ServiceState, read_service
from chalicelib.steps.step import Action, ActionOutput, Applied, Look, Pending, Standing, StepContext
from chalicelib.steps.task_disk import what_is_lost

_REGISTER, _UPDATE = "ecs:RegisterTaskDefinition", "ecs:UpdateService"
_DEFINITIONS = "arn:{partition}:ecs:{region}:{account}:task-definition/*"
_ONLY_TO_TASKS = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}


class ChangeTaskDefinition(Action[EditParams]):
    """Run the service on a new task definition revision with one field changed; undo goes back to the former.

    ```yaml
    - id: more_memory
      do: ecs.change_task_definition
      with: {memory: next}
    ```
    """

    name = "ecs.change_task_definition"
    Params = EditParams
    Output = ActionOutput
    permissions = (
        *permissions.PLAN_WITH_SERVICE,
        permissions.DESCRIBE_TASK_DEFINITION,
        permissions.UPDATE_SERVICE,
        Permission(action=_REGISTER, resource=_DEFINITIONS, why="register the new revision"),
        Permission(action="ecs:TagResource", resource=_DEFINITIONS, why="keep the former revision's tags on it"),
        Permission(
            action="iam:PassRole",
            resource="{task_role}",
            why="the new revision has the same role",
            condition=_ONLY_TO_TASKS,
        ),
        Permission(
            action="iam:PassRole",
            resource="{execution_role}",
            why="the new revision has the same execution role",
            condition=_ONLY_TO_TASKS,
        ),
        Permission(
            action="ecr:DescribeImages",
            resource="arn:{partition}:ecr:{region}:{account}:repository/*",
            why="whether the image to go to is there",
            phase="plan",
        ),
    )
    risk = Risk.HIGH
    reversible = True

    def plan(self, ctx: StepContext, params: EditParams) -> tuple[Change, ...]:
        state = read_service(ctx)
        former = ctx.aws.ecs.revision(state.service.task_definition)
        container = params.container or ctx.stack.ecs.container
        said = edits_for(params, container, former, ctx.fingerprint_key)
        wanted = former.with_edits(edits_of(said, former, ctx.fingerprint_key, ctx.step_id))
        if not difference(former, wanted):
            return ()
        refuse_other_roles(ctx, former)
        if params.image and ctx.aws.ecr.has_image(params.image) is False:
            raise StepRefused(f"the image to go to is not there: {params.image}")
        refuse_stop_before_start(state)
        return (self._change(ctx, state, former, said, goes_back=not params.other_version),)

    def _change(
        self, ctx: StepContext, state: ServiceState, former: Revision, said: list[dict[str, str]], *, goes_back: bool
    ) -> Change:
        name, tasks = ctx.stack.ecs.service, len(state.running)
        where = {"cluster": ctx.stack.ecs.cluster, "service": name, "former": former.arn, "edits": said}
        words = in_words(said, former)
        undo = Undo(operation=_UPDATE, parameters=where, precondition={"only_differs_in": sorted(paths(said))})
        return Change(
            step=ctx.step_id,
            action=self.name,
            operation=_REGISTER,
            parameters=where,
            resource=ctx.stack.service_ref,
            precondition={"task_definition": former.arn},
            undo=undo if goes_back else None,  # back to an older version would be S10's case
            sentence=f"Run {name} on a new revision of {former.short} with {words}; "
            f"all {tasks} running tasks are replaced",
            loses=what_is_lost(ctx.aws.ecs.task_definition(former.arn)) if tasks else None,
            serves=bool(state.serving),
            touches={"tasks": tasks},
            out_of={"tasks": tasks},
            write_back=f"task definition of ECS service {name}: {words}",
        )

    def look(self, ctx: StepContext, change: Change) -> Look:
        service = _service(ctx, change)
        former, wanted = _both(ctx, change)
        goes_back = change.operation == _UPDATE
        now = service.task_definition
        is_former = now == former.arn
        is_wanted = not is_former and not difference(wanted, ctx.aws.ecs.revision(now))
        short = now.rsplit("/", 1)[-1]
        if is_former if goes_back else is_wanted:
            return Look(standing=Standing.ALREADY, detail=f"the service runs {short} already")
        if is_wanted if goes_back else is_former:
            primary = service.primary.id if service.primary else None
            return Look(standing=Standing.READY, detail=f"the service runs {short}", before={"primary": primary})
        why = f"the service has moved on to {short}: somebody deployed"
        return Look(standing=Standing.DRIFTED, detail=why)

    def apply(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:
        service = _service(ctx, change)
        former, wanted = _both(ctx, change)
        goes_back = change.operation == _UPDATE
        is_former = service.task_definition == former.arn
        is_there = is_former if goes_back else not is_former and _runs(ctx, service, wanted)
        if is_there and service.primary is not None:
            return follow_rollout(ctx, service, service.primary)
        if service.primary is None or service.primary.id != progress.before.get("primary"):
            raise StepFailed(ctx.step_id, "somebody else started a deployment meanwhile")
        target = former if goes_back else _registered(ctx, change, former, wanted)
        ctx.aws.ecs.set_task_definition(change.parameters["cluster"], change.parameters["service"], target.arn)
        return Pending(check_after_s=CHECK_AFTER_S, detail=f"deploying {target.short}")


def _service(ctx: StepContext, change: Change) -> Service:
    return ctx.aws.ecs.service(change.parameters["cluster"], change.parameters["service"])


def _both(ctx: StepContext, change: Change) -> tuple[Revision, Revision]:
    """The former revision, and it with the edits: both from the former alone, however often this is asked."""
    former = ctx.aws.ecs.revision(change.parameters["former"])
    edits = edits_of(as_said(change.parameters), former, ctx.fingerprint_key, ctx.step_id)
    return former, former.with_edits(edits)


def _runs(ctx: StepContext, service: Service, wanted: Revision) -> bool:
    return not difference(wanted, ctx.aws.ecs.revision(service.task_definition))


def _registered(ctx: StepContext, change: Change, former: Revision, wanted: Revision) -> Revision:
    """The newest revision of the family, where an attempt that died has made it already."""
    newest = ctx.aws.ecs.revision(former.family)
    if newest.arn != former.arn and not difference(wanted, newest):
        return newest
    said = as_said(change.parameters)
    return ctx.aws.ecs.register_revision(former, wanted, paths(said) | new_names(said, former))
