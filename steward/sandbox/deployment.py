"""One deployment of the service, and how its rollout stands."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Rollout(StrEnum):
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


@dataclass
class Deployment:
    id: str
    definition: str
    created_at: datetime
    updated_at: datetime
    status: str = "PRIMARY"
    rollout: Rollout = Rollout.IN_PROGRESS
    reason: str = ""
    failed_tasks: int = 0
    finished_at: datetime | None = None
    ever_completed: bool = False
    rolled_back: bool = False

    def enter(self, rollout: Rollout, reason: str, now: datetime) -> None:
        self.rollout, self.reason, self.updated_at = rollout, reason, now
        if rollout is Rollout.IN_PROGRESS:
            self.finished_at = None
        else:
            self.finished_at = now
        if rollout is Rollout.COMPLETED:
            self.ever_completed = True

    @property
    def number(self) -> str:
        return self.id.rsplit("/", 1)[-1]

    @property
    def history_status(self) -> str:
        """As ListServiceDeployments says it."""
        if self.ever_completed:
            return "SUCCESSFUL"
        if self.rolled_back:
            return "ROLLBACK_SUCCESSFUL"
        if self.status == "PRIMARY" and self.rollout is Rollout.IN_PROGRESS:
            return "IN_PROGRESS"
        return "STOPPED"
