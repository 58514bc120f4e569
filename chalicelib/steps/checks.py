"""Checks: named pure predicates over one probe's output. Unknown is an answer, and never a yes.

A probe that failed for our own reasons has no output, and its checks are unknown (S3).
"""

from chalicelib.models.check import Answer
from chalicelib.steps.artifact_judgements import artifacts_backed_up, artifacts_restored
from chalicelib.steps.backup_judgements import backup_fresh, backups_kept, copied_offsite, snapshot_taken
from chalicelib.steps.database_judgements import (
    database_failing_over,
    database_failing_over_unless_gone,
    database_steady,
)
from chalicelib.steps.deep_answers import State
from chalicelib.steps.drill_judgements import drill_cleared, drill_proven, left_nothing
from chalicelib.steps.judging import Check, Judged
from chalicelib.steps.judging import check as _check
from chalicelib.steps.login_judgements import login_works, secrets_are_read
from chalicelib.steps.probes.backup_drill import DrillOutput
from chalicelib.steps.probes.cloudwatch_alarm_state import AlarmOutput
from chalicelib.steps.probes.cloudwatch_metric_snapshot import SnapshotOutput
from chalicelib.steps.probes.ecs_describe_service import ServiceOutput
from chalicelib.steps.probes.elb_target_health import TargetOutput
from chalicelib.steps.probes.http_deep_health import DeepOutput
from chalicelib.steps.probes.mlflow_upgrade_state import UpgradeStateOutput, upgrade_judged
from chalicelib.steps.probes.mlflow_verify_gone import GoneOutput, judge_gone
from chalicelib.steps.probes.rds_describe_instance import DatabaseOutput
from chalicelib.steps.probes.rds_list_copies import CopiesOutput
from chalicelib.steps.probes.rds_list_snapshots import SnapshotsOutput
from chalicelib.steps.probes.s3_compare_restore import RestoreState
from chalicelib.steps.probes.s3_describe_backup import BackupState
from chalicelib.steps.probes.secrets_describe import SecretsOutput
from chalicelib.steps.probes.secrets_try_versions import VersionsOutput
from chalicelib.steps.probes.stack_verify_changes import ChangesOutput, changes_stand
from chalicelib.steps.probes.stack_verify_tidied import TidiedOutput, tidied

LEAST_POINTS = 3

_TRUE, _FALSE, _UNKNOWN = Answer.TRUE, Answer.FALSE, Answer.UNKNOWN
_NOT_APPLICABLE = Answer.NOT_APPLICABLE


def _alarm_ok(output: AlarmOutput) -> Judged:
    if output.asked == 0:
        return _NOT_APPLICABLE, "no alarm fires in this incident"
    firing = [alarm.name for alarm in output.alarms if alarm.state == "ALARM"]
    if firing:
        return _FALSE, f"in ALARM: {', '.join(firing)}"
    if output.missing:
        return _UNKNOWN, f"not there any more: {', '.join(output.missing)}"
    blind = [alarm.name for alarm in output.alarms if alarm.for_want_of_data]
    if blind:
        return _UNKNOWN, f"not in ALARM only for want of data: {', '.join(blind)}"
    return _TRUE, f"OK, as measured: {', '.join(alarm.name for alarm in output.alarms)}"


def _service_steady(output: ServiceOutput) -> Judged:
    counts = f"running {output.running} of {output.desired} desired, {output.pending} pending"
    if output.desired == 0:
        return _FALSE, "the desired count is 0"
    if output.deployment_in_progress:
        return _FALSE, f"{counts}, a deployment is in progress"
    if output.rollout == "FAILED":
        return _FALSE, f"{counts}, but the deployment it should be running has failed"
    return (_TRUE if output.running == output.desired and output.pending == 0 else _FALSE), counts


