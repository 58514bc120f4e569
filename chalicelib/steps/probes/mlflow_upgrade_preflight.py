"""mlflow.upgrade_preflight: whether another MLflow would find what it needs, and whether it migrates. Reads only."""

from collections.abc import Callable

from pydantic import Field

from chalicelib.aws.ecs_shapes import ContainerDefinition
from chalicelib.errors import StepRefused
from chalicelib.models.step_index import Permission
from chalicelib.steps.actions.rds_create_snapshot import CreateSnapshot, SnapshotParams
from chalicelib.steps.mlflow_schemas import Need
from chalicelib.steps.mlflow_target import VERSION
from chalicelib.steps.one_off import db_upgrade_command, overrides_of
from chalicelib.steps.permissions import DESCRIBE_TASK_DEFINITION, READ_SERVICE
from chalicelib.steps.probes.db_connect import Connect
from chalicelib.steps.probes.ecs_describe_service import is_deploying
from chalicelib.steps.rds_permissions import LIST_SNAPSHOTS, READ_QUOTAS
from chalicelib.steps.rollout import refuse_other_roles, refuse_stop_before_start
from chalicelib.steps.service_state import read_service
from chalicelib.steps.step import Output, Params, Probe, StepContext
from chalicelib.steps.upgrade_preflight import Judged, judge

HAS_IMAGE = Permission(
    action="ecr:DescribeImages",
    resource="arn:{partition}:ecr:{region}:{account}:repository/*",
    why="whether the image to go to is there",
)
READ_TARGET = (*READ_SERVICE, DESCRIBE_TASK_DEFINITION, HAS_IMAGE, *Connect.permissions, *LIST_SNAPSHOTS, READ_QUOTAS)


class PreflightParams(Params):
    version: str | None = Field(default=None, pattern=VERSION)
    """Without it the one that the service's task definition names."""
    image: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_./:@-]+$", max_length=512)
    """Only where MLflow comes with the image."""
    must_pass: bool = False
    """Fail where something forbids the upgrade, so that the run ends before anything is changed."""


class PreflightOutput(Output):
    version_now: str | None
    """None: it comes with an image that does not say."""
    version_wanted: str | None
    installs_at_start: bool
    """The start command installs MLflow, so its line changes and not the image (S12)."""
    schema_now: str | None
    schema_wanted: str | None
    """None: nobody here knows this version."""
    migration: str
    """nothing, migration, newer_mlflow or unknown."""
    other_version: bool
    needed: bool
    """There is something to do: another version, or a schema that is not known to fit."""
    wrong: tuple[str, ...] = ()
    """What forbids it."""
    unseen: tuple[str, ...] = ()
    """What could not be seen from here."""


class UpgradePreflight(Probe[PreflightParams, PreflightOutput]):
    """What an upgrade to that version would meet: image, drivers, settings newer versions demand, the schema.

    ```yaml
    - id: preflight
      do: mlflow.upgrade_preflight
      with: {version: 3.17.2}
    ```
    """

    name = "mlflow.upgrade_preflight"
    Params = PreflightParams
    Output = PreflightOutput
    permissions = READ_TARGET

    def read(self, ctx: StepContext, params: PreflightParams) -> PreflightOutput:
        found = judge(ctx, serving_container(ctx), params.version, params.image)
        wrong = (*found.wrong, *_in_the_way(ctx, found)) if found.is_work else found.wrong
        if params.must_pass and wrong:
            raise StepRefused(f"MLflow {found.version}: {'; '.join(wrong)}")
        return PreflightOutput(
            version_now=found.source.version,
            version_wanted=found.version or None,
            installs_at_start=found.source.where.value != "image",
            schema_now=found.schema_now,
            schema_wanted=found.schema_wanted,
            migration=found.need.value,
            other_version=bool(found.edits),
            needed=found.is_work,
            wrong=wrong,
            unseen=found.unseen,
        )


def _in_the_way(ctx: StepContext, found: Judged) -> list[str]:
    """What the steps that follow would refuse: better said before the first of them than between two."""
    state = read_service(ctx)
    tried: list[Callable[[], object]] = [
        lambda: refuse_stop_before_start(state),
        lambda: CreateSnapshot().plan(ctx, SnapshotParams()),
        lambda: found.need is Need.NOTHING or overrides_of(found.target, db_upgrade_command(found.target)),
    ]
    if found.edits:
        tried.append(lambda: refuse_other_roles(ctx, ctx.aws.ecs.revision(state.service.task_definition)))
    # Where the version stays, a deployment that cannot come up for want of the migration is what this is about.
    wrong = ["a deployment is in progress"] if found.edits and is_deploying(state) else []
    for attempt in tried:
        try:
            attempt()
        except StepRefused as refused:
            wrong.append(str(refused))
    return wrong


def serving_container(ctx: StepContext) -> ContainerDefinition:
    """Of the revision that the service is to run."""
    where = ctx.stack.ecs
    service = ctx.aws.ecs.service(where.cluster, where.service)
    definition = ctx.aws.ecs.task_definition(service.task_definition)
    for container in definition.containers:
        if container.name == where.container:
            return container
    raise StepRefused(f"{definition.family}:{definition.revision} has no container {where.container}")
