"""cloudtrail.recent_changes: who changed this stack's resources in the last hours."""

import re
from datetime import timedelta

from pydantic import Field

from chalicelib.aws.cloudtrail import TrailEvent
from chalicelib.errors import AwsError
from chalicelib.models.shape import Shape
from chalicelib.models.stack import Stack
from chalicelib.models.step_index import Permission
from chalicelib.models.words import Duration, Utc
from chalicelib.redact import strip_hidden
from chalicelib.steps.blindness import denied
from chalicelib.steps.step import Output, Params, Probe, StepContext

_OURS = "mlflow-steward"
"""What our own clients say who they are; anybody could, so it hides nothing and only marks."""
_READS = ("Describe", "Get", "List", "Lookup", "Head", "Filter", "BatchGet")


class ChangesParams(Params):
    within: Duration = 6 * 3600
    limit: int = Field(default=15, ge=1, le=50)


class RecentChange(Shape):
    at: Utc
    event: str
    """Like `rds:ModifyDBInstance`."""
    by: str
    touched: tuple[str, ...]
    """Which of the stack's resources it named."""
    error: str | None
    """It was tried and refused."""
    says_steward: bool


class ChangesOutput(Output):
    skipped: str | None = None
    count: int = 0
    complete: bool = False
    """False: the account changes too much to read it all, so that there may be more (S5)."""
    changes: tuple[RecentChange, ...] = ()
    """Newest first. CloudTrail is up to 15 minutes behind."""


class RecentChanges(Probe[ChangesParams, ChangesOutput]):
    """Calls that named this stack's service, database, bucket, load balancer, secrets or roles and were no reads.

    ```yaml
    - id: changes
      do: cloudtrail.recent_changes
      with: {within: 3h}
    ```
    """

    name = "cloudtrail.recent_changes"
    Params = ChangesParams
    Output = ChangesOutput
    permissions = (
        Permission(action="cloudtrail:LookupEvents", resource="*", why="who changed the stack's resources lately"),
    )

    def read(self, ctx: StepContext, params: ChangesParams) -> ChangesOutput:
        names = resource_names(ctx.stack)
        since = ctx.now - timedelta(seconds=params.within)
        try:
            events, complete = ctx.aws.cloudtrail.changes(since, ctx.now)
            for name in () if complete else names:
                # The region is too busy to read it all; what CloudTrail ties to a name can still be asked for.
                about, _ = ctx.aws.cloudtrail.about(name, since, ctx.now)
                events += about
        except AwsError as error:
            return ChangesOutput(skipped=denied(error))
        found = {event.id: event for event in events if touched(event, names) and not event.name.startswith(_READS)}
        newest = sorted(found.values(), key=lambda event: (event.at, event.id), reverse=True)
        return ChangesOutput(
            count=len(newest),
            complete=complete,
            changes=tuple(_view(event, names) for event in newest[: params.limit]),
        )


def resource_names(stack: Stack) -> tuple[str, ...]:
    database, artifacts, balancer = stack.database, stack.artifacts, stack.load_balancer
    names = (
        stack.ecs.service,
        database.instance if database else None,
        database.cluster if database else None,
        database.secret if database else None,
        artifacts.bucket if artifacts else None,
        balancer.target_group if balancer else None,
        balancer.name if balancer else None,
        stack.mlflow.admin_secret,
        stack.ldap.bind_secret if stack.ldap else None,
        stack.ecs.task_role,
        stack.ecs.execution_role,
        stack.logs.group if stack.logs else None,
    )
    return tuple(dict.fromkeys(_bare(name) for name in names if name))


def _bare(name: str) -> str:
    """Requests name a role or a target group by its name or by its ARN."""
    if not name.startswith("arn:"):
        return name
    if ":secret:" in name:
        return re.sub(r"-\w{6}$", "", name.split(":secret:", 1)[1])
    if ":targetgroup/" in name:
        return name.split(":targetgroup/", 1)[1].split("/", 1)[0]
    return name.rsplit("/", 1)[-1]


def touched(event: TrailEvent, names: tuple[str, ...]) -> tuple[str, ...]:
    """A name counts where it stands alone or as a whole part of an ARN, not inside another name."""
    return tuple(name for name in names if any(_is_named(text, name) for text in event.named))


def _is_named(text: str, name: str) -> bool:
    if text == name:
        return True
    ends = text.endswith((f"/{name}", f":{name}"))
    return text.startswith("arn:") and (ends or f"/{name}/" in text or f":secret:{name}-" in text)


def _view(event: TrailEvent, names: tuple[str, ...]) -> RecentChange:
    return RecentChange(
        at=event.at,
        event=f"{event.source.split('.', 1)[0]}:{event.name}",
        by=strip_hidden(event.by)[:120],
        touched=touched(event, names),
        error=event.error_code,
        says_steward=_OURS in event.agent,
    )
