"""rds.copy_snapshot: a copy in another region under a key of that region, and shared with another account."""

from typing import Any

from pydantic import Field

from chalicelib.aws.rds_snapshots import Snapshot, tag_list
from chalicelib.errors import AwsError, StepFailed, StepRefused
from chalicelib.models.change import Change, ChangeProgress
from chalicelib.models.history import Backup, BackupKind
from chalicelib.models.stack_backup import OffsitePart
from chalicelib.models.words import Risk, utc
from chalicelib.steps import made
from chalicelib.steps.key_permissions import USE_DATABASE_KEY
from chalicelib.steps.rds_permissions import (
    COPY_SNAPSHOT,
    DESCRIBE_KEYS,
    LIST_SNAPSHOTS,
    LIST_SNAPSHOTS_OFFSITE,
    SHARE_SNAPSHOT,
    USE_OFFSITE_KEY,
)
from chalicelib.steps.snapshot_choice import NEWEST, choose
from chalicelib.steps.snapshot_course import nothing_was_made, still_under_way, why_not_begun
from chalicelib.steps.step import (
    Action,
    ActionOutput,
    Applied,
    Done,
    Look,
    Params,
    Pending,
    Standing,
    StepContext,
    Unchanged,
)

_SHARE = "rds:ModifyDB"


class CopyParams(Params):
    snapshot: str = Field(default=NEWEST, max_length=255)
    """`newest` is the newest good one of Steward's."""


class CopyOutput(ActionOutput):
    copy_id: str | None = None
    region: str | None = None
    shared_with: str | None = None


