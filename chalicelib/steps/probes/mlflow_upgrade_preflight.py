"""mlflow.upgrade_preflight: whether another MLflow would find what it needs, and whether it migrates. Reads only."""

from pydantic import Field

from chalicelib.aws.ecs_shapes import ContainerDefinition
from chalicelib.errors import StepRefused
from chalicelib.models.step_index import Permission
from chalicelib.steps.mlflow_target import VERSION
from chalicelib.steps.permissions import DESCRIBE_SERVICE, DESCRIBE_TASK_DEFINITION
from chalicelib.steps.probes.db_connect import Connect
from chalicelib.steps.step import Output, Params, Probe, StepContext
from chalicelib.steps.upgrade_preflight import judge

HAS_IMAGE = Permission(
    action="ecr:DescribeImages",
    resource="arn:{partition}:ecr:{region}:{account}:repository/*",
    why="whether the image to go to is there",
)
READ_TARGET = (DESCRIBE_SERVICE, DESCRIBE_TASK_DEFINITION, HAS_IMAGE, *Connect.permissions)


class PreflightParams(Params):
    version: str | None = Field(default=None, pattern=VERSION)
    """Without it the one that the service's task definition names."""
    image: str | None = Field(default=None, pattern=r"^[\w./:@-]+$", max_length=512)
    """Only where MLflow comes with the image."""


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
        return PreflightOutput(
            version_now=found.source.version,
            version_wanted=found.version or None,
            installs_at_start=found.source.where.value != "image",
            schema_now=found.schema_now,
            schema_wanted=found.schema_wanted,
            migration=found.need.value,
            other_version=bool(found.edits),
            needed=bool(found.edits) or found.need.value != "nothing",
            wrong=found.wrong,
            unseen=found.unseen,
        )


def serving_container(ctx: StepContext) -> ContainerDefinition:
    """Of the revision that the service is to run."""
    where = ctx.stack.ecs
    service = ctx.aws.ecs.service(where.cluster, where.service)
    definition = ctx.aws.ecs.task_definition(service.task_definition)
    for container in definition.containers:
        if container.name == where.container:
            return container
    raise StepRefused(f"{definition.family}:{definition.revision} has no container {where.container}")
