"""s3.describe_backup: how the backup of the artifacts stands, from the manifests themselves and Steward's records."""

from pydantic import Field

from chalicelib.errors import ManifestBroken, StepRefused
from chalicelib.models.history import Backup, BackupKind
from chalicelib.models.words import Utc
from chalicelib.steps.backup_permissions import READ_MANIFESTS, SUGGEST
from chalicelib.steps.backup_places import Route, manifests_of, routes
from chalicelib.steps.step import NoParams, Output, Probe, StepContext


class PlaceState(Output):
    source: str
    target: str
    newest: str | None
    as_of: Utc | None = None
    age_s: int | None = None
    objects: int = 0
    bytes: int = 0
    gone: int = 0
    verified: bool = False
    signed: bool = False
    suspect: str | None = None
    by_this_run: bool = False
    broken: str | None = None
    """Why the newest manifest cannot be believed."""


class BackupState(Output):
    applicable: bool
    why_not: str | None = None
    places: tuple[PlaceState, ...] = ()
    backups: int = 0
    """How many are known."""
    suspicion: str | None = None
    """While it stands nothing expires (S18)."""
    suspicion_by_this_run: bool = False
    newest_good: str | None = None
    newest_good_at: Utc | None = None
    last_restored_at: Utc | None = None
    weaker: tuple[str, ...] = Field(default=())
    """What could be stronger."""


class DescribeBackup(Probe[NoParams, BackupState]):
    """The newest backup of the artifacts: how old, how large, whether verified, signed, doubted, ever restored.

    ```yaml
    - id: backup
      do: s3.describe_backup
    ```
    """

    name = "s3.describe_backup"
    Params = NoParams
    Output = BackupState
    permissions = (*READ_MANIFESTS, *SUGGEST)

    def read(self, ctx: StepContext, params: NoParams) -> BackupState:  # noqa: ARG002 - it has none
        try:
            found = routes(ctx)
        except StepRefused as refused:
            return BackupState(applicable=False, why_not=refused.reason)
        known = ctx.history.backups(ctx.stack.stack, BackupKind.ARTIFACTS)
        doubt = ctx.history.suspicion(ctx.stack.stack)
        good = next((one for one in known if one.is_good), None)
        places = tuple(_place(ctx, route, known) for route in found)
        restored = [one.restored_at for one in known if one.restored_at]
        return BackupState(
            applicable=True,
            places=places,
            backups=len(known),
            suspicion=doubt.why if doubt else None,
            suspicion_by_this_run=doubt is not None and doubt.run_id == ctx.run_id,
            newest_good=good.id if good else None,
            newest_good_at=good.as_of if good else None,
            last_restored_at=max(restored, default=None),
            weaker=_weaker(ctx),
        )


def _weaker(ctx: StepContext) -> tuple[str, ...]:
    if ctx.stack.backup.mac_key:
        return ()
    return ("manifests are chained but not signed: write backup.macKey, an HMAC key of KMS",)


def _place(ctx: StepContext, route: Route, known: tuple[Backup, ...]) -> PlaceState:
    prefix = route.source.prefix
    source, target = f"{route.source.bucket}/{prefix}", f"{route.target.bucket}/{prefix}"
    try:
        head = manifests_of(ctx, route).latest()
    except ManifestBroken as broken:
        return PlaceState(source=source, target=target, newest=None, broken=str(broken))
    if head is None:
        return PlaceState(source=source, target=target, newest=None)
    record = next((one for one in known if one.id == head.id), None)
    return PlaceState(
        source=source,
        target=target,
        newest=head.id,
        as_of=head.as_of,
        age_s=round((ctx.now - head.as_of).total_seconds()),
        objects=head.totals.objects,
        bytes=head.totals.bytes,
        gone=head.totals.gone,
        verified=record is not None and record.verified_at is not None,
        signed=head.mac is not None,
        suspect=head.suspect,
        by_this_run=head.run_id == ctx.run_id,
    )
