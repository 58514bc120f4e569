"""ecs.deregister_revisions: old task definition revisions of the service's family, each by its ARN (S14).

Kept are the newest ones, all that anything runs, deploys or would start anywhere, all that were ever the last
good one in the 90 days that ECS remembers (where it remembers none, those just before what runs), and whatever is
young. What is in use is looked at again before the first call.
"""

from datetime import timedelta

from pydantic import Field

from chalicelib.aws.ecs_families import revision_number
from chalicelib.models.change import Change, ChangeProgress
from chalicelib.models.rights import planning
from chalicelib.models.step_index import Permission
from chalicelib.models.words import Risk
from chalicelib.steps import permissions
from chalicelib.steps.caution import refuse_while_doubted
from chalicelib.steps.step import Action, ActionOutput, Applied, Done, Look, Params, Standing, StepContext

_OPERATION = "ecs:DeregisterTaskDefinition"
_EVENTS, _SCHEDULES = (f"arn:{{partition}}:{service}:{{region}}:{{account}}" for service in ("events", "scheduler"))
_READ_STARTERS = (
    Permission(action="events:ListEventBuses", resource="*", why="where rules may start tasks"),
    Permission(action="events:ListRuleNamesByTarget", resource="*", why="which rules start tasks in a cluster"),
    Permission(
        action="events:ListTargetsByRule", resource=f"{_EVENTS}:rule/*", why="with which revision a rule starts them"
    ),
    Permission(action="scheduler:ListSchedules", resource="*", why="which schedules start tasks"),
    Permission(
        action="scheduler:GetSchedule",
        resource=f"{_SCHEDULES}:schedule/*/*",
        why="with which revision a schedule starts them",
    ),
)


class RevisionParams(Params):
    keep: int = Field(default=10, ge=3, le=100)
    """The newest ones, whatever else holds."""
    older_than_days: int = Field(default=90, ge=14, le=3650)
    """At least as long as Steward's own changes may be undone."""
    most: int = Field(default=50, ge=1, le=100)


class RevisionOutput(ActionOutput):
    removed: int = 0
    left_in_use: int = 0
    """Came into use between the plan and the call."""


class DeregisterRevisions(Action[RevisionParams]):
    """Deregister old revisions of the service's task definition that nothing uses and nobody would go back to.

    ```yaml
    - id: revisions
      do: ecs.deregister_revisions
      with: {keep: 10, olderThanDays: 90}
    ```
    """

    name = "ecs.deregister_revisions"
    Params = RevisionParams
    Output = RevisionOutput
    permissions = (
        permissions.DESCRIBE_SERVICE,
        permissions.DESCRIBE_TASK_DEFINITION,
        *planning(*permissions.READ_DEPLOYMENT_HISTORY),
        Permission(action="ecs:ListTaskDefinitions", resource="*", why="which revisions there are"),
        Permission(action="ecs:ListClusters", resource="*", why="where a revision may be in use"),
        Permission(action="ecs:ListServices", resource="*", why="which services may use one"),
        Permission(
            action="ecs:DescribeServices",
            resource="arn:{partition}:ecs:{region}:{account}:service/*",
            why="which revisions other services run and deploy",
        ),
        Permission(action="ecs:ListTasks", resource="*", why="which tasks may use one, in any cluster"),
        Permission(
            action="ecs:DescribeTasks",
            resource="arn:{partition}:ecs:{region}:{account}:task/*",
            why="which revisions tasks were started from",
        ),
        *_READ_STARTERS,
        # ECS knows no resource for this action; the family is held to in code.
        Permission(action=_OPERATION, resource="*", why="deregister a revision that the plan names"),
    )
    risk = Risk.LOW
    reversible = False

    def plan(self, ctx: StepContext, params: RevisionParams) -> tuple[Change, ...]:
        refuse_while_doubted(ctx)
        ecs = ctx.stack.ecs
        now = ctx.aws.ecs.service(ecs.cluster, ecs.service).task_definition
        family = ctx.aws.ecs.task_definition(now).family
        active = ctx.aws.ecs_families.active(family)
        good = {each.task_definition for each in ctx.aws.ecs.completed_deployments(ecs.cluster, ecs.service)}
        if not good - {now}:
            good |= _just_before(now, active, params.keep)
        spared = {now, *good, *active[: params.keep], *ctx.aws.ecs_families.in_use(family)}
        old = _old(ctx, [arn for arn in reversed(active) if arn not in spared], params)
        return (_change(ctx, family, old, len(active), params),) if old else ()

    def look(self, ctx: StepContext, change: Change) -> Look:
        left = _left(ctx, change)
        if not left:
            return Look(standing=Standing.ALREADY, detail="none of them is active any more")
        return Look(standing=Standing.READY, detail=f"{len(left)} of them are active")

    def apply(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:  # noqa: ARG002 - ECS tells
        in_use = ctx.aws.ecs_families.in_use(change.parameters["family"])
        for arn in _left(ctx, change):
            if arn not in in_use:
                ctx.aws.ecs_families.deregister(arn)
        left = len([arn for arn in change.parameters["taskDefinitions"] if arn in in_use])
        removed = len(change.parameters["taskDefinitions"]) - left
        return Done(
            detail=f"{removed} revisions deregistered" + (f", {left} came into use and were left" if left else ""),
            facts={"removed": removed, "left_in_use": left},
        )


def _just_before(now: str, active: tuple[str, ...], keep: int) -> set[str]:
    """Where ECS has forgotten which deployment was the last good one before this: most likely one of these."""
    before = [arn for arn in active if revision_number(arn) < revision_number(now)]
    return set(before[:keep])


def _old(ctx: StepContext, candidates: list[str], params: RevisionParams) -> list[str]:
    """The oldest first. One that does not say when it was registered is not old."""
    before = ctx.now - timedelta(days=params.older_than_days)
    found: list[str] = []
    for arn in candidates:
        if len(found) == params.most:
            break
        registered = ctx.aws.ecs.task_definition(arn).registered_at
        if registered is not None and registered < before:
            found.append(arn)
    return found


def _change(ctx: StepContext, family: str, old: list[str], active: int, params: RevisionParams) -> Change:
    first, last = revision_number(old[0]), revision_number(old[-1])
    which = f"{family}:{first}" if len(old) == 1 else f"{family}, {len(old)} between {first} and {last}"
    return Change(
        step=ctx.step_id,
        action=DeregisterRevisions.name,
        operation=_OPERATION,
        parameters={"family": family, "taskDefinitions": old},
        resource=f"task definition {family}",
        sentence=f"Deregister revisions of {which} (of {active} active): older than {params.older_than_days} days, "
        f"used by nothing, not among the newest {params.keep}",
    )


def _left(ctx: StepContext, change: Change) -> list[str]:
    active = set(ctx.aws.ecs_families.active(change.parameters["family"]))
    return [arn for arn in change.parameters["taskDefinitions"] if arn in active]
