"""Every probe and action there is. One line a step; nothing is found by scanning directories."""

from collections.abc import Mapping
from typing import Any

from chalicelib.models.step_index import CheckEntry, StepEntry, StepIndex
from chalicelib.models.words import Risk
from chalicelib.steps.actions.backup_record_drill import RecordDrill
from chalicelib.steps.actions.ecs_change_mlflow_version import ChangeMlflowVersion
from chalicelib.steps.actions.ecs_change_task_definition import ChangeTaskDefinition
from chalicelib.steps.actions.ecs_deregister_revisions import DeregisterRevisions
from chalicelib.steps.actions.ecs_force_deployment import ForceDeployment
from chalicelib.steps.actions.ecs_log_debug import LogDebug
from chalicelib.steps.actions.ecs_pause_service import PauseService
from chalicelib.steps.actions.ecs_put_back import PutBack
from chalicelib.steps.actions.ecs_restart_tasks import RestartTasks
from chalicelib.steps.actions.ecs_return_to_former import ReturnToFormer
from chalicelib.steps.actions.ecs_roll_back_deployment import RollBackDeployment
from chalicelib.steps.actions.ecs_run_one_off_task import RunOneOffTask
from chalicelib.steps.actions.ecs_scale_service import ScaleService
from chalicelib.steps.actions.ecs_stop_duplicates import StopDuplicates
from chalicelib.steps.actions.mlflow_delete_runs import DeleteRuns
from chalicelib.steps.actions.mlflow_upgrade_schema import UpgradeSchema
from chalicelib.steps.actions.rds_copy_snapshot import CopySnapshot
from chalicelib.steps.actions.rds_create_snapshot import CreateSnapshot
from chalicelib.steps.actions.rds_delete_restored import DeleteRestored
from chalicelib.steps.actions.rds_modify_instance import ModifyInstance
from chalicelib.steps.actions.rds_prune_snapshots import PruneSnapshots
from chalicelib.steps.actions.rds_restore_snapshot import RestoreSnapshot
from chalicelib.steps.actions.rds_set_password import SetPassword
from chalicelib.steps.actions.rds_swap_in import SwapIn
from chalicelib.steps.actions.s3_abort_uploads import AbortUploads
from chalicelib.steps.actions.s3_backup_prefix import BackupPrefix
from chalicelib.steps.actions.s3_check_round_trip import CheckRoundTrip
from chalicelib.steps.actions.s3_delete_quarantined import DeleteQuarantined
from chalicelib.steps.actions.s3_delete_restored import DeleteSideCopies
from chalicelib.steps.actions.s3_expire_copies import ExpireCopies
from chalicelib.steps.actions.s3_quarantine_artifacts import QuarantineArtifacts
from chalicelib.steps.actions.s3_restore import RestoreArtifacts
from chalicelib.steps.actions.s3_restore_quarantined import RestoreQuarantined
from chalicelib.steps.actions.s3_restore_sample import RestoreSample
from chalicelib.steps.checks import CHECKS
from chalicelib.steps.probes.backup_choose_pair import ChoosePair
from chalicelib.steps.probes.backup_drill import DescribeDrill
from chalicelib.steps.probes.backup_posture import DescribePosture
from chalicelib.steps.probes.cloudtrail_recent_changes import RecentChanges
from chalicelib.steps.probes.cloudwatch_alarm_state import AlarmState
from chalicelib.steps.probes.cloudwatch_metric_snapshot import MetricSnapshot
from chalicelib.steps.probes.db_connect import Connect
from chalicelib.steps.probes.db_connection_holders import ConnectionHolders
from chalicelib.steps.probes.db_facts import Facts
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
from chalicelib.steps.probes.mlflow_find_expired_runs import FindExpiredRuns
from chalicelib.steps.probes.mlflow_find_orphan_artifacts import FindOrphanArtifacts
from chalicelib.steps.probes.mlflow_metrics import Metrics
from chalicelib.steps.probes.mlflow_try_versions import TryAdminVersions
from chalicelib.steps.probes.mlflow_upgrade_preflight import UpgradePreflight
from chalicelib.steps.probes.mlflow_upgrade_state import UpgradeState
from chalicelib.steps.probes.mlflow_verify_gone import VerifyGone
from chalicelib.steps.probes.quotas_near_limit import NearLimit
from chalicelib.steps.probes.rds_describe_instance import DescribeInstance
from chalicelib.steps.probes.rds_list_copies import ListCopies
from chalicelib.steps.probes.rds_list_snapshots import ListSnapshots
from chalicelib.steps.probes.rds_recent_events import RecentEvents
from chalicelib.steps.probes.s3_bucket_access import BucketAccess
from chalicelib.steps.probes.s3_compare_restore import CompareRestore
from chalicelib.steps.probes.s3_describe_backup import DescribeBackup
from chalicelib.steps.probes.secrets_describe import DescribeSecrets
from chalicelib.steps.probes.secrets_try_versions import TryVersions
from chalicelib.steps.probes.stack_drift import Drift
from chalicelib.steps.probes.stack_find_waste import FindWaste
from chalicelib.steps.probes.stack_verify_changes import VerifyChanges
from chalicelib.steps.probes.stack_verify_tidied import VerifyTidied
from chalicelib.steps.step import Action, Probe

