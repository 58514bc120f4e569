"""What Steward says about itself: JSON log lines and CloudWatch metrics (EMF), through Powertools.

Flows get a `Telemetry` and know nothing else. Powertools is imported at the first line written, never at
import. Metrics have at most one dimension beside the stage, with values from a closed set: a name from
outside can never become a new (billed) series. Nothing here may raise into a run or write a secret (S29).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import IO, TYPE_CHECKING, Any, Protocol

from chalicelib.models.decision import Outcome
from chalicelib.models.run import Verdict
from chalicelib.redact import redact

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger
    from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

NAMESPACE = "MLflowSteward"
OTHER = "other"
_CALLER = 3  # so that `location` in a log line is the flow that wrote it, not this file


class Metric(StrEnum):
    RUNS_BY_VERDICT = "RunsByVerdict"
    TIME_TO_FIRST_ACTION = "TimeToFirstAction"
    TIME_TO_RECOVERY = "TimeToRecovery"
    REFUSALS_BY_GUARD = "RefusalsByGuard"
    DECISIONS_BY_OUTCOME = "DecisionsByOutcome"
    DELIVERIES_FAILED = "DeliveriesFailed"
    HEARTBEAT = "Heartbeat"
    BACKUP_AGE = "BackupAge"
    LAST_DRILL_AGE = "LastDrillAge"


class Level(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


NO_VERDICT = "none"
"""A run that ended without one: stopped, cancelled, or without Changes."""

GUARDS = (
    "account",
    "actionable",
    "approval",
    "autonomy",
    "blast_radius",
    "cancel",
    "confirmation",
    "cooldown",
    "echo",
    "failed_verdicts",
    "fleet_brake",
    "fleet_limit",
    "freeze",
    "losses",
    "max_runs",
    "one_run",
    "plan_mode",
    "veto",
    "precondition",
    "region",
    "stack",
    "stale",
    "stand_aside",
    "step",
    "stop",
)
"""Names a refusal may be counted under; `step` is a step's own refusal (S1, S9, S10, S13)."""


@dataclass(frozen=True)
class Dimension:
    name: str
    values: frozenset[str]


DIMENSIONS: Mapping[Metric, Dimension] = {
    Metric.RUNS_BY_VERDICT: Dimension("verdict", frozenset({*Verdict, NO_VERDICT, OTHER})),
    Metric.REFUSALS_BY_GUARD: Dimension("guard", frozenset({*GUARDS, OTHER})),
    Metric.DECISIONS_BY_OUTCOME: Dimension("outcome", frozenset({*Outcome, OTHER})),
    Metric.BACKUP_AGE: Dimension("backup", frozenset({"database", "artifacts", OTHER})),
    Metric.DELIVERIES_FAILED: Dimension("channel", frozenset({"log", "sns", "chat", "slack", OTHER})),
}


def series_count() -> int:
    """How many series one stage can ever make: what CloudWatch bills."""
    return sum(len(DIMENSIONS[metric].values) if metric in DIMENSIONS else 1 for metric in Metric)


def known_value(metric: Metric, of: str | None) -> str | None:
    """The dimension's value, `other` for anything outside its set, None for a metric without one."""
    dimension = DIMENSIONS.get(metric)
    if dimension is None:
        return None
    name = str(of).partition(".")[0]  # `stand_aside.freeze` counts as `stand_aside`
    return name if name in dimension.values else OTHER


class Telemetry(Protocol):
    def bind(self, **ids: str | None) -> None:
        """Replaces what every following line carries: run_id, incident_id, event_id, stack."""

    def note(self, message: str, *, level: Level = Level.INFO, **facts: object) -> None:
        """One log line."""

    def failure(self, message: str, error: BaseException, **facts: object) -> None:
        """One log line with the error's name, text and trace: for the boundaries, where errors end."""

    def count(self, metric: Metric, of: str | None = None) -> None: ...

    def seconds(self, metric: Metric, seconds: float, of: str | None = None) -> None: ...

    def percent(self, metric: Metric, percent: float, of: str | None = None) -> None: ...


