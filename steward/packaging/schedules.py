"""EventBridge Scheduler schedules made from the runbooks, one a runbook and stack; and the clock of `sweep`."""

import json
from collections.abc import Iterator
from typing import Any

from chalicelib.models.runbook import Runbook, ScheduleTrigger
from chalicelib.models.stack import Stack
from steward.packaging.keeping import tags
from steward.packaging.machines import service_role
from steward.packaging.messages import queue_arn
from steward.packaging.names import Names, logical, short

Json = dict[str, Any]
_NAME = 64
_OLDEST_S = 3 * 3600
"""A nightly job that is three hours late would run into the working day."""
ARTIFACTS_RUNBOOK = "backup-artifacts"


def schedules(names: Names, stacks: list[Stack], runbooks: dict[str, Runbook]) -> Json:
    found: Json = {
        "ScheduleGroup": {
            "Type": "AWS::Scheduler::ScheduleGroup",
            "Properties": {"Name": names.prefix, "Tags": tags(names)},
        },
        "SchedulerRole": _role(names),
        "SweepSchedule": _schedule("sweep", "Sweep", "rate(1 minute)", {"steward": "sweep"}, oldest_s=60),
    }
    for runbook, stack, trigger in planned(stacks, runbooks):
        found[logical("schedule", runbook.runbook, stack.stack)] = _of_runbook(runbook, stack, trigger)
    return found


def planned(stacks: list[Stack], runbooks: dict[str, Runbook]) -> Iterator[tuple[Runbook, Stack, ScheduleTrigger]]:
    """Only where the stack has what the runbook works on: a stack without a database is not backed up every night."""
    for runbook in sorted(runbooks.values(), key=lambda each: each.runbook):
        trigger = next((each.schedule for each in runbook.on if each.schedule), None)
        for stack in stacks:
            if trigger is not None and fits(runbook, stack):
                yield runbook, stack, _own(runbook, stack, trigger)


def _own(runbook: Runbook, stack: Stack, trigger: ScheduleTrigger) -> ScheduleTrigger:
    """The stack's own time for its artifacts, where it says one."""
    own = stack.backup.artifacts_schedule
    if runbook.runbook != ARTIFACTS_RUNBOOK or own is None:
        return trigger
    return trigger.model_copy(update={"expression": own})


def fits(runbook: Runbook, stack: Stack) -> bool:
    return all(_has(stack, step.do) for step in runbook.steps if step.do)


def _has(stack: Stack, step: str) -> bool:
    backup = stack.artifacts is not None and stack.artifacts.backup_bucket is not None
    on_rds = stack.database is not None and stack.database.is_on_rds
    match step:
        case "rds.copy_snapshot":
            return on_rds and stack.backup.offsite is not None
        case "rds.create_snapshot" | "rds.prune_snapshots" | "rds.restore_snapshot":
            return on_rds
        case "s3.backup_prefix" | "s3.expire_copies" | "s3.restore":
            return backup
        case "mlflow.delete_runs" | "s3.quarantine_artifacts" | "ecs.run_one_off_task":
            return stack.artifacts is not None
    return True


def _of_runbook(runbook: Runbook, stack: Stack, trigger: ScheduleTrigger) -> Json:
    given = {
        "steward": "schedule",
        "runbook": runbook.runbook,
        "stack": stack.stack,
        # Scheduler fills it in: without it tomorrow's event would be taken for a redelivery of today's.
        "scheduled_at": "<aws.scheduler.scheduled-time>",
    }
    made = _schedule(f"{runbook.runbook}-{stack.stack}", "Schedule", trigger.expression, given)
    made["Properties"] |= {"ScheduleExpressionTimezone": trigger.timezone, "Description": runbook.title}
    if trigger.window:
        made["Properties"]["FlexibleTimeWindow"] = {
            "Mode": "FLEXIBLE",
            "MaximumWindowInMinutes": max(1, min(trigger.window // 60, 1440)),
        }
    return made


def _schedule(what: str, function: str, expression: str, given: Json, *, oldest_s: int = _OLDEST_S) -> Json:
    return {
        "Type": "AWS::Scheduler::Schedule",
        "Properties": {
            "Name": short(what, _NAME),
            "GroupName": {"Ref": "ScheduleGroup"},
            "ScheduleExpression": expression,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "State": "ENABLED",
            "Target": {
                "Arn": {"Fn::GetAtt": [function, "Arn"]},
                "RoleArn": {"Fn::GetAtt": ["SchedulerRole", "Arn"]},
                "Input": json.dumps(given),
                "DeadLetterConfig": {"Arn": queue_arn("lost-schedules")},
                "RetryPolicy": {"MaximumEventAgeInSeconds": oldest_s, "MaximumRetryAttempts": 20},
            },
        },
    }


def _role(names: Names) -> Json:
    functions = [{"Fn::GetAtt": [which, "Arn"]} for which in ("Schedule", "Sweep")]
    statements: list[Json] = [
        {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": functions},
        {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queue_arn("lost-schedules")},
    ]
    return service_role(names, "scheduler", "scheduler.amazonaws.com", statements)
