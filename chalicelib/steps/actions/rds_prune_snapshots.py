"""rds.prune_snapshots: deletes the snapshots that no keep rule wants, and only those that Steward made.

What may go is decided when it is planned; a Change names each id (S14) and is looked at again before
anything is deleted: tag and creation record (S16), legal hold, doubt and open incidents (S18).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import Field

from chalicelib.aws.rds_snapshots import AVAILABLE, CREATING, MANUAL, Snapshot
from chalicelib.backup.keep import Candidate, Judged, Rules, judge
from chalicelib.errors import StepFailed, StepRefused
from chalicelib.models.change import Change, ChangeProgress
from chalicelib.models.history import Backup, BackupKind, Creation, MadeKind
from chalicelib.models.words import Risk
from chalicelib.steps import made
from chalicelib.steps.lanes import deleted_side_by_side
from chalicelib.steps.rds_permissions import DELETE_OFFSITE, DELETE_SNAPSHOT, LIST_SNAPSHOTS, LIST_SNAPSHOTS_OFFSITE
from chalicelib.steps.step import Action, ActionOutput, Applied, Done, Look, Params, Pending, Standing, StepContext

_IDS_A_CHANGE = 300
_A_LOT = 1 / 3
"""More of the good ones than this at once is asked for: rules that were just made stricter look like this."""
_JUST_LOOKED = timedelta(seconds=60)


class PruneParams(Params):
    """Without any of them, the stack's `backup.keep`."""

    count: int | None = Field(default=None, ge=1, le=1000)
    days: int | None = Field(default=None, ge=0, le=3660)
    weeks: int | None = Field(default=None, ge=0, le=520)
    months: int | None = Field(default=None, ge=0, le=120)