class CopySnapshot(Action[CopyParams]):
    """Copy a snapshot to the stack's `backup.offsite` region, and share it with the account named there.

    ```yaml
    - id: copy
      do: rds.copy_snapshot
      timeout: 12h
    ```
    """

    name = "rds.copy_snapshot"
    Params = CopyParams
    Output = CopyOutput
    permissions = (
        *LIST_SNAPSHOTS,
        *LIST_SNAPSHOTS_OFFSITE,
        DESCRIBE_KEYS,
        *COPY_SNAPSHOT,
        *USE_OFFSITE_KEY,
        *USE_DATABASE_KEY,
        *SHARE_SNAPSHOT,
    )
    risk = Risk.LOW
    reversible = False

    def plan(self, ctx: StepContext, params: CopyParams) -> tuple[Change, ...]:
        offsite = ctx.stack.backup.offsite
        if offsite is None:
            raise StepRefused("the stack names no other place: write backup.offsite with a region, an account or both")
        source = choose(ctx, params.snapshot)
        changes: list[Change] = []
        shared, key, there = source.id, source.kms_key, ctx.stack.region
        if offsite.region and offsite.region != ctx.stack.region:
            _refuse_key(ctx, source, offsite)
            there, key = offsite.region, offsite.kms_key if source.encrypted else None
            known = _known_copy(ctx, source, there)
            shared = known.id if known else made.name_of(ctx, ctx.step_id)
            changes += [] if known else [self._copy(ctx, source, there, key)]
        if offsite.account:
            changes += self._share(ctx, shared, there, key, offsite.account, cluster=source.cluster)
        return tuple(changes)

    def _copy(self, ctx: StepContext, source: Snapshot, region: str, key: str | None) -> Change:
        kind, name = "Cluster" if source.cluster else "", made.name_of(ctx, ctx.step_id)
        parameters = {
            f"SourceDB{kind}SnapshotIdentifier": source.arn,
            f"TargetDB{kind}SnapshotIdentifier": name,
            "Tags": tag_list(made.tags_for(ctx)),
            "SourceRegion": ctx.stack.region,
        }
        return Change(
            step=ctx.step_id,
            action=self.name,
            operation=f"rds:CopyDB{kind}Snapshot",
            parameters=parameters | ({"KmsKeyId": key} if key else {}),
            resource=source.source,
            precondition={
                "region": region,
                "engine": source.engine,
                "allocated_gib": source.allocated_gib,
                "taken_at": source.taken_at.isoformat() if source.taken_at else None,
            },
            sentence=f"Copy snapshot {source.id} to {region} as {name}{' under a key of that region' if key else ''}",
        )

    def _share(
        self, ctx: StepContext, name: str, region: str, key: str | None, account: str, *, cluster: bool
    ) -> list[Change]:
        if key and ctx.aws.in_region(region).kms_keys.is_amazons(key):
            why = f"{name} is under Amazon's own key for RDS, which no other account can use"
            raise StepRefused(f"{why}: name backup.offsite.region and a kmsKey of your own, and the copy is shared")
        gateway = ctx.aws.in_region(region).rds_snapshots
        if "{run}" not in name and account in gateway.shared_with(name, cluster=cluster):
            return []
        kind = "Cluster" if cluster else ""
        change = Change(
            step=ctx.step_id,
            action=self.name,
            operation=f"{_SHARE}{kind}SnapshotAttribute",
            parameters={
                f"DB{kind}SnapshotIdentifier": name,
                "AttributeName": "restore",
                "ValuesToAdd": [account],
            },
            resource=name,
            precondition={"region": region, "account": account},
            sentence=f"Share snapshot {name} in {region} with account {account}",
        )
        return [change]

    def look(self, ctx: StepContext, change: Change) -> Look:
        gateway = ctx.aws.in_region(change.precondition["region"]).rds_snapshots
        name, cluster = _name(ctx, change), "Cluster" in change.operation
        found = gateway.find(name, cluster=cluster)
        if _is_share(change):
            if found is None:
                return Look(standing=Standing.DRIFTED, detail=f"snapshot {name} is gone")
            if change.precondition["account"] in gateway.shared_with(name, cluster=cluster):
                return Look(standing=Standing.ALREADY, detail=f"{name} is shared already")
            return Look(standing=Standing.READY, detail=f"{name} is not shared yet")
        if found and not made.is_of_this_step(ctx, found.tags, change.step):
            return Look(standing=Standing.DRIFTED, detail=f"somebody else has made a snapshot named {name}")
        return Look(standing=Standing.READY, detail="an earlier attempt began it" if found else "there is no copy yet")

    def apply(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:
        name, cluster = _name(ctx, change), "Cluster" in change.operation
        region = str(change.precondition["region"])
        gateway = ctx.aws.in_region(region).rds_snapshots
        if _is_share(change):
            return _shared(ctx, change, name)
        found = gateway.find(name, cluster=cluster)
        if found is None:
            return _begin(ctx, change, name, region)
        pending = still_under_way(ctx, found, progress)
        return pending or _proven(ctx, change, found)


def _is_share(change: Change) -> bool:
    return change.operation.startswith(_SHARE)


def _name(ctx: StepContext, change: Change) -> str:
    kind = "Cluster" if "Cluster" in change.operation else ""
    key = f"DB{kind}SnapshotIdentifier" if _is_share(change) else f"TargetDB{kind}SnapshotIdentifier"
    return made.named(change.parameters[key], ctx.run_id)


def _refuse_key(ctx: StepContext, source: Snapshot, offsite: OffsitePart) -> None:
    """A key does not leave its region, so the copy needs one there, and it must be usable."""
    if not source.encrypted:
        return
    if offsite.kms_key is None:
        why = f"snapshot {source.id} is encrypted, and a key does not leave its region"
        raise StepRefused(f"{why}: name a KMS key of {offsite.region} as backup.offsite.kmsKey")
    trouble = ctx.aws.in_region(offsite.region or "").kms_keys.why_unusable(offsite.kms_key)
    if trouble:
        raise StepRefused(f"{trouble} in {offsite.region}: enable it, or name another as backup.offsite.kmsKey")


def _known_copy(ctx: StepContext, source: Snapshot, region: str) -> Snapshot | None:
    listed = ctx.aws.in_region(region).rds_snapshots.of_database(source.source, cluster=source.cluster)
    mine = (one for one in listed if one.copied_from == source.arn and made.is_of_stack(ctx, one.tags))
    return next((one for one in mine if one.status != "failed"), None)


def _begin(ctx: StepContext, change: Change, name: str, region: str) -> Pending:
    cluster = "Cluster" in change.operation
    kind = made.snapshot_kind(cluster=cluster)
    made.record(ctx, kind, name, change.step, region=region)
    source = change.parameters["SourceDBClusterSnapshotIdentifier" if cluster else "SourceDBSnapshotIdentifier"]
    tags = made.tags_said(made.tags_for(ctx), ctx.run_id)
    try:
        ctx.aws.in_region(region).rds_snapshots.copy(
            source, name, tags, cluster=cluster, key=change.parameters.get("KmsKeyId"), from_region=ctx.stack.region
        )
    except AwsError as error:
        if error.code.startswith(("DBSnapshotAlreadyExists", "DBClusterSnapshotAlreadyExists")):
            return Pending(check_after_s=1, detail=f"{name} is there already")
        why = why_not_begun(ctx, error)
        if isinstance(why, Pending):
            return why
        if nothing_was_made(error):
            ctx.history.mark_gone(ctx.stack.stack, kind, name, ctx.now)
        raise (why or error) from error
    return Pending(check_after_s=30, detail=f"copying to {region}")


def _proven(ctx: StepContext, change: Change, found: Snapshot) -> Done:
    wanted = change.precondition
    if found.engine != wanted["engine"] or found.allocated_gib < int(wanted["allocated_gib"]):
        why = f"it is {found.engine} of {found.allocated_gib} GiB"
        raise StepFailed(ctx.step_id, f"copy {found.id} is available, but not as expected: {why}")
    backup = Backup(
        stack=ctx.stack.stack, kind=BackupKind.DATABASE, id=found.id, run_id=ctx.run_id,
        as_of=utc(str(wanted["taken_at"])), verified_at=ctx.now, ref=found.arn, **_inherited(ctx, change),
    )  # fmt: skip
    ctx.history.record_backup(backup)
    facts = {"copy_id": found.id, "region": wanted["region"]}
    return Done(detail=f"{found.id} is available in {wanted['region']}", facts=facts)


def _inherited(ctx: StepContext, change: Change) -> dict[str, Any]:
    """A copy holds what its original holds: its rows, its doubt (S18), and how the database was set up."""
    cluster = "Cluster" in change.operation
    arn = str(change.parameters["SourceDBClusterSnapshotIdentifier" if cluster else "SourceDBSnapshotIdentifier"])
    original = ctx.history.backup(ctx.stack.stack, BackupKind.DATABASE, arn.split("snapshot:", 1)[-1])
    if original is None:
        return {}
    return {"rows": original.rows, "suspect": original.suspect, "placement": original.placement}


def _shared(ctx: StepContext, change: Change, name: str) -> Applied:
    account, cluster = str(change.precondition["account"]), "Cluster" in change.operation
    gateway = ctx.aws.in_region(str(change.precondition["region"])).rds_snapshots
    if account in gateway.shared_with(name, cluster=cluster):
        return Unchanged(detail=f"{name} is shared with {account}", facts={"shared_with": account})
    gateway.share(name, account, cluster=cluster)
    return Done(detail=f"{name} is shared with {account}", facts={"shared_with": account})
