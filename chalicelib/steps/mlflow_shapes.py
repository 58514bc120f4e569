"""What Steward reads of MLflow's answers: experiments, runs, model versions, logged models. Pure.

Only what ages, owners and places are judged by: a page of runs with all its metrics is dropped as soon
as it has been read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

KEEP_TAG = "keep"
"""A run with this tag, or `mlflow.steward.keep`, is never taken, whatever the value unless it says no."""
_KEEP_TAGS = frozenset({KEEP_TAG, "steward.keep", "mlflow.steward.keep"})
_NO = frozenset({"false", "no", "0", ""})
HISTORY_TAG = "mlflow.log-model.history"
"""MLflow writes it to a run that logged a model into its own artifacts."""
DELETED = "deleted"
_READY = frozenset({"LOGGED_MODEL_READY", "READY", 2})
"""As the API writes it; a proxy in between may show the number of it."""


@dataclass(frozen=True)
class Experiment:
    id: str
    name: str
    artifact_location: str
    deleted: bool
    changed_at: datetime | None
    """Also when it was deleted."""
    workspace: str = ""
    """Empty where MLflow has no more than the usual one."""

    @classmethod
    def of(cls, raw: Mapping[str, Any], workspace: str = "") -> "Experiment":
        return cls(
            id=str(raw.get("experiment_id") or ""),
            name=str(raw.get("name") or ""),
            artifact_location=str(raw.get("artifact_location") or ""),
            deleted=raw.get("lifecycle_stage") == DELETED,
            changed_at=moment(raw.get("last_update_time")),
            workspace=workspace,
        )


@dataclass(frozen=True)
class Run:
    id: str
    experiment: str
    status: str
    deleted: bool
    started_at: datetime | None
    ended_at: datetime | None
    artifact_uri: str
    tags: Mapping[str, str]

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> "Run":
        info, data = _part(raw, "info"), _part(raw, "data")
        tags = {str(tag.get("key")): str(tag.get("value")) for tag in data.get("tags") or [] if isinstance(tag, dict)}
        return cls(
            id=str(info.get("run_id") or info.get("run_uuid") or ""),
            experiment=str(info.get("experiment_id") or ""),
            status=str(info.get("status") or ""),
            deleted=info.get("lifecycle_stage") == DELETED,
            started_at=moment(info.get("start_time")),
            ended_at=moment(info.get("end_time")),
            artifact_uri=str(info.get("artifact_uri") or ""),
            tags=tags,
        )

    @property
    def last_seen_at(self) -> datetime | None:
        """When it ended; of one that never said so, when it began."""
        return self.ended_at or self.started_at

    @property
    def is_kept(self) -> bool:
        return any(self.tags[name].strip().lower() not in _NO for name in _KEEP_TAGS & self.tags.keys())

    @property
    def parent(self) -> str | None:
        return self.tags.get("mlflow.parentRunId") or None


@dataclass(frozen=True)
class ModelVersion:
    name: str
    version: str
    run_id: str
    model_id: str
    source: str

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> "ModelVersion":
        return cls(
            name=str(raw.get("name") or ""),
            version=str(raw.get("version") or ""),
            run_id=str(raw.get("run_id") or ""),
            model_id=str(raw.get("model_id") or ""),
            source=str(raw.get("source") or ""),
        )


@dataclass(frozen=True)
class LoggedModel:
    id: str
    experiment: str
    source_run: str
    artifact_uri: str
    is_ready: bool
    """Uploaded as a whole, as far as its client said."""

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> "LoggedModel":
        info = _part(raw, "info")
        return cls(
            id=str(info.get("model_id") or ""),
            experiment=str(info.get("experiment_id") or ""),
            source_run=str(info.get("source_run_id") or ""),
            artifact_uri=str(info.get("artifact_uri") or ""),
            is_ready=info.get("status") in _READY,
        )


def moment(millis: object) -> datetime | None:
    """Milliseconds, as MLflow writes them: as a number or as text. What makes no sense is no time."""
    try:
        value = int(str(millis))
        return datetime.fromtimestamp(value / 1000, tz=UTC) if value > 0 else None
    except (ValueError, OverflowError, OSError):
        return None


def _part(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = raw.get(name)
    return found if isinstance(found, dict) else {}
