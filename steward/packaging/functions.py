"""What is added to Chalice's own functions: names, environment, limits, logs, and where a failed call goes."""

from typing import Any

from chalicelib.wiring import VERSION
from steward.packaging.keeping import tag_map, tags
from steward.packaging.messages import queue_arn
from steward.packaging.names import ARN, HERE, LOGICAL, Names, sub

Json = dict[str, Any]
RESERVED = {"intake": 5, "schedule": 2, "api": 10, "advance": 10, "sweep": 1}
"""No storm of events takes all of the account's concurrency; and never two sweeps at once."""
ASYNC = {"intake": "lost-events", "schedule": "lost-schedules", "sweep": "lost-sweeps"}
"""Invoked without anybody waiting: what fails twice lies in this queue."""
LOG_DAYS = 90
RESERVE = "ReserveConcurrency"
VERSION_TOLD = "STEWARD_VERSION"
"""For `steward doctor`, which compares it with its own."""
REACH_RESERVED = 2


def reserved(reaches: int) -> int:
    """What a stage takes out of the account's quota; `reaches`: how many functions `reach` it has."""
    return sum(RESERVED.values()) + REACH_RESERVED * reaches


def parameters() -> Json:
    said = "Accounts with a quota of 10 concurrent executions cannot reserve any"
    return {RESERVE: {"Type": "String", "AllowedValues": ["yes", "no"], "Default": "yes", "Description": said}}


def conditions() -> Json:
    return {"ReservesConcurrency": {"Fn::Equals": [{"Ref": RESERVE}, "yes"]}}


def functions(names: Names, *, copies: bool) -> Json:
    which = dict(LOGICAL) | ({"copy-shard": "CopyShard"} if copies else {})
    found: Json = {}
    for name, title in which.items():
        found[title] = {"Properties": _properties(names, name, copies=copies)}
        found[f"{title}Logs"] = log_group(names, names.log_group(name))
    return found


def log_group(names: Names, name: str) -> Json:
    return {
        "Type": "AWS::Logs::LogGroup",
        "Properties": {"LogGroupName": name, "RetentionInDays": LOG_DAYS, "Tags": tags(names)},
    }


def _properties(names: Names, which: str, *, copies: bool) -> Json:
    found: Json = {
        "FunctionName": names.function(which),
        "Environment": {"Variables": environment(names, copies=copies)},
        "Tags": tag_map(names),
    }
    if which in RESERVED:
        reserved = {"Fn::If": ["ReservesConcurrency", RESERVED[which], {"Ref": "AWS::NoValue"}]}
        found["ReservedConcurrentExecutions"] = reserved
    if which in ASYNC:
        found["EventInvokeConfig"] = {
            "MaximumRetryAttempts": 2,
            "MaximumEventAgeInSeconds": 3600 if which != "sweep" else 60,
            "DestinationConfig": {"OnFailure": {"Type": "SQS", "Destination": queue_arn(ASYNC[which])}},
        }
    return found


def environment(names: Names, *, copies: bool) -> Json:
    found: Json = {
        "STEWARD_STAGE": names.stage,
        VERSION_TOLD: VERSION,
        "STEWARD_TABLE": names.table,
        "STEWARD_ARCHIVE_BUCKET": sub(names.bucket("archive")),
        "STEWARD_EVIDENCE_BUCKET": sub(names.bucket("evidence")),
        # Its ARN by its name: the machine names the function, so the function cannot name the machine.
        "STEWARD_MACHINE_ARN": sub(names.machine_arn),
        "STEWARD_ACCOUNT": {"Ref": "AWS::AccountId"},
        # pydantic would look through every installed package for plug-ins at each start.
        "PYDANTIC_DISABLE_PLUGINS": "__all__",
    }
    if copies:
        found["STEWARD_COPIES_MACHINE_ARN"] = sub(f"{ARN}:states:{HERE}:stateMachine:{names.prefix}-copies")
    return found