class PowertoolsTelemetry:
    """Writes to stdout, which is where Lambda's log group and EMF read."""

    def __init__(self, stage: str, level: str = "INFO", *, stream: IO[str] | None = None) -> None:
        self._stage, self._level, self._stream = stage, level, stream
        self._ids: dict[str, str] = {}
        self._logger: Logger | None = None

    def bind(self, **ids: str | None) -> None:
        self._ids = correlation(ids)

    def note(self, message: str, *, level: Level = Level.INFO, **facts: object) -> None:
        logger = self._ready()
        write = {
            Level.DEBUG: logger.debug,
            Level.INFO: logger.info,
            Level.WARNING: logger.warning,
            Level.ERROR: logger.error,
        }[level]
        # Facts are nested: as keys of their own they could overwrite `message` or `level`.
        write(message, stacklevel=_CALLER, extra={**self._ids, **({"facts": facts} if facts else {})})

    def failure(self, message: str, error: BaseException, **facts: object) -> None:
        extra = {**self._ids, **({"facts": facts} if facts else {})}
        self._ready().error(message, exc_info=error, stacklevel=_CALLER, extra=extra)

    def count(self, metric: Metric, of: str | None = None) -> None:
        self._emit(metric, 1.0, of, unit="Count")

    def seconds(self, metric: Metric, seconds: float, of: str | None = None) -> None:
        self._emit(metric, seconds, of, unit="Seconds")

    def percent(self, metric: Metric, percent: float, of: str | None = None) -> None:
        self._emit(metric, percent, of, unit="Percent")

    def _emit(self, metric: Metric, value: float, of: str | None, *, unit: str) -> None:
        from aws_lambda_powertools.metrics import MetricUnit, single_metric

        dimensions = {"stage": self._stage}
        if (known := known_value(metric, of)) is not None:
            dimensions[DIMENSIONS[metric].name] = known
        with single_metric(
            name=metric.value, unit=MetricUnit(unit), value=value, namespace=NAMESPACE, default_dimensions=dimensions
        ) as single:
            for name, text in self._ids.items():  # searchable in the log line, no dimension of the metric
                single.add_metadata(key=name, value=text)

    def _ready(self) -> "Logger":
        if self._logger is None:
            from aws_lambda_powertools import Logger

            self._logger = Logger(
                service=f"steward-{self._stage}",
                level=self._level,
                stream=self._stream,
                logger_formatter=_redacting_formatter(),
            )
        return self._logger


def _redacting_formatter() -> "LambdaPowertoolsFormatter":
    from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

    class RedactingFormatter(LambdaPowertoolsFormatter):
        def serialize(self, log: dict[str, Any]) -> str:  # type: ignore[override]  # Powertools' type for the same dict
            return str(super().serialize(redact(log)))

    return RedactingFormatter(utc=True, use_rfc3339=True, log_record_order=["timestamp", "level", "message"])


def correlation(ids: Mapping[str, str | None]) -> dict[str, str]:
    """The ids that are known, and the one to follow a story by: the run, else the incident, else the event."""
    known = {name: value for name, value in ids.items() if value}
    story = next((known[name] for name in ("run_id", "incident_id", "event_id") if name in known), None)
    return known | ({"correlation_id": story} if story else {})


@dataclass
class MemoryTelemetry:
    """The twin for tests and the sandbox: keeps what the real one would have written."""

    ids: dict[str, str] = field(default_factory=dict)
    notes: list[dict[str, Any]] = field(default_factory=list)
    counts: Counter[tuple[Metric, str | None]] = field(default_factory=Counter)
    timings: list[tuple[Metric, float]] = field(default_factory=list)
    percents: list[tuple[Metric, str | None, float]] = field(default_factory=list)

    def bind(self, **ids: str | None) -> None:
        self.ids = correlation(ids)

    def note(self, message: str, *, level: Level = Level.INFO, **facts: object) -> None:
        line = {"level": level.value, "message": message, **self.ids, "facts": facts}
        self.notes.append(redact(line))

    def failure(self, message: str, error: BaseException, **facts: object) -> None:
        self.note(message, level=Level.ERROR, error=f"{type(error).__name__}: {error}", **facts)

    def count(self, metric: Metric, of: str | None = None) -> None:
        self.counts[metric, known_value(metric, of)] += 1

    def seconds(self, metric: Metric, seconds: float, of: str | None = None) -> None:
        self.counts[metric, known_value(metric, of)] += 1
        self.timings.append((metric, seconds))

    def percent(self, metric: Metric, percent: float, of: str | None = None) -> None:
        self.counts[metric, known_value(metric, of)] += 1
        self.percents.append((metric, of, percent))
