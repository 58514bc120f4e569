"""mlflow.diagnose: reads all that can be read, side by side, and names the cause.

It knows nothing of MLflow itself: probes read, the diagnosis room reasons. A probe that fails for our
own reasons supports no cause and ends nothing (S3); it is named, so that people see what was not read.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from pydantic import Field

from chalicelib.diagnosis.symptoms import HttpAnswer, ProbeReading, Symptoms, log_blocks
from chalicelib.errors import StewardError
from chalicelib.models.finding import Diagnosis, Outcome, Trust, Veto
from chalicelib.models.shape import Shape
from chalicelib.steps.probes.db_connect import Connect
from chalicelib.steps.probes.ecs_describe_service import DescribeService
from chalicelib.steps.probes.ecs_stopped_tasks import StoppedTasks
from chalicelib.steps.probes.ecs_task_definition_lint import TaskDefinitionLint
from chalicelib.steps.probes.elb_target_health import TargetHealth
from chalicelib.steps.probes.http_deep_health import DeepHealth
from chalicelib.steps.probes.logs_search import Search
from chalicelib.steps.probes.rds_describe_instance import DatabaseParams, DescribeInstance
from chalicelib.steps.probes.rds_recent_events import RecentEvents
from chalicelib.steps.probes.s3_bucket_access import BucketAccess
from chalicelib.steps.side_by_side import LATE
from chalicelib.steps.step import Output, Params, Probe, StepContext

READERS: tuple[Probe[Any, Any], ...] = (
    DescribeService(),
    StoppedTasks(),
    TargetHealth(),
    DeepHealth(),
    DescribeInstance(),
    RecentEvents(),
    BucketAccess(),
    TaskDefinitionLint(),
    Connect(),
    Search(),
)
"""Not all probes there are: their rights together must fit into one session policy of 2,048 characters,
with room for long names (S21). `ldap.bind` and `secrets.describe` stand in runbooks by themselves."""
_SHOWN, _EVIDENCE = 3, 3


class DiagnoseParams(Params):
    deadline_s: int = Field(default=20, ge=1, le=120)
    """For every probe together: they are asked at the same time."""


class FindingView(Shape):
    cause: str
    confidence: float
    remedy: str | None
    trust: Trust | None
    evidence: tuple[str, ...]


class DiagnoseOutput(Output):
    outcome: Outcome
    cause: str | None = None
    """The likeliest."""
    confidence: float = 0
    may_act_alone: bool = False
    """False where it rests on log text alone (S4)."""
    findings: tuple[FindingView, ...] = ()
    vetoes: tuple[Veto, ...] = ()
    """What must not be done while this is the cause; the engine refuses such steps."""
    read: tuple[str, ...] = ()
    blind: tuple[str, ...] = ()
    """Probes that could not look, and why: not reachable from here."""


class Diagnose(Probe[DiagnoseParams, DiagnoseOutput]):
    """What is wrong, with the evidence it rests on, and what would do harm.

    ```yaml
    - id: diagnose
      do: mlflow.diagnose
    ```
    """

    name = "mlflow.diagnose"
    Params = DiagnoseParams
    Output = DiagnoseOutput
    permissions = tuple({repr(one): one for probe in READERS for one in probe.permissions}.values())

    def read(self, ctx: StepContext, params: DiagnoseParams) -> DiagnoseOutput:
        work: dict[str, Callable[[], ProbeReading]] = {probe.name: partial(_reading, ctx, probe) for probe in READERS}
        answers = ctx.side_by_side(work, float(params.deadline_s))
        readings = tuple(
            answer if isinstance(answer, ProbeReading) else ProbeReading(name, failed=LATE)
            for name, answer in answers.items()
        )
        if ctx.diagnoser is None:
            return DiagnoseOutput(outcome=Outcome.UNKNOWN, blind=("no signatures are packaged",))
        return _view(ctx.diagnoser.diagnose(symptoms_of(readings)), readings)


def _reading(ctx: StepContext, probe: Probe[Any, Any]) -> ProbeReading:
    params = DatabaseParams(metrics=True) if isinstance(probe, DescribeInstance) else probe.Params()
    try:
        output = probe.read(ctx, params).model_dump(mode="json")
    except StewardError as error:
        return ProbeReading(probe.name, failed=str(error)[:300])
    except Exception as error:  # noqa: BLE001  # boundary: one broken probe is never the end of the diagnosis
        return ProbeReading(probe.name, failed=f"unexpected {type(error).__name__}")
    skipped = output.get("skipped")
    return ProbeReading(probe.name, output, failed=str(skipped) if skipped else None)


def symptoms_of(readings: tuple[ProbeReading, ...]) -> Symptoms:
    """Log lines, stop reasons and HTTP answers have places of their own; the rest is read as facts."""
    by_name = {reading.probe: reading.output for reading in readings if reading.failed is None}
    stopped = [task for task in by_name.get("ecs.stopped_tasks", {}).get("tasks", []) if task["failed_to_start"]]
    lines = [line["text"] for line in by_name.get("logs.search", {}).get("lines", [])]
    deep = by_name.get("http.deep_health", {})
    http = (HttpAnswer(None, {}, str(deep["detail"])),) if deep.get("bad") else ()
    own_place = {"ecs.stopped_tasks", "logs.search"}
    return Symptoms(
        log=log_blocks(lines),
        stop_reasons=tuple(dict.fromkeys(task["why"] for task in stopped)),
        exit_codes=tuple(dict.fromkeys(code for task in stopped for code in task["exit_codes"])),
        http=http,
        probes=tuple(reading for reading in readings if reading.probe not in own_place),
    )


def _view(diagnosis: Diagnosis, readings: tuple[ProbeReading, ...]) -> DiagnoseOutput:
    first = diagnosis.findings[0] if diagnosis.findings else None
    return DiagnoseOutput(
        outcome=diagnosis.outcome,
        cause=first.cause if first else None,
        confidence=first.confidence if first else 0,
        may_act_alone=bool(first and first.may_act_alone),
        findings=tuple(
            FindingView(
                cause=finding.cause,
                confidence=finding.confidence,
                remedy=finding.remedy,
                trust=finding.trust,
                evidence=tuple(f"{e.source}: {e.text[:200]}" for e in finding.evidence[:_EVIDENCE]),
            )
            for finding in diagnosis.findings[:_SHOWN]
        ),
        vetoes=diagnosis.vetoes,
        read=tuple(reading.probe for reading in readings if reading.failed is None),
        blind=tuple(f"{reading.probe}: {reading.failed}" for reading in readings if reading.failed is not None),
    )
