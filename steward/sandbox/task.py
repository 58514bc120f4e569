"""One Fargate task: its way from PROVISIONING to STOPPED, and how it behaves on it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from steward.sandbox import place


class Status(StrEnum):
    PROVISIONING = "PROVISIONING"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    DEACTIVATING = "DEACTIVATING"  # its target drains
    STOPPING = "STOPPING"  # SIGTERM is sent, SIGKILL after 30 s
    DEPROVISIONING = "DEPROVISIONING"
    STOPPED = "STOPPED"


DRAIN_S = 30
_NEXT = {
    Status.PROVISIONING: Status.PENDING,
    Status.PENDING: Status.RUNNING,
    Status.DEACTIVATING: Status.STOPPING,
    Status.STOPPING: Status.DEPROVISIONING,
    Status.DEPROVISIONING: Status.STOPPED,
}
_LASTS_S = {
    Status.PROVISIONING: 10,
    Status.PENDING: 10,
    Status.DEACTIVATING: DRAIN_S,
    Status.STOPPING: 10,
    Status.DEPROVISIONING: 10,
}
_KILLED_AFTER_S = 30


@dataclass(frozen=True)
class Behaviour:
    """What a task will do once it runs. The default installs MLflow, starts it and serves."""

    ready_after_s: int = 75
    fails_to_start: str | None = None
    """Never comes to run, and ECS's reason for it."""
    exits_after_s: int | None = None
    exit_code: int = 1
    container_reason: str | None = None
    last_words: tuple[str, ...] = ()
    """Log lines just before it exits."""
    hangs: bool = False
    """Runs and never answers."""
    error_share: float = 0.0
    """Share of API requests it answers with 500."""


@dataclass
class Task:
    id: str
    arn: str
    definition: str
    group: str
    started_by: str
    created_at: datetime
    address: str
    zone: int
    interface: str
    attachment: str
    behaviour: Behaviour = Behaviour()
    image: str = place.IMAGE
    mlflow: str = place.MLFLOW_VERSION
    """What its start command installs, or its image holds."""
    cpu: int = 512
    memory_mib: int = 1024
    environment: dict[str, str] = field(default_factory=dict)
    database_password: str = field(default=place.DATABASE_PASSWORD, repr=False)
    """What the secret said when the task started: it never learns another."""
    deployment: str | None = None
    """Id of the deployment it belongs to; None for a task that somebody ran by hand."""
    overrides: dict[str, object] = field(default_factory=dict)
    tags: list[dict[str, str]] = field(default_factory=list)
    status: Status = Status.PROVISIONING
    desired: str = "RUNNING"
    version: int = 1
    started_at: datetime | None = None
    stopping_at: datetime | None = None
    execution_stopped_at: datetime | None = None
    stopped_at: datetime | None = None
    stop_code: str | None = None
    stopped_reason: str | None = None
    exit_code: int | None = None
    container_reason: str | None = None
    hung: bool = False
    health_code: int = 200
    """What `/health` answers while the task answers at all."""
    ever_healthy: bool = False
    proved: bool = False
    """The service has counted its coming up."""
    protected_until: datetime | None = None
    said_ready: bool = False
    is_held: bool = False
    """Its server process does not come up yet: it waits for its database."""
    asked: int = 0
    """API requests so far; decides which of them are the errors of `error_share`."""
    _moves_at: datetime | None = None

    def __post_init__(self) -> None:
        self.hung = self.behaviour.hangs
        self._moves_at = self.created_at + timedelta(seconds=_LASTS_S[self.status])

    @property
    def is_live(self) -> bool:
        return self.desired == "RUNNING"

    @property
    def is_pending(self) -> bool:
        return self.is_live and self.status in {Status.PROVISIONING, Status.PENDING}

    @property
    def is_running(self) -> bool:
        return self.is_live and self.status is Status.RUNNING

    def is_ready(self, now: datetime) -> bool:
        """The server process listens, whether or not it still answers."""
        listening = self.status in {Status.RUNNING, Status.DEACTIVATING} and self.started_at is not None
        return listening and not self.is_held and self.age_s(now) >= self.behaviour.ready_after_s

    def answers(self, now: datetime) -> bool:
        return self.is_ready(now) and not self.hung

    def age_s(self, now: datetime) -> float:
        """Since it runs."""
        return (now - self.started_at).total_seconds() if self.started_at else 0.0

    def is_protected(self, now: datetime) -> bool:
        return self.protected_until is not None and now < self.protected_until

    def stop(self, now: datetime, code: str, reason: str) -> None:
        """Somebody wants it to end: drain, SIGTERM, and what it then says."""
        was_running = self.status is Status.RUNNING
        self._ends(now, code, reason)
        self._enter(Status.DEACTIVATING if was_running else Status.DEPROVISIONING, now)

    def step(self, now: datetime) -> bool:
        """One tick. True when its status changed."""
        if self.status is Status.RUNNING:
            return self._exits(now)
        if self._moves_at is None or now < self._moves_at:
            return False
        if self.status is Status.PENDING and self.behaviour.fails_to_start:
            self._ends(now, "TaskFailedToStart", self.behaviour.fails_to_start)
            self.container_reason = self.behaviour.container_reason
            self._enter(Status.DEPROVISIONING, now)
        else:
            self._enter(_NEXT[self.status], now)
        return True

    def _exits(self, now: datetime) -> bool:
        after = self.behaviour.exits_after_s
        if after is None or self.age_s(now) < after:
            return False
        self.exit(now, self.behaviour.exit_code, self.behaviour.container_reason)
        return True

    def exit(self, now: datetime, code: int, container_reason: str | None = None) -> None:
        """Its process ended by itself."""
        self._ends(now, "EssentialContainerExited", "Essential container in task exited")
        self.exit_code, self.container_reason = code, container_reason
        self.execution_stopped_at = now
        self._enter(Status.DEPROVISIONING, now)

    def _ends(self, now: datetime, code: str, reason: str) -> None:
        self.desired, self.stopping_at = "STOPPED", now
        self.stop_code, self.stopped_reason = code, reason

    def _enter(self, status: Status, now: datetime) -> None:
        self.status = status
        self.version += 1
        lasts = _LASTS_S.get(status)
        if status is Status.STOPPING and self.hung:
            lasts = _KILLED_AFTER_S
        self._moves_at = now + timedelta(seconds=lasts) if lasts is not None else None
        if status is Status.RUNNING:
            self.started_at = now
        elif status is Status.DEPROVISIONING and self.started_at and self.execution_stopped_at is None:
            self.exit_code = 137 if self.hung else 0
            self.execution_stopped_at = now
        elif status is Status.STOPPED:
            self.stopped_at = now
