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
from chalicelib.models.finding import Diagnosis, Finding, Outcome, Trust, Veto
from chalicelib.models.shape import Shape
from chalicelib.steps.probes.db_connect import Connect
from chalicelib.steps.probes.ecs_describe_service import DescribeService
from chalicelib.steps.probes.ecs_stopped_tasks import StoppedTasks
from chalicelib.steps.probes.ecs_task_definition_lint import TaskDefinitionLint
from chalicelib.steps.probes.elb_target_health import TargetHealth
from chalicelib.steps.probes.http_deep_health import DeepHealth
from chalicelib.steps.probes.ldap_bind import Bind
from chalicelib.steps.probes.logs_search import Search
from chalicelib.steps.probes.quotas_near_limit import NearLimit
from chalicelib.steps.probes.rds_describe_instance import DatabaseParams, DescribeInstance
from chalicelib.steps.probes.rds_recent_events import RecentEvents
from chalicelib.steps.probes.s3_bucket_access import BucketAccess
from chalicelib.steps.probes.secrets_describe import DescribeSecrets
from chalicelib.steps.probes.stack_drift import Drift
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
    Bind(),
    DescribeSecrets(),
    Drift(),
    NearLimit(),
)
"""Each with rights of its own, since all of them together are more than one session holds (S21)."""
_SHOWN, _NOTICES = 3, 4


class DiagnoseParams(Params):
    deadline_s: int = Field(default=20, ge=1, le=120)
    """For every probe together: they are asked at the same time."""


class FindingView(Shape):
    cause: str
    confidence: float
    remedy: str | None
    trust: Trust | None
    evidence: tuple[str, ...]
    notice: bool = False
    """Worth knowing, and the cause of nothing: drift, a quota near its limit."""


class DiagnoseOutput(Output):
    outcome: Outcome
    cause: str | None = None
    """The likeliest; None for a stack that is well, whatever is worth knowing besides."""
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
    parts = READERS
    permissions = tuple({repr(one): one for probe in READERS for one in probe.permissions}.values())

    def read(self, ctx: StepContext, params: DiagnoseParams) -> DiagnoseOutput:
        work: dict[str, Callable[[], ProbeReading]] = {
            probe.name: partial(_reading, ctx, probe) for probe in self.parts
        }
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
        output = probe.read(ctx.for_part(probe.name), params).model_dump(mode="json")
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
    causes = [finding for finding in diagnosis.findings if not finding.notice]
    beside = [finding for finding in diagnosis.findings if finding.notice]
    first = causes[0] if causes else None
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
                evidence=tuple(f"{e.source}: {e.text[:200]}" for e in finding.evidence[: _evidence_shown(finding)]),
                notice=finding.notice,
            )
            for finding in (*causes[:_SHOWN], *beside[:_NOTICES])
        ),
        vetoes=diagnosis.vetoes,
        read=tuple(reading.probe for reading in readings if reading.failed is None),
        blind=tuple(f"{reading.probe}: {reading.failed[:160]}" for reading in readings if reading.failed is not None),
    )


def _evidence_shown(finding: Finding) -> int:
    """An output is at most 8 KB, and vetoes must have their place in it."""
    return 2 if finding.notice else 3
