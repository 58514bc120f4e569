"""What must be true of copies however often a worker died: none is lost, none is made twice beyond the stretch in
flight, none is wrong, and the manifest says what is there."""

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.aws.gateways import Aws
from chalicelib.backup.manifests import Manifests, Seal
from chalicelib.models.change import Change, ChangeState
from chalicelib.models.run import RunStatus
from chalicelib.steps.restore_copies import Restore
from steward.sandbox import place

if TYPE_CHECKING:
    from steward.sandbox.simulation import Simulation

BACKS_UP, RESTORES, EXPIRES = "s3.backup_prefix", "s3.restore", "s3.expire_copies"


def is_copying(operation: str, parameters: Mapping[str, Any]) -> bool:
    """One Change, many calls: judged here, by what came of them."""
    return "set" in parameters or (operation == "s3:DeleteObject" and "keys" in parameters)


def copy_problems(simulation: "Simulation") -> list[str]:
    problems: list[str] = []
    for run in simulation.runs():
        for record in simulation.parts.engine.runs.steps(run.id):
            for change, progress in zip(record.changes, record.progress, strict=True):
                if not is_copying(change.operation, change.parameters) or progress.state is ChangeState.STORED:
                    continue
                if run.status is RunStatus.FINISHED and progress.state is ChangeState.STARTED:
                    problems.append(f"{change.action} was left half done: {record.detail}")
                problems += _judged(simulation, change, run.id)
    return problems


def _judged(simulation: "Simulation", change: Change, run_id: str) -> list[str]:
    aws = Aws(simulation.world.own_session(), place.REGION)
    copied = Counter(
        call.params["Key"] for call in simulation.world.calls if call.service == "s3" and call.operation == "CopyObject"
    )
    again = sum(count - 1 for count in copied.values())
    if change.action == BACKS_UP:
        allowed = change.parameters["checkpointEvery"]
        return [*_backup(aws, change), *([f"{again} copies were made again"] if again > allowed else [])]
    if change.action == RESTORES:
        return [*_restored(aws, change, run_id), *([f"{again} copies were made again"] if again > 1 else [])]
    return _expired(aws, change)


def _manifests(aws: Aws, change: Change) -> Manifests:
    bucket = change.parameters.get("target") or change.parameters["from"]
    return Manifests(aws.vault, bucket, change.parameters["set"], seal=Seal(aws.kms, place.MAC_KEY))


def _backup(aws: Aws, change: Change) -> list[str]:
    given = change.parameters
    manifests = _manifests(aws, change)
    head = manifests.latest()
    if head is None or head.id == given["before"]:
        return ["there is no new manifest"]
    problems = [] if (head.before.id if head.before else None) == given["before"] else ["its chain skips a manifest"]
    lines = {given["prefix"] + entry.key: entry for entry in manifests.entries(head)}
    there = {one.key for one in aws.vault.standing(given["source"], given["prefix"])}
    alive = {key for key, entry in lines.items() if entry.gone_since is None}
    problems += [f"not in the manifest: {key}" for key in sorted(there - alive)]
    problems += [f"in the manifest, though it is gone: {key}" for key in sorted(alive - there)]
    for key in sorted(there & alive):
        original = aws.vault.digest(given["source"], key)
        if original != aws.vault.digest(given["target"], key, version=lines[key].version):
            problems.append(f"the copy of {key} is another one")
    return problems


def _restored(aws: Aws, change: Change, run_id: str) -> list[str]:
    restore = Restore.of(change.parameters).in_run(run_id)
    manifests = _manifests(aws, change)
    problems = []
    for entry in restore.selection.of(manifests.entries(manifests.head(restore.backup))):
        kept = aws.vault.digest(restore.bucket, restore.prefix + entry.key, version=entry.version)
        if aws.vault.digest(restore.to_bucket, restore.to_prefix + entry.key) != kept:
            problems.append(f"not restored: {entry.key}")
    return problems


def _expired(aws: Aws, change: Change) -> list[str]:
    """Each key has one delete marker, and its version is still there."""
    given = change.parameters
    problems = []
    for key, version in zip(given["keys"], given["versions"], strict=True):
        if aws.vault.digest(given["bucket"], key, version=version) is None:
            problems.append(f"version {version} of {key} is gone")
        if aws.vault.digest(given["bucket"], key) is not None:
            problems.append(f"{key} has no delete marker")
    return problems
