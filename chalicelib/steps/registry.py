"""Every probe and action there is. One line a step; nothing is found by scanning directories."""

from collections.abc import Mapping
from typing import Any

from chalicelib.models.step_index import CheckEntry, StepEntry, StepIndex
from chalicelib.models.words import Risk
from chalicelib.steps.actions.ecs_change_task_definition import ChangeTaskDefinition
from chalicelib.steps.actions.ecs_force_deployment import ForceDeployment
from chalicelib.steps.actions.ecs_restart_tasks import RestartTasks
from chalicelib.steps.actions.ecs_roll_back_deployment import RollBackDeployment
from chalicelib.steps.actions.ecs_scale_service import ScaleService
from chalicelib.steps.actions.s3_check_round_trip import CheckRoundTrip
from chalicelib.steps.checks import CHECKS
from chalicelib.steps.probes.cloudtrail_recent_changes import RecentChanges
from chalicelib.steps.probes.cloudwatch_alarm_state import AlarmState
from chalicelib.steps.probes.cloudwatch_metric_snapshot import MetricSnapshot
from chalicelib.steps.probes.db_connect import Connect
from chalicelib.steps.probes.ecs_describe_service import DescribeService
from chalicelib.steps.probes.ecs_describe_task_definition import DescribeTaskDefinition
from chalicelib.steps.probes.ecs_stopped_tasks import StoppedTasks
from chalicelib.steps.probes.ecs_task_definition_lint import TaskDefinitionLint
from chalicelib.steps.probes.elb_target_health import TargetHealth
from chalicelib.steps.probes.http_deep_health import DeepHealth
from chalicelib.steps.probes.ldap_bind import Bind
from chalicelib.steps.probes.logs_search import Search
from chalicelib.steps.probes.mlflow_auth import Auth
from chalicelib.steps.probes.mlflow_diagnose import Diagnose
from chalicelib.steps.probes.mlflow_metrics import Metrics
from chalicelib.steps.probes.rds_describe_instance import DescribeInstance
from chalicelib.steps.probes.rds_recent_events import RecentEvents
from chalicelib.steps.probes.s3_bucket_access import BucketAccess
from chalicelib.steps.probes.secrets_describe import DescribeSecrets
from chalicelib.steps.step import Action, Probe

PROBES: dict[str, Probe[Any, Any]] = {
    "cloudtrail.recent_changes": RecentChanges(),
    "cloudwatch.alarm_state": AlarmState(),
    "cloudwatch.metric_snapshot": MetricSnapshot(),
    "db.connect": Connect(),
    "ecs.describe_service": DescribeService(),
    "ecs.describe_task_definition": DescribeTaskDefinition(),
    "ecs.stopped_tasks": StoppedTasks(),
    "ecs.task_definition_lint": TaskDefinitionLint(),
    "elb.target_health": TargetHealth(),
    "http.deep_health": DeepHealth(),
    "ldap.bind": Bind(),
    "logs.search": Search(),
    "mlflow.auth": Auth(),
    "mlflow.diagnose": Diagnose(),
    "mlflow.metrics": Metrics(),
    "rds.describe_instance": DescribeInstance(),
    "rds.recent_events": RecentEvents(),
    "s3.bucket_access": BucketAccess(),
    "secrets.describe": DescribeSecrets(),
}

ACTIONS: dict[str, Action[Any]] = {
    "ecs.change_task_definition": ChangeTaskDefinition(),
    "ecs.force_deployment": ForceDeployment(),
    "ecs.restart_tasks": RestartTasks(),
    "ecs.roll_back_deployment": RollBackDeployment(),
    "ecs.scale_service": ScaleService(),
    "s3.check_round_trip": CheckRoundTrip(),
}


def step_index(control: Mapping[str, StepEntry]) -> StepIndex:
    """What linter, schema and docs may know; `control` are the catalogue's own steps."""
    steps = {name: _entry(probe) for name, probe in PROBES.items()}
    steps |= {name: _entry(action) for name, action in ACTIONS.items()}
    checks = {c.name: CheckEntry(name=c.name, probe=c.probe, summary=c.summary) for c in CHECKS.values()}
    return StepIndex(steps={**steps, **control}, checks=checks)


def _entry(step: Probe[Any, Any] | Action[Any]) -> StepEntry:
    is_action = isinstance(step, Action)
    return StepEntry(
        name=step.name,
        kind="action" if is_action else "probe",
        summary=(step.__doc__ or "").strip().splitlines()[0],
        params=step.Params.model_json_schema(by_alias=True),
        output=step.Output.model_json_schema(mode="serialization"),
        risk=step.risk if isinstance(step, Action) else Risk.NONE,
        reversible=isinstance(step, Action) and step.reversible,
        permissions=step.permissions,
    )
