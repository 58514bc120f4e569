"""Runbook: what it reacts to, its guards, steps, verification, as people write it in YAML.

These models hold shape only. What needs the step registry (does the step exist, does a reference
point at a field) is the linter's work in catalog/lint.py.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from chalicelib.models.shape import YamlShape, content_hash
from chalicelib.models.words import Autonomy, Duration, Name, StepId


class AlarmTrigger(YamlShape):
    name: str = "*"
    state: Literal["ALARM", "OK", "INSUFFICIENT_DATA"] = "ALARM"
    metric: str | None = None
    namespace: str | None = None


class EcsServiceTrigger(YamlShape):
    event: str


class EcsTaskTrigger(YamlShape):
    stop_code: str | None = None
    stopped_reason: str | None = None
    exit_code: int | None = None
    cause: Literal["crashed", "out_of_memory", "unhealthy", "failed_to_start"] | None = None
    """What the stop amounts to. Not the same as exit code 137, which follows health-check kills too."""


class EcsDeploymentTrigger(YamlShape):
    event: str = "SERVICE_DEPLOYMENT_FAILED"


class SecretsRotationTrigger(YamlShape):
    """Of a secret that the stack names."""

    event: Literal["RotationSucceeded", "RotationFailed"] = "RotationSucceeded"


class AlertmanagerTrigger(YamlShape):
    alertname: str
    labels: dict[str, str] = {}


class ScheduleTrigger(YamlShape):
    """`cron(0 2 * * ? *)` or `rate(1 day)`, as EventBridge Scheduler reads them."""

    expression: Annotated[str, StringConstraints(pattern=r"^(cron|rate)\(.+\)$")]
    timezone: str = "UTC"
    window: Duration | None = None


class ManualTrigger(YamlShape):
    pass


class Trigger(YamlShape):
    """Exactly one source per entry of `on:`."""

    alarm: AlarmTrigger | None = None
    ecs_service: EcsServiceTrigger | None = Field(default=None, alias="ecs.service")
    ecs_task: EcsTaskTrigger | None = Field(default=None, alias="ecs.task")
    ecs_deployment: EcsDeploymentTrigger | None = Field(default=None, alias="ecs.deployment")
    secrets_rotation: SecretsRotationTrigger | None = Field(default=None, alias="secrets.rotation")
    alertmanager: AlertmanagerTrigger | None = None
    schedule: ScheduleTrigger | None = None
    manual: ManualTrigger | None = None

    @model_validator(mode="after")
    def _one_source(self) -> "Trigger":
        if sum(value is not None for _, value in self) != 1:
            raise ValueError('each entry of `on` names exactly one source, like `- alarm: {name: "*"}`')
        return self


class Input(YamlShape):
    type: Literal["string", "integer", "number", "boolean"]
    description: str | None = None
    default: str | int | float | bool | None = None
    minimum: float | None = None
    maximum: float | None = None
    enum: tuple[str | int, ...] | None = None
    pattern: str | None = None
    required: bool = False


class MaxRuns(YamlShape):
    count: int = Field(ge=1, le=1000)
    per: Duration


Percent = Annotated[str, StringConstraints(pattern=r"^(100|[1-9]?[0-9])%$")]


class BlastRadius(YamlShape):
    tasks: Percent | Annotated[int, Field(ge=1)]

    def of(self, total: int) -> int:
        """How many of `total` may be touched. Rounds down: 50% of 3 is 1, never 2."""
        if isinstance(self.tasks, int):
            return self.tasks
        return total * int(self.tasks.rstrip("%")) // 100


class Guards(YamlShape):
    cooldown: Duration = 900
    max_runs: MaxRuns = MaxRuns(count=3, per="6h")  # type: ignore[arg-type]  # Duration reads text
    blast_radius: BlastRadius | None = None
    stand_aside: tuple[str, ...] = ("deployment_in_progress", "freeze", "database_failing_over")
    """Names of checks that must not be true, and `freeze`."""
    approvers: Literal["any", "other"] = "any"


_ON_FAILURE = re.compile(r"^(abort|continue|escalate|step:[a-z][a-z0-9_]*)$")


def _failure_route(value: str) -> str:
    if not _ON_FAILURE.match(value):
        raise ValueError("write abort, continue, escalate or step:ID")
    return value


OnFailure = Annotated[str, AfterValidator(_failure_route)]


class Step(YamlShape):
    """One entry of `steps`: either `do` (a probe, an action, `ask_approval`, `wait_until`) or `include`."""

    id: StepId
    do: str | None = None
    include: Name | None = None
    when: str | None = None
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    timeout: Duration = 900
    max_attempts: int = Field(default=2, ge=1, le=10)
    on_failure: OnFailure = "abort"
    on_cancel: OnFailure = "abort"

    @model_validator(mode="after")
    def _do_or_include(self) -> "Step":
        if (self.do is None) == (self.include is None):
            raise ValueError("a step has either `do: service.verb_object` or `include: other-runbook`")
        return self


class Verify(YamlShape):
    within: Duration = 600
    hold: Duration = 120
    every: Duration = 30
    that: tuple[str, ...] = Field(min_length=1)


class Tell(YamlShape):
    on: tuple[Literal["start", "end", "approval"], ...] = ("end", "approval")
    channels: str = "default"


class Runbook(YamlShape):
    runbook: Name
    title: str = Field(min_length=3, max_length=120)
    description: str | None = None
    on: tuple[Trigger, ...] = Field(min_length=1)
    inputs: dict[Annotated[str, StringConstraints(pattern=r"^[a-z][A-Za-z0-9_]*$")], Input] = {}
    at_least_one_of: tuple[str, ...] = ()
    """Inputs without any of which there would be nothing to do."""
    autonomy: Autonomy = Autonomy.SUGGEST
    guards: Guards = Guards()
    planned_work: bool = False
    """While it runs an outage is expected: alarms join the run, start nothing and count for no brake (S6, S19)."""
    steps: tuple[Step, ...] = Field(min_length=1)
    verify: Verify | None = None
    tell: Tell = Tell()

    @model_validator(mode="after")
    def _asks_for_its_own_inputs(self) -> "Runbook":
        unknown = [name for name in self.at_least_one_of if name not in self.inputs]
        if unknown:
            raise ValueError(f"atLeastOneOf names {', '.join(unknown)}, which `inputs` does not declare")
        return self

    @property
    def content_hash(self) -> str:
        return content_hash(self.model_dump(mode="json"))
