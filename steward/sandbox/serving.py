"""What a serving task cannot do for its users, as database, bucket, directory and its variables stand.

The one place that judges it: HTTP answers, metrics and log lines are made from here and so agree.
"""

from dataclasses import dataclass

from chalicelib.steps.upgrade_preflight import is_allowed
from steward.sandbox import place
from steward.sandbox.bucket import Bucket, S3Error, Store
from steward.sandbox.database import Database
from steward.sandbox.database_words import Refusal
from steward.sandbox.directory import URL_VARIABLE, Directory
from steward.sandbox.task import Task

HOSTS_VARIABLE = "MLFLOW_SERVER_ALLOWED_HOSTS"
UPLOADS = 0.2
"""The share of the users' requests that upload artifacts."""


@dataclass(frozen=True)
class Serving:
    database: Database
    bucket: Bucket
    directory: Directory

    def refuses_host(self, task: Task, host: str) -> bool:
        allowed = task.environment.get(HOSTS_VARIABLE)
        return allowed is not None and not is_allowed(host, allowed)

    def is_locked_out(self, task: Task) -> bool:
        """Nobody can log in: the directory that says who somebody is does not answer."""
        return URL_VARIABLE in task.environment and not self.directory.is_up

    def database_refusal(self, task: Task) -> Refusal | None:
        return self.database.refuses(task)

    def artifact_error(self, task: Task, action: str) -> S3Error | None:
        return self.bucket.error_for(task, action)

    @property
    def no_s3(self) -> bool:
        return self.bucket.state == Store.UNREACHABLE

    def errors(self, task: Task) -> tuple[float, float]:
        """Shares of the users' requests that end in 5xx and in 4xx."""
        if self.refuses_host(task, place.URL_HOST) or self.is_locked_out(task):
            return 0.0, 1.0
        if self.database_refusal(task):
            return 1.0, 0.0
        uploads_fail = self.no_s3 or self.artifact_error(task, "s3:PutObject") is not None
        return max(task.behaviour.error_share, UPLOADS if uploads_fail else 0.0), 0.0
