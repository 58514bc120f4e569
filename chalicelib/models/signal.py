"""Signal: one thing that happened, in one shape, whatever it came from."""

from enum import StrEnum
from typing import Any

from pydantic import Field

from chalicelib.models.shape import Shape, content_hash
from chalicelib.models.words import Utc


class SignalState(StrEnum):
    FIRING = "firing"
    RESOLVED = "resolved"
    INFO = "info"


class SignalKind(StrEnum):
    ALARM = "alarm"
    ALARM_CONFIG = "alarm.config"
    ECS_TASK = "ecs.task"
    ECS_SERVICE = "ecs.service"
    ECS_DEPLOYMENT = "ecs.deployment"
    ECS_CONTAINER_INSTANCE = "ecs.container_instance"
    RDS_EVENT = "rds.event"
    RDS_SNAPSHOT = "rds.snapshot"
    HEALTH = "health"
    BACKUP = "backup"
    SCHEDULE = "schedule"
    SECRETS_ROTATION = "secrets.rotation"
    S3_OBJECT = "s3.object"
    SFN_EXECUTION = "sfn.execution"
    WEBHOOK_ALERTMANAGER = "webhook.alertmanager"
    WEBHOOK_GRAFANA = "webhook.grafana"
    SLACK_INTERACTION = "slack.interaction"
    SLACK_COMMAND = "slack.command"
    MANUAL = "manual"
    HTTP_REQUEST = "http.request"
    SNS_MESSAGE = "sns.message"
    SNS_SUBSCRIPTION = "sns.subscription"
    SQS_MESSAGE = "sqs.message"
    UNKNOWN = "unknown"
    INVALID = "invalid"  # cannot be trusted: rejected with a reason, recorded, never a crash


ROTATION_FAILED = "RotationFailed"


def is_work(kind: SignalKind, name: str | None) -> bool:
    """Something to do where nothing is wrong: a rotated secret is still to be read. It keeps firing while it waits
    and yet is no trouble, unlike a rotation that failed."""
    return kind is SignalKind.SECRETS_ROTATION and name != ROTATION_FAILED


class Signal(Shape):
    id: str
    """The event's own id (one event can carry several signals: `<event>.<n>` from the second on)."""
    kind: SignalKind
    state: SignalState
    name: str | None = None
    """Alarm name, ECS event name, schedule or runbook name: what a trigger matches on."""
    resource: str | None = None
    """What it is about, as a person would say it: `cluster/service`, an instance id, a bucket."""
    source: str
    """The road it came by: eventbridge, sns, sqs, lambda, api, cli, sweep."""
    account: str | None = None
    region: str | None = None
    occurred_at: Utc
    actionable: bool = False
    """Whether a sensible default policy would act on it; a muted or suppressed alarm is not."""
    reason: str | None = None
    """Why it is not actionable or not valid, else what the event itself says happened."""
    keys: tuple[str, ...] = ()
    """Everything that can tie it to a stack, as `kind:value`: see `StackKeys` in models/stack.py."""
    facts: dict[str, Any] = Field(default_factory=dict)
    """Flat JSON values from the event that triggers and guards may read (dimensions, stop code, …)."""
    stack: str | None = None
    echo_of: str | None = None
    """The run that caused this event, when Steward hears itself."""

    def of_stack(self, stack: str) -> "Signal":
        """What `model_copy(update={"stack": stack})` gives, in half its time: every event comes this way."""
        tied = Signal.__new__(Signal)
        object.__setattr__(tied, "__dict__", {**self.__dict__, "stack": stack})
        object.__setattr__(tied, "__pydantic_fields_set__", self.__pydantic_fields_set__ | {"stack"})
        object.__setattr__(tied, "__pydantic_extra__", None)
        object.__setattr__(tied, "__pydantic_private__", None)
        return tied

    @property
    def fingerprint(self) -> str:
        """Same stack, kind, resource and name are the same trouble; state and time are not part of it."""
        return content_hash([self.stack, self.kind.value, self.resource, self.name])[:20]

    @property
    def settles_after_s(self) -> int:
        """How long the source itself needs before its silence means something; at least 5 minutes."""
        period = int(self.facts.get("period_s") or 60)
        return max(300, period * int(self.facts.get("evaluation_periods") or 1))