def _targets_healthy(output: TargetOutput) -> Judged:
    if not output.applicable:
        return _NOT_APPLICABLE, "the stack has no load balancer"
    counts = f"{output.running_healthy} of {output.running} running tasks are healthy targets, desired {output.desired}"
    every = output.running_healthy == output.running >= output.desired > 0
    return (_TRUE if every else _FALSE), counts


def _deep_health(output: DeepOutput) -> Judged:
    if output.state is State.NO_URL:
        return _NOT_APPLICABLE, output.detail
    counts = f"{output.good} of {output.asked} good from {output.running} running tasks: {output.detail}"
    if output.state.is_ill:
        return _FALSE, f"{output.state.value}: {counts}"
    if output.state is not State.OK:
        return _UNKNOWN, f"{output.state.value}: {output.detail}"
    if output.running == 0:
        return _UNKNOWN, f"something answers, but no task runs: {counts}"
    if output.asked < 2 * output.running or output.good != output.asked:
        return _UNKNOWN, f"asked too seldom to hear every task: {counts}"
    return _TRUE, counts


def _alarm_quiet(output: AlarmOutput) -> Judged:
    if output.asked == 0:
        return _NOT_APPLICABLE, "no alarm fires in this incident"
    firing = [alarm.name for alarm in output.alarms if alarm.state == "ALARM"]
    if firing:
        return _FALSE, f"in ALARM: {', '.join(firing)}"
    if output.missing:
        return _UNKNOWN, f"not there any more: {', '.join(output.missing)}"
    return _TRUE, f"not in ALARM: {', '.join(alarm.name for alarm in output.alarms)}"


LOW_ERROR_SHARE = 0.01


def _errors_are_low(output: SnapshotOutput) -> Judged:
    if output.recent_error_share is None:
        return _UNKNOWN, "nobody has asked anything in the last minutes"
    said = f"{output.recent_error_share:.1%} of the last {output.recent_requests:.0f} requests were answered with 5xx"
    return (_TRUE if output.recent_error_share <= LOW_ERROR_SHARE else _FALSE), said


LOW_CPU = 35.0
"""Percent. Half the tasks at this load would be at 70: they can take it, and nobody waits."""


def _load_is_low(output: SnapshotOutput) -> Judged:
    if output.cpu is None or output.cpu.points < LEAST_POINTS:
        return _UNKNOWN, "too few measurements of the service's CPU"
    said = f"CPU at most {output.cpu.maximum:.0f}% over the last {output.cpu.points} measurements"
    return (_TRUE if output.cpu.maximum <= LOW_CPU else _FALSE), said


def _deployment_in_progress(output: ServiceOutput) -> Judged:
    rollouts = ", ".join(f"{d.status} {d.rollout or 'without rollout state'}" for d in output.deployments)
    return (_TRUE if output.deployment_in_progress else _FALSE), rollouts or "no deployment"


