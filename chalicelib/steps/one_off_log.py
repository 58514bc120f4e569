"""The lines that a one-off task wrote: where they are, what they say, and what of them is kept."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chalicelib.errors import AwsError
from chalicelib.redact import mask, strip_hidden
from chalicelib.steps.step import StepContext
from chalicelib.store.blobs import evidence_key

_MOST_LINES, _MOST_BYTES = 5_000, 1024 * 1024
_LAST = 5


@dataclass(frozen=True)
class TaskLog:
    lines: tuple[str, ...] = ()
    evidence: str | None = None
    """Where the whole of it lies."""
    unread: str | None = None

    @property
    def last(self) -> tuple[str, ...]:
        return self.lines[-_LAST:]

    def named(self, word: str) -> tuple[str, ...]:
        """What follows `steward: WORD` in the lines that the verb itself writes."""
        start = f"steward: {word} "
        return tuple(line.removeprefix(start) for line in self.lines if line.startswith(start))


def stream_of(container: dict[str, Any], task_id: str) -> tuple[str, str] | None:
    """Group and stream, as awslogs names them; None where it logs elsewhere."""
    configuration = container.get("logConfiguration") or {}
    options = configuration.get("options") or {}
    group, prefix = options.get("awslogs-group"), options.get("awslogs-stream-prefix")
    if configuration.get("logDriver") != "awslogs" or not group or not prefix:
        return None
    return str(group), f"{prefix}/{container['name']}/{task_id}"


def read_log(ctx: StepContext, container: dict[str, Any], task_id: str, since: datetime, *, keep: bool) -> TaskLog:
    """`keep`: as evidence, redacted, since a command may print what it was given."""
    where = stream_of(container, task_id)
    if where is None:
        return TaskLog(unread="the container does not log to CloudWatch")
    until = ctx.now + timedelta(minutes=1)
    try:
        page = ctx.aws.logs.search(
            where[0], since, until, stream=where[1], max_lines=_MOST_LINES, max_bytes=_MOST_BYTES, max_seconds=30
        )
    except AwsError as error:
        return TaskLog(unread=f"{error.operation} answers {error.code}")
    lines = tuple(mask(strip_hidden(line.text)) for line in page.lines)
    data = "\n".join(lines).encode()
    return TaskLog(lines, ctx.evidence.put(evidence_key(data), data) if lines and keep else None)
