"""The log lines of the users' requests that fail. They come whether or not Steward asks anything."""

from datetime import datetime

from steward.sandbox import access_words, artifact_words, place
from steward.sandbox import database_words as words
from steward.sandbox.serving import Serving
from steward.sandbox.targets import Targets
from steward.sandbox.task import Task
from steward.sandbox.tasklogs import TaskLogs

_EVERY_S = 60
"""One of each kind a task in so long: enough to be found, and little enough to be kept."""
_SEARCH = "/api/2.0/mlflow/runs/search"
_LOG = "/api/2.0/mlflow/runs/log-batch"
_UPLOAD = "/api/2.0/mlflow-artifacts/artifacts/0/c7d4/artifacts/model.pkl"


class Traffic:
    def __init__(self, targets: Targets, serving: Serving, logs: TaskLogs) -> None:
        self._targets, self._serving, self._logs = targets, serving, logs

    def tick(self, now: datetime) -> None:
        if now.second % _EVERY_S:
            return
        for target in self._targets.routed():
            if target.task.answers(now):
                self._logs.write(target.task, now, self._lines(target.task))

    def _lines(self, task: Task) -> tuple[str, ...]:
        if self._serving.refuses_host(task, place.URL_HOST):
            return access_words.host_refused(place.URL_HOST), access_words.asked("POST", _SEARCH, 403)
        if self._serving.is_locked_out(task):
            return *access_words.directory_away("alice"), access_words.asked("POST", _SEARCH, 401)
        refusal = self._serving.database_refusal(task)
        if refusal:
            caller, path = ("_log_batch", _LOG) if refusal.statement else ("_search_runs", _SEARCH)
            return *words.while_serving(refusal, caller), access_words.asked("POST", path, 503)
        if self._serving.no_s3:
            return access_words.asked("PUT", _UPLOAD, 500), *artifact_words.s3_unreachable()
        error = self._serving.artifact_error(task, "s3:PutObject")
        if error:
            return access_words.asked("PUT", _UPLOAD, 500), *artifact_words.upload_failed(error)
        return ()
