"""mlflow.metrics: what MLflow itself counts (`--expose-prometheus`): requests, errors, latency."""

from datetime import datetime

from chalicelib.errors import AwsError
from chalicelib.models.shape import Shape
from chalicelib.models.words import Duration, Utc
from chalicelib.net.http import HttpAnswer, HttpFailure, HttpRequest
from chalicelib.steps.blindness import denied, unseen
from chalicelib.steps.mlflow_access import ASK_MLFLOW, allowed_hosts, login_headers
from chalicelib.steps.prometheus_text import Sample, quantile, samples
from chalicelib.steps.step import Output, Params, Probe, StepContext

_REQUESTS = "mlflow_http_request_total"
_BUCKETS = "mlflow_http_request_duration_seconds_bucket"
_STARTED = "process_start_time_seconds"
_MOST_BYTES = 1024 * 1024
_OK, _NO_LOGIN, _NOT_FOUND = 200, 401, 404


class Counted(Shape):
    """Counters of one server process since its start: what an earlier reading gave, for a later one."""

    at: Utc
    requests: float
    errors: float


class MetricsParams(Params):
    earlier: Counted | None = None
    """`${steps.ID.counted}` of an earlier reading: rates are then of the time between the two."""
    timeout: Duration = 10


class MetricsOutput(Output):
    applicable: bool
    """False: the stack names no `mlflow.metrics`, or the server exposes none there."""
    skipped: str | None = None
    detail: str = ""
    counted: Counted | None = None
    """Of the one process behind the load balancer that answered."""
    over_s: int | None = None
    """The time that rate and share are of; None: since the process started, whenever that was."""
    requests_per_s: float | None = None
    error_share: float | None = None
    """5xx among all. None without requests."""
    latency_p50_s: float | None = None
    latency_p90_s: float | None = None
    """Since the process started."""


class Metrics(Probe[MetricsParams, MetricsOutput]):
    """Request rate, share of 5xx and latency, as one of MLflow's processes counts them.

    ```yaml
    - id: metrics
      do: mlflow.metrics
    ```
    """

    name = "mlflow.metrics"
    Params = MetricsParams
    Output = MetricsOutput
    permissions = ASK_MLFLOW

    def read(self, ctx: StepContext, params: MetricsParams) -> MetricsOutput:
        stack = ctx.stack
        if stack.url is None or stack.mlflow.metrics is None:
            return MetricsOutput(applicable=False, detail="the stack names no url with metrics")
        try:
            answer = ctx.http.ask(
                HttpRequest(
                    method="GET",
                    url=f"{stack.url.rstrip('/')}/{stack.mlflow.metrics.lstrip('/')}",
                    headers={**login_headers(ctx), "Accept": "text/plain"},
                    timeout_s=params.timeout,
                    max_bytes=_MOST_BYTES,
                    allow_hosts=allowed_hosts(ctx),
                )
            )
        except AwsError as error:
            return MetricsOutput(applicable=True, skipped=denied(error))
        except HttpFailure as failure:
            return MetricsOutput(applicable=True, skipped=unseen(failure.kind))
        return _read(answer, params.earlier, ctx.now)


def _read(answer: HttpAnswer, earlier: Counted | None, now: datetime) -> MetricsOutput:
    if answer.status == _NOT_FOUND:
        return MetricsOutput(applicable=False, detail="the server exposes no metrics there")
    if answer.status == _NO_LOGIN:
        return MetricsOutput(applicable=True, skipped=unseen("the metrics want a login that may not be sent or fails"))
    if answer.status != _OK:
        return MetricsOutput(applicable=True, detail=f"the metrics answer {answer.status}")
    text = answer.body.decode(errors="replace")
    found = list(samples(text, frozenset({_REQUESTS, _BUCKETS, _STARTED})))
    counted = _counted(found, now)
    buckets = [sample for sample in found if sample.name == _BUCKETS]
    p50, p90 = quantile(0.5, buckets), quantile(0.9, buckets)
    output = MetricsOutput(
        applicable=True,
        counted=counted,
        latency_p50_s=round(p50, 4) if p50 is not None else None,
        latency_p90_s=round(p90, 4) if p90 is not None else None,
    )
    return output.model_copy(update=_rates(counted, earlier, _started(found), now))


def _counted(found: list[Sample], now: datetime) -> Counted:
    requests = [sample for sample in found if sample.name == _REQUESTS]
    errors = sum(sample.value for sample in requests if sample.labels.get("status", "").startswith("5"))
    return Counted(at=now, requests=sum(sample.value for sample in requests), errors=errors)


def _started(found: list[Sample]) -> float | None:
    return next((sample.value for sample in found if sample.name == _STARTED), None)


def _rates(counted: Counted, earlier: Counted | None, started: float | None, now: datetime) -> dict[str, float | None]:
    """Fewer than before: the process is new, or another one answered. Then only its own life counts."""
    requests, errors, over = counted.requests, counted.errors, None
    if earlier and earlier.requests <= requests and earlier.errors <= errors and earlier.at < now:
        requests, errors = requests - earlier.requests, errors - earlier.errors
        over = (now - earlier.at).total_seconds()
    elif started is not None and started < now.timestamp():
        over = now.timestamp() - started
    return {
        "over_s": round(over) if over else None,
        "requests_per_s": round(requests / over, 4) if over else None,
        "error_share": round(errors / requests, 4) if requests else None,
    }
