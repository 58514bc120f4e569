"""Log lines written by the tasks, in the words of pip, MLflow and uvicorn.

They are kept here, where searching finds them, and put into moto's CloudWatch Logs when somebody
reads whole streams: hundreds of worlds in a test run never do. They go into moto's stream itself,
because its API refuses events that are older than 14 days by the wall clock, which virtual time may
well be.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from steward.sandbox import place
from steward.sandbox.task import Task
from steward.sandbox.times import epoch_millis

STREAM_PREFIX = f"mlflow/{place.CONTAINER}"
_STARTING = (
    f"Collecting mlflow=={place.MLFLOW_VERSION}",
    f"  Downloading mlflow-{place.MLFLOW_VERSION}-py3-none-any.whl (11.2 MB)",
    "Collecting psycopg2-binary",
    "  Downloading psycopg2_binary-2.9.11-cp311-cp311-manylinux_2_17_x86_64.whl (4.2 MB)",
)
_READY = (
    f"Successfully installed boto3-1.44.5 mlflow-{place.MLFLOW_VERSION} psycopg2-binary-2.9.11",
    (
        "WARNING: Running pip as the 'root' user can result in broken permissions and conflicting behaviour with the"
        " system package manager."
    ),
    "Registry store URI not provided. Using backend store URI.",
    "{at} INFO mlflow.server.jobs.executor_registry: Available backends after discovery: local",
    "{at} INFO:     Uvicorn running on http://0.0.0.0:5000 (Press CTRL+C to quit)",
    "{at} INFO:     Started parent process [1]",
    "{at} INFO:     Started server process [36]",
    "{at} INFO:     Waiting for application startup.",
    "{at} INFO:     Application startup complete.",
)


@dataclass(frozen=True)
class Line:
    number: int
    stream: str
    at: int
    """Milliseconds, as CloudWatch Logs keeps time."""
    text: str


class TaskLogs:
    def __init__(self) -> None:
        self._written: list[Line] = []
        self._flushed = 0

    def write(self, task: Task, now: datetime, lines: Iterable[str]) -> None:
        at, stream = now.strftime("%Y/%m/%d %H:%M:%S"), f"{STREAM_PREFIX}/{task.id}"
        for line in lines:
            number, text = len(self._written), line.replace("{at}", at)
            self._written.append(Line(number, stream, epoch_millis(now), text))

    def starting(self, task: Task, now: datetime) -> None:
        self.write(task, now, _of(task, _STARTING))

    def ready(self, task: Task, now: datetime) -> None:
        self.write(task, now, _of(task, _READY))

    def lines(self) -> list[Line]:
        """Of all streams, by time."""
        return sorted(self._written, key=lambda line: (line.at, line.number))

    def flush(self) -> None:
        """Into moto. Its log group is there: whoever calls this made sure."""
        from moto.logs.models import logs_backends

        waiting, self._flushed = self._written[self._flushed :], len(self._written)
        backend = logs_backends[place.ACCOUNT][place.REGION]
        group = backend.groups[place.LOG_GROUP]
        by_stream: dict[str, list[dict[str, object]]] = {}
        for line in waiting:
            by_stream.setdefault(line.stream, []).append({"timestamp": line.at, "message": line.text})
        for stream, events in by_stream.items():
            if stream not in group.streams:
                backend.create_log_stream(place.LOG_GROUP, stream)
            group.streams[stream].put_log_events(events)


def _of(task: Task, lines: tuple[str, ...]) -> Iterable[str]:
    return (line.replace(place.MLFLOW_VERSION, task.mlflow) for line in lines)
