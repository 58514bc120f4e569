"""secrets.describe: whether the secrets that MLflow needs are there and when they changed. Never a value."""

from datetime import datetime

from chalicelib.errors import AwsError
from chalicelib.models.shape import Shape
from chalicelib.models.words import Utc
from chalicelib.steps.blindness import denied
from chalicelib.steps.permissions import DESCRIBE_SECRETS, DESCRIBE_SERVICE, DESCRIBE_TASK_DEFINITION, READ_TASKS
from chalicelib.steps.step import NoParams, Output, Probe, StepContext

_MOST = 20


class SecretState(Shape):
    name: str
    used_for: tuple[str, ...]
    exists: bool
    """False also while it waits for its deletion, since nobody can read it then."""
    rotates: bool = False
    changed_at: Utc | None = None
    rotated_at: Utc | None = None
    kms_key: str | None = None
    changed_after_start: bool | None = None
    """Tasks read a secret when they start: True means that some of them still use the value before."""


class SecretsOutput(Output):
    skipped: str | None = None
    """Why some could not be looked at; those that could are in `secrets`."""
    missing: tuple[str, ...] = ()
    changed_after_start: tuple[str, ...] = ()
    secrets: tuple[SecretState, ...] = ()


class DescribeSecrets(Probe[NoParams, SecretsOutput]):
    """Every secret that the stack and its task definition name: is it there, and is it newer than the tasks?

    ```yaml
    - id: secrets
      do: secrets.describe
    ```
    """

    name = "secrets.describe"
    Params = NoParams
    Output = SecretsOutput
    permissions = (DESCRIBE_SERVICE, *READ_TASKS, DESCRIBE_TASK_DEFINITION, DESCRIBE_SECRETS)

    def read(self, ctx: StepContext, params: NoParams) -> SecretsOutput:  # noqa: ARG002 - it has none
        try:
            uses = _uses(ctx)
            oldest = _oldest_start(ctx)
        except AwsError as error:
            return SecretsOutput(skipped=denied(error))
        found: list[SecretState] = []
        skipped: str | None = None
        for name, used_for in list(uses.items())[:_MOST]:
            try:
                found.append(_state(ctx, name, tuple(sorted(used_for)), oldest if "task" in used_for else None))
            except AwsError as error:
                skipped = skipped or denied(error)
        return SecretsOutput(
            skipped=skipped,
            missing=tuple(state.name for state in found if not state.exists),
            changed_after_start=tuple(state.name for state in found if state.changed_after_start),
            secrets=tuple(found),
        )


def _uses(ctx: StepContext) -> dict[str, set[str]]:
    """Secret to what it is for; `task` stands for the variables of the running task definition."""
    stack = ctx.stack
    named = {
        "database": stack.database.secret if stack.database else None,
        "login": stack.mlflow.admin_secret,
        "ldap": stack.ldap.bind_secret if stack.ldap else None,
        "artifacts": stack.artifacts.secret if stack.artifacts else None,
    }
    uses: dict[str, set[str]] = {}
    for used_for, name in named.items():
        if name:
            uses.setdefault(name, set()).add(used_for)
    definition = ctx.aws.ecs.task_definition(ctx.aws.ecs.service(stack.ecs.cluster, stack.ecs.service).task_definition)
    for container in definition.containers:
        for source in container.secrets.values():
            if ":secretsmanager:" in source:  # the others are SSM parameters
                # arn:…:secret:NAME:json-key:version-stage:version-id
                uses.setdefault(":".join(source.split(":")[:7]), set()).add("task")
    return uses


def _oldest_start(ctx: StepContext) -> datetime | None:
    tasks = ctx.aws.ecs.tasks(ctx.stack.ecs.cluster, ctx.stack.ecs.service)
    return min((task.started_at for task in tasks if task.started_at), default=None)


def _state(ctx: StepContext, name: str, used_for: tuple[str, ...], oldest: datetime | None) -> SecretState:
    facts = ctx.aws.secrets.facts(name)
    if facts is None:
        return SecretState(name=name, used_for=used_for, exists=False)
    return SecretState(
        name=facts.name,
        used_for=used_for,
        exists=not facts.deleted,
        rotates=facts.rotates,
        changed_at=facts.changed_at,
        rotated_at=facts.rotated_at,
        kms_key=facts.kms_key,
        changed_after_start=facts.changed_at > oldest if oldest and facts.changed_at else None,
    )