PROBES: dict[str, Probe[Any, Any]] = {
    "backup.choose_pair": ChoosePair(),
    "backup.drill": DescribeDrill(),
    "backup.posture": DescribePosture(),
    "cloudtrail.recent_changes": RecentChanges(),
    "cloudwatch.alarm_state": AlarmState(),
    "cloudwatch.metric_snapshot": MetricSnapshot(),
    "db.connect": Connect(),
    "db.facts": Facts(),
    "db.connection_holders": ConnectionHolders(),
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
    "mlflow.find_expired_runs": FindExpiredRuns(),
    "mlflow.find_orphan_artifacts": FindOrphanArtifacts(),
    "mlflow.metrics": Metrics(),
    "mlflow.try_versions": TryAdminVersions(),
    "mlflow.upgrade_preflight": UpgradePreflight(),
    "mlflow.upgrade_state": UpgradeState(),
    "mlflow.verify_gone": VerifyGone(),
    "quotas.near_limit": NearLimit(),
    "rds.describe_instance": DescribeInstance(),
    "rds.list_copies": ListCopies(),
    "rds.list_snapshots": ListSnapshots(),
    "rds.recent_events": RecentEvents(),
    "s3.bucket_access": BucketAccess(),
    "s3.compare_restore": CompareRestore(),
    "s3.describe_backup": DescribeBackup(),
    "secrets.describe": DescribeSecrets(),
    "secrets.try_versions": TryVersions(),
    "stack.drift": Drift(),
    "stack.find_waste": FindWaste(),
    "stack.verify_changes": VerifyChanges(),
    "stack.verify_tidied": VerifyTidied(),
}

ACTIONS: dict[str, Action[Any]] = {
    "backup.record_drill": RecordDrill(),
    "s3.delete_restored": DeleteSideCopies(),
    "s3.restore_sample": RestoreSample(),
    "ecs.change_mlflow_version": ChangeMlflowVersion(),
    "ecs.change_task_definition": ChangeTaskDefinition(),
    "ecs.deregister_revisions": DeregisterRevisions(),
    "ecs.force_deployment": ForceDeployment(),
    "ecs.log_debug": LogDebug(),
    "ecs.pause_service": PauseService(),
    "ecs.put_back": PutBack(),
    "ecs.restart_tasks": RestartTasks(),
    "ecs.return_to_former": ReturnToFormer(),
    "ecs.roll_back_deployment": RollBackDeployment(),
    "ecs.run_one_off_task": RunOneOffTask(),
    "ecs.scale_service": ScaleService(),
    "ecs.stop_duplicates": StopDuplicates(),
    "rds.copy_snapshot": CopySnapshot(),
    "rds.create_snapshot": CreateSnapshot(),
    "rds.modify_instance": ModifyInstance(),
    "rds.delete_restored": DeleteRestored(),
    "rds.prune_snapshots": PruneSnapshots(),
    "rds.restore_snapshot": RestoreSnapshot(),
    "rds.set_password": SetPassword(),
    "rds.swap_in": SwapIn(),
    "mlflow.delete_runs": DeleteRuns(),
    "mlflow.upgrade_schema": UpgradeSchema(),
    "s3.abort_uploads": AbortUploads(),
    "s3.backup_prefix": BackupPrefix(),
    "s3.check_round_trip": CheckRoundTrip(),
    "s3.expire_copies": ExpireCopies(),
    "s3.restore": RestoreArtifacts(),
    "s3.delete_quarantined": DeleteQuarantined(),
    "s3.quarantine_artifacts": QuarantineArtifacts(),
    "s3.restore_quarantined": RestoreQuarantined(),
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
