"""backup.choose_pair: a snapshot and the backup of the artifacts that goes with it, and what the two lose (S19)."""

from datetime import UTC, datetime

from pydantic import Field

from chalicelib.backup.pair import Point, as_of, beside, says
from chalicelib.errors import ManifestBroken, StepRefused
from chalicelib.models.history import BackupKind
from chalicelib.models.words import Utc
from chalicelib.steps.backup_choice import against, not_good
from chalicelib.steps.backup_permissions import READ_MANIFESTS, SUGGEST
from chalicelib.steps.backup_places import manifests_of, routes
from chalicelib.steps.rds_permissions import LIST_SNAPSHOTS
from chalicelib.steps.snapshot_choice import NEWEST, choose, is_here, why_none
from chalicelib.steps.step import Output, Params, Probe, StepContext


class PairParams(Params):
    snapshot: str = Field(default=NEWEST, max_length=255)
    """`newest` is the newest good one of Steward's, as of the time below; or an identifier."""
    as_of: str | None = None
    """A time like 2026-11-02T02:00:00Z: nothing younger is chosen."""


class PairOutput(Output):
    snapshot: str
    snapshot_at: Utc
    artifacts: str | None = None
    """None: they are not backed up."""
    artifacts_at: Utc | None = None
    gap_s: int | None = None
    """By how much the artifacts are younger; below zero, older."""
    says: str


class ChoosePair(Probe[PairParams, PairOutput]):
    """Choose a snapshot and the backup of the artifacts as of the same time, or as soon after it as there is one.

    ```yaml
    - id: pair
      do: backup.choose_pair
      with: {asOf: "2026-11-02T02:00:00Z"}
    ```
    """

    name = "backup.choose_pair"
    Params = PairParams
    Output = PairOutput
    permissions = (*LIST_SNAPSHOTS, *READ_MANIFESTS, *SUGGEST)

    def read(self, ctx: StepContext, params: PairParams) -> PairOutput:
        snapshot = _snapshot(ctx, params)
        artifacts = artifacts_beside(ctx, snapshot)
        return PairOutput(
            snapshot=snapshot.id,
            snapshot_at=snapshot.at,
            artifacts=artifacts.id if artifacts else None,
            artifacts_at=artifacts.at if artifacts else None,
            gap_s=int((artifacts.at - snapshot.at).total_seconds()) if artifacts else None,
            says=says(snapshot, artifacts),
        )


def _snapshot(ctx: StepContext, params: PairParams) -> Point:
    wanted = _moment(params.as_of) if params.as_of else None
    name = params.snapshot
    if name == NEWEST:
        here = (one for one in ctx.history.backups(ctx.stack.stack, BackupKind.DATABASE) if is_here(ctx, one))
        good = as_of(here, wanted)
        if good is None:
            when = f" as of {params.as_of}" if wanted else ""
            raise StepRefused(why_none(ctx, "the database", when))
        name = good.id
    found = choose(ctx, name)
    if found.taken_at is None:
        raise StepRefused(f"RDS does not say of when snapshot {found.id} is")
    return Point(found.id, found.taken_at)


def artifacts_beside(ctx: StepContext, snapshot: Point) -> Point | None:
    """Of the artifacts' own prefix, by the manifests that are there; what is doubted or was never verified is left
    out (S18)."""
    artifacts = ctx.stack.artifacts
    if artifacts is None or artifacts.backup_bucket is None:
        return None
    bad = not_good(ctx)
    manifests = manifests_of(ctx, routes(ctx)[0])
    try:
        points = [Point(name, _stamped(name)) for name in manifests.ids() if name not in bad]
        while (chosen := beside(snapshot, points)) is not None:
            if against(ctx, manifests.head(chosen.id)) is None:
                return chosen
            points.remove(chosen)
    except ManifestBroken as broken:
        raise StepRefused(f"{broken}; restore by restore-database and restore-artifacts", rule="S17") from broken
    return None


def _stamped(backup: str) -> datetime:
    return datetime.strptime(backup.split("-", maxsplit=1)[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise StepRefused(f"asOf: {text!r} is no time; write 2026-11-02T02:00:00Z") from exc
    if moment.tzinfo is None:
        raise StepRefused(f"asOf: {text!r} has no zone; write 2026-11-02T02:00:00Z")
    return moment
