"""s3.compare_restore: what this run was to restore, against what stands there now."""

from datetime import datetime

from chalicelib.backup.standing import Fate
from chalicelib.models.change import Change
from chalicelib.steps.backup_permissions import LIST_SOURCE, READ_MANIFESTS
from chalicelib.steps.restore_copies import Restore
from chalicelib.steps.restore_work import SKEW, course, manifests_for
from chalicelib.steps.step import NoParams, Output, Probe, StepContext

_ACTION = "s3.restore"


class RestoreState(Output):
    applicable: bool
    backup: str | None = None
    expected: int = 0
    as_backed_up: int = 0
    newer: int = 0
    """Written after the backup, and kept."""
    missing: int = 0
    differing: int = 0
    first: str | None = None


class CompareRestore(Probe[NoParams, RestoreState]):
    """Whether every object that this run restored is there as the backup's manifest has it, from a new listing.

    ```yaml
    - id: compare
      do: s3.compare_restore
    ```
    """

    name = "s3.compare_restore"
    Params = NoParams
    Output = RestoreState
    permissions = (*READ_MANIFESTS, LIST_SOURCE)

    def read(self, ctx: StepContext, params: NoParams) -> RestoreState:  # noqa: ARG002 - it has none
        made = [(change, progress.started_at) for change, progress in ctx.made() if change.action == _ACTION]
        if not made:
            return RestoreState(applicable=False)
        return _compared(ctx, *made[-1])


def _compared(ctx: StepContext, change: Change, started_at: datetime | None) -> RestoreState:
    restore = Restore.of(change.parameters).in_run(ctx.run_id)
    manifests = manifests_for(ctx, restore)
    since = (started_at or ctx.now) - SKEW
    counts: dict[Fate, int] = {}
    first = None
    for fated in course(ctx.aws.vault, manifests, restore.head(manifests), restore, None, since):
        fate = Fate.OLDER if fated.fate is Fate.NEWER and restore.over_newer else fated.fate
        counts[fate] = counts.get(fate, 0) + 1
        if fate in {Fate.ABSENT, Fate.OLDER}:
            first = first or fated.entry.key
    return RestoreState(
        applicable=True,
        backup=restore.backup,
        expected=sum(counts.values()),
        as_backed_up=counts.get(Fate.ALREADY, 0),
        newer=counts.get(Fate.NEWER, 0),
        missing=counts.get(Fate.ABSENT, 0),
        differing=counts.get(Fate.OLDER, 0),
        first=first,
    )
