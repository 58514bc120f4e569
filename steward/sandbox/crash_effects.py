"""What calls a recorded Change stands for, spelled so that Changes and calls can be counted against each other."""

import json
from collections import Counter
from typing import Any

_PASSWORDS = {"rds:ModifyDBInstance", "rds:ModifyDBCluster"}
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
    left_out = {"reason", "Tags"}
    if operation in _PASSWORDS and parameters.keys() & {"SecretId", "MasterUserPassword"}:
        left_out |= {"SecretId", "MasterUserPassword", "ApplyImmediately"}  # what is set is in no record (S29)
    kept = {key: value for key, value in parameters.items() if key not in left_out}
    return f"{operation} {json.dumps(kept, sort_keys=True, default=str)}"


def is_move(one: str) -> bool:
    """The service is moved onto a revision: named in the call, by what it differs in, or by what was before."""
    return one.startswith("ecs:UpdateService") and any(f'"{word}"' in one for word in ("taskDefinition", "former"))


def moved_wrongly(recorded: Counter[str], called: Counter[str]) -> list[str]:
    """Each new revision is a move, and a second one where the same Change puts it back in the end (a timed one);
    each recorded move is another. Moving where one is already is none."""
    wanted = recorded[REGISTERS] + sum(n for one, n in recorded.items() if is_move(one))
    moves = [one for one in called if is_move(one)]
    named = [one for one in recorded if is_move(one) and '"taskDefinition"' in one and one not in moves]
    problems = [f"recorded but not made: {one}" for one in named]
    if not moves:
        problems.append(f"recorded {wanted} move(s) of the service, made none")
    if len(moves) > wanted + recorded[REGISTERS]:
        problems.append(f"moved onto {len(moves)} revisions, recorded {wanted}: {'; '.join(moves)}")
    return problems
