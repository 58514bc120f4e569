"""What calls a recorded Change stands for, spelled so that Changes and calls can be counted against each other."""

import json
from typing import Any

REGISTERS = "ecs:RegisterTaskDefinition"
EACH = {
    "rds:DeleteDBSnapshot": ("ids", "DBSnapshotIdentifier"),
    "rds:DeleteDBClusterSnapshot": ("ids", "DBClusterSnapshotIdentifier"),
    "ecs:DeregisterTaskDefinition": ("taskDefinitions", "taskDefinition"),
    "s3:AbortMultipartUpload": ("uploads", "whole"),
}
"""Changes that name many ids, each of which is one call under that parameter."""


def effects_of(operation: str, parameters: dict[str, Any], run_id: str) -> list[str]:
    """The calls that one recorded Change stands for: one, or one for each id that it names."""
    said = json.loads(json.dumps(parameters, default=str).replace("{run}", run_id))
    if operation in EACH and EACH[operation][0] in said:
        ids, name = EACH[operation]
        return [effect(operation, each if isinstance(each, dict) else {name: each}) for each in said[ids]]
    return [effect(operation, said)]


def effect(operation: str, parameters: dict[str, Any]) -> str:
    if operation == REGISTERS:
        return operation  # the call carries the whole definition, the Change only what differs
    kept = {key: value for key, value in parameters.items() if key not in {"reason", "Tags"}}
    return f"{operation} {json.dumps(kept, sort_keys=True, default=str)}"