CHECKS: dict[str, Check] = {
    check.name: check
    for check in (
        _check(
            "alarm_ok",
            "cloudwatch.alarm_state",
            "The incident's alarms are OK because of what was measured, not for want of data",
            AlarmOutput,
            _alarm_ok,
        ),
        _check(
            "alarm_quiet",
            "cloudwatch.alarm_state",
            "The incident's alarms are not in ALARM, also for want of data: never without a check of what they measure",
            AlarmOutput,
            _alarm_quiet,
        ),
        _check(
            "errors_are_low",
            "cloudwatch.metric_snapshot",
            f"Requests came in the last minutes, and at most {LOW_ERROR_SHARE:.0%} were answered with 5xx",
            SnapshotOutput,
            _errors_are_low,
        ),
        _check(
            "service_steady",
            "ecs.describe_service",
            "Running equals desired, above zero, nothing pending, no deployment in progress",
            ServiceOutput,
            _service_steady,
        ),
        _check(
            "targets_healthy",
            "elb.target_health",
            "Every running task is a healthy target, and there are as many as desired",
            TargetOutput,
            _targets_healthy,
        ),
        _check(
            "deep_health",
            "http.deep_health",
            "MLflow itself searches and lists artifacts, from every running task",
            DeepOutput,
            _deep_health,
        ),
        _check(
            "database_steady",
            "rds.describe_instance",
            "The database is available, and no change of it waits to be in force",
            DatabaseOutput,
            database_steady,
        ),
        _check(
            "login_works",
            "secrets.try_versions",
            "The database accepts the secret version that a task reads when it starts",
            VersionsOutput,
            login_works,
        ),
        _check(
            "admin_login_works", "mlflow.try_versions", "MLflow takes the admin's login", VersionsOutput, login_works
        ),
        _check(
            "secrets_are_read", "secrets.describe", "Every task has read its secrets", SecretsOutput, secrets_are_read
        ),
        _check("changes_stand", "stack.verify_changes", "What this run set is still so", ChangesOutput, changes_stand),
        _check("tidied", "stack.verify_tidied", "What this run tidied away is gone", TidiedOutput, tidied),
        _check(
            "gone",
            "mlflow.verify_gone",
            "What this run deleted is gone: runs over the API, their objects in the bucket",
            GoneOutput,
            judge_gone,
        ),
        _check(
            "upgrade_in_place",
            "mlflow.upgrade_state",
            "The MLflow that this run was to bring serves, alone, on the schema that it needs",
            UpgradeStateOutput,
            upgrade_judged,
        ),
        _check(
            "load_is_low",
            "cloudwatch.metric_snapshot",
            f"The service's CPU stayed at or below {LOW_CPU:.0f}%, so that half its tasks would do",
            SnapshotOutput,
            _load_is_low,
        ),
        _check(
            "deployment_in_progress",
            "ecs.describe_service",
            "Somebody is deploying, or a circuit breaker is rolling back",
            ServiceOutput,
            _deployment_in_progress,
        ),
        _check(
            "database_failing_over",
            "rds.describe_instance",
            "The database is changing hands; unknown where RDS knows none of that name",
            DatabaseOutput,
            database_failing_over,
        ),
        _check(
            "database_failing_over_unless_gone",
            "rds.describe_instance",
            "The same, for what restores it: false once it is gone and a backup has recorded how it was set up",
            DatabaseOutput,
            database_failing_over_unless_gone,
        ),
        _check(
            "artifacts_backed_up",
            "s3.describe_backup",
            "This run's backup of the artifacts is verified, and nothing about it is newly suspect",
            BackupState,
            artifacts_backed_up,
        ),
        _check(
            "artifacts_restored", "s3.compare_restore", "All came back as backed up", RestoreState, artifacts_restored
        ),
        _check(
            "snapshot_taken",
            "rds.list_snapshots",
            "Every snapshot that this run began is available, verified and recorded",
            SnapshotsOutput,
            snapshot_taken,
        ),
        _check(
            "backup_fresh",
            "rds.list_snapshots",
            "The newest good backup of the database is younger than the stack's objective",
            SnapshotsOutput,
            backup_fresh,
        ),
        _check(
            "backups_kept",
            "rds.list_snapshots",
            "Every backup that is recorded as standing is there, and a good one among them",
            SnapshotsOutput,
            backups_kept,
        ),
        _check(
            "copied_offsite",
            "rds.list_copies",
            "A good copy of the database stands in the other region, and what this run copied is good",
            CopiesOutput,
            copied_offsite,
        ),
        _check(
            "drill_proven",
            "backup.drill",
            "This run restored a backup, read it, and it holds what it should",
            DrillOutput,
            drill_proven,
        ),
        _check(
            "drill_cleared",
            "backup.drill",
            "Nothing that this run made to throw away is there any more, asked for by name",
            DrillOutput,
            drill_cleared,
        ),
        _check(
            "left_nothing",
            "backup.drill",
            "Nothing that was restored to be thrown away is there beyond its time, asked for by name",
            DrillOutput,
            left_nothing,
        ),
    )
}