class PruneSnapshots(Action[PruneParams]):
    """Delete the snapshots that no keep rule of the stack wants: only Steward's own, each by its id.

    ```yaml
    - id: prune
      do: rds.prune_snapshots
    ```
    """

    name = "rds.prune_snapshots"
    Params = PruneParams
    Output = ActionOutput
    permissions = (*LIST_SNAPSHOTS, *LIST_SNAPSHOTS_OFFSITE, *DELETE_SNAPSHOT, *DELETE_OFFSITE)
    risk = Risk.MEDIUM
    reversible = False

    def plan(self, ctx: StepContext, params: PruneParams) -> tuple[Change, ...]:
        _refuse_in_doubt(ctx)
        database, cluster = made.database_of(ctx)
        rules = rules_of(ctx, params)
        changes: list[Change] = []
        for region in regions_of(ctx):
            changes += self._of_region(ctx, database, region, rules, cluster=cluster)
        return tuple(changes)

    def _of_region(
        self, ctx: StepContext, database: str, region: str, rules: Rules, *, cluster: bool
    ) -> tuple[Change, ...]:
        found = owned(ctx, database, region, cluster=cluster)
        judged = judge((one.candidate for one in found.values()), rules, ctx.now)
        good = sum(one.candidate.good for one in found.values())
        gone = [name for name in judged.prune if found[name].candidate.good]
        loses = f"{len(gone)} of {good} good backups in {region}" if len(gone) > good * _A_LOT else None
        kind = "Cluster" if cluster else ""
        return tuple(
            Change(
                step=ctx.step_id,
                action=self.name,
                operation=f"rds:DeleteDB{kind}Snapshot",
                parameters={"ids": list(ids), "region": region, "cluster": cluster},
                resource=database,
                precondition={"newest_good": _newest_good(judged)},
                sentence=_sentence(ids, len(found), region),
                loses=loses,
            )
            for ids in _chunks(judged.prune)
        )

    def look(self, ctx: StepContext, change: Change) -> Look:
        _refuse_in_doubt(ctx)
        standing = standing_of(ctx, change)
        if not standing:
            return Look(standing=Standing.ALREADY, detail="all of them are gone")
        refused = why_not(ctx, change, standing)
        if refused:
            return Look(standing=Standing.DRIFTED, detail=refused)
        before: dict[str, str | int | float | bool | None] = {"there": len(standing), "looked_at": ctx.now.isoformat()}
        return Look(standing=Standing.READY, detail=f"{len(standing)} of them are there", before=before)

    def apply(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:
        ids, region = tuple(change.parameters["ids"]), change.parameters["region"]
        cluster = bool(change.parameters["cluster"])
        if not _has_just_looked(ctx, progress):  # after a crash, or when it goes on later
            _refuse_in_doubt(ctx)
            standing = standing_of(ctx, change)
            if refused := why_not(ctx, change, standing):
                raise StepFailed(ctx.step_id, refused)
            ids = tuple(name for name in ids if name in standing)
        gateway = ctx.aws.in_region(region).rds_snapshots
        ended = deleted_side_by_side(ctx, ids, lambda name: gateway.delete(name, cluster=cluster))
        kind = made.snapshot_kind(cluster=cluster)
        for name in change.parameters["ids"] if not (ended.left or ended.errors) else ended.gone:
            _forget(ctx, kind, name)
        if ended.errors:
            raise next(iter(ended.errors.values()))
        if ended.left:
            done = len(change.parameters["ids"]) - len(ended.left)
            return Pending(check_after_s=1, detail=f"{done} of {len(change.parameters['ids'])} deleted")
        return Done(detail=f"{len(change.parameters['ids'])} snapshots deleted")


def regions_of(ctx: StepContext) -> tuple[str, ...]:
    offsite = ctx.stack.backup.offsite
    there = offsite.region if offsite else None
    return (ctx.stack.region, there) if there and there != ctx.stack.region else (ctx.stack.region,)


def rules_of(ctx: StepContext, params: PruneParams) -> Rules:
    said = params.model_dump(exclude_none=True)
    keep = ctx.stack.backup.keep
    usual = {"count": keep.count, "days": keep.days, "weeks": keep.weeks, "months": keep.months}
    return Rules(**({"days": 0, "weeks": 0, "months": 0, "count": keep.count, **said} if said else usual))


@dataclass(frozen=True)
class Owned:
    snapshot: Snapshot
    backup: Backup | None
    candidate: Candidate


def owned(ctx: StepContext, database: str, region: str, *, cluster: bool) -> Mapping[str, Owned]:
    """Steward's own of this database in that region: by tag and by record (S16). Others are not even looked at."""
    elsewhere = region if region != ctx.stack.region else None
    records = {one.id: one for one in _records(ctx, cluster=cluster) if one.region == elsewhere}
    backups = {one.id: one for one in ctx.history.backups(ctx.stack.stack, BackupKind.DATABASE)}
    listed = ctx.aws.in_region(region).rds_snapshots.of_database(database, cluster=cluster, kind=MANUAL)
    return {
        one.id: Owned(one, backups.get(one.id), _candidate(one, backups.get(one.id), records[one.id]))
        for one in listed
        if made.is_ours(ctx, one, records.get(one.id))
    }


def _records(ctx: StepContext, *, cluster: bool) -> tuple[Creation, ...]:
    return ctx.history.creations(ctx.stack.stack, made.snapshot_kind(cluster=cluster))


def _candidate(one: Snapshot, backup: Backup | None, record: Creation) -> Candidate:
    """A copy's recovery point is its original's; one that failed has none but the day it was begun."""
    good = backup is not None and backup.is_good and one.status == AVAILABLE
    at = backup.as_of if backup else one.taken_at or record.at
    return Candidate(one.id, at, good, made.is_held(one.tags), one.status != CREATING)


def standing_of(ctx: StepContext, change: Change) -> Mapping[str, Snapshot]:
    """Those of the Change that are still there, as they stand now."""
    cluster, region = bool(change.parameters["cluster"]), change.parameters["region"]
    gateway = ctx.aws.in_region(region).rds_snapshots
    listed = gateway.of_database(change.resource, cluster=cluster, kind=MANUAL)
    wanted = set(change.parameters["ids"])
    return {one.id: one for one in listed if one.id in wanted}


def why_not(ctx: StepContext, change: Change, standing: Mapping[str, Snapshot]) -> str | None:
    """What has changed since it was planned, so that deleting is no longer what people said yes to."""
    records = {one.id: one for one in _records(ctx, cluster=bool(change.parameters["cluster"]))}
    for name, one in standing.items():
        if not made.is_ours(ctx, one, records.get(name)):
            return f"S16: {name} carries no tag or record of Steward's"
        if made.is_held(one.tags):
            return f"{name} is under a legal hold now"
    newest = change.precondition.get("newest_good")
    backup = ctx.history.backup(ctx.stack.stack, BackupKind.DATABASE, str(newest))
    if newest in change.parameters["ids"] or backup is None or not backup.is_good:
        return f"S18: {newest}, which was to stay as the newest good one, is no longer good"
    return None


def _refuse_in_doubt(ctx: StepContext) -> None:
    doubt = ctx.history.suspicion(ctx.stack.stack)
    if doubt:
        why = f"backups of {ctx.stack.stack} are in doubt since run {doubt.run_id} ({doubt.why})"
        raise StepRefused(f"{why}; nothing is pruned until a person clears it", rule="S18")
    incidents = ctx.open_incidents()
    if incidents:
        raise StepRefused(f"nothing is pruned during an open incident: {'; '.join(incidents)}", rule="S18")


def _newest_good(judged: Judged) -> str | None:
    return next((name for name, why in judged.keep.items() if why == "the newest good one"), None)


def _chunks(ids: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [ids[n : n + _IDS_A_CHANGE] for n in range(0, len(ids), _IDS_A_CHANGE)]


def _sentence(ids: tuple[str, ...], total: int, region: str) -> str:
    named = ", ".join(ids[:3]) + (f" and {len(ids) - 3} more" if len(ids) > 3 else "")  # noqa: PLR2004 - for people
    return f"Delete {len(ids)} of Steward's {total} snapshots in {region} that no keep rule wants: {named}"


def _has_just_looked(ctx: StepContext, progress: ChangeProgress) -> bool:
    """The executor looks, stores STARTED and applies in one breath; listing 500 again would double the calls."""
    looked = progress.before.get("looked_at")
    fresh = looked is not None and ctx.now - datetime.fromisoformat(str(looked)) < _JUST_LOOKED
    return fresh and progress.detail is None


def _forget(ctx: StepContext, kind: MadeKind, name: str) -> None:
    ctx.history.mark_gone(ctx.stack.stack, kind, name, ctx.now)
    if ctx.history.backup(ctx.stack.stack, BackupKind.DATABASE, name):
        ctx.history.amend_backup(ctx.stack.stack, BackupKind.DATABASE, name, ctx.now, gone_at=ctx.now)
