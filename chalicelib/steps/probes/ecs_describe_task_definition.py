"""ecs.describe_task_definition: what the tasks are made of, without a single environment value (S29)."""

from chalicelib.aws.ecs_shapes import TaskDefinition
from chalicelib.models.words import Utc
from chalicelib.steps.mlflow_install import install_lines
from chalicelib.steps.permissions import DESCRIBE_SERVICE, DESCRIBE_TASK_DEFINITION
from chalicelib.steps.step import Output, Params, Probe, StepContext
from chalicelib.steps.task_disk import own_disk


class TaskDefinitionParams(Params):
    revision: str | None = None
    """Family and revision, like `mlflow:12`; without it the one the service runs."""


class TaskDefinitionOutput(Output):
    name: str
    family: str
    revision: int
    active: bool
    registered_at: Utc | None
    cpu: str | None
    memory: str | None
    image: str | None
    """Of the stack's container; None when there is no container of that name."""
    environment: tuple[str, ...]
    """Names only."""
    secrets: tuple[str, ...]
    """Names of the variables that are read from secrets."""
    installs_at_start: bool
    """MLflow is installed by the start command: the index being down keeps new tasks from starting."""
    own_disk: tuple[str, ...]
    """What every task loses when it stops (S1)."""


class DescribeTaskDefinition(Probe[TaskDefinitionParams, TaskDefinitionOutput]):
    """The task definition the service runs: image, sizes, and what its tasks keep on their own disk.

    ```yaml
    - id: definition
      do: ecs.describe_task_definition
    ```
    """

    name = "ecs.describe_task_definition"
    Params = TaskDefinitionParams
    Output = TaskDefinitionOutput
    permissions = (DESCRIBE_SERVICE, DESCRIBE_TASK_DEFINITION)

    def read(self, ctx: StepContext, params: TaskDefinitionParams) -> TaskDefinitionOutput:
        where = ctx.stack.ecs
        name = params.revision or ctx.aws.ecs.service(where.cluster, where.service).task_definition
        return _output(ctx.aws.ecs.task_definition(name), where.container)


def _output(definition: TaskDefinition, container_name: str) -> TaskDefinitionOutput:
    container = next((c for c in definition.containers if c.name == container_name), None)
    return TaskDefinitionOutput(
        name=f"{definition.family}:{definition.revision}",
        family=definition.family,
        revision=definition.revision,
        active=definition.active,
        registered_at=definition.registered_at,
        cpu=definition.cpu,
        memory=definition.memory,
        image=container.image if container else None,
        environment=tuple(sorted(container.environment)) if container else (),
        secrets=tuple(sorted(container.secrets)) if container else (),
        installs_at_start=bool(container and install_lines(container)),
        own_disk=tuple(str(store) for store in own_disk(definition)),
    )
