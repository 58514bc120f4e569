"""Which backup of the artifacts is taken where nobody names one, and what is said of one that somebody names (S18).

What is good is taken, and what no record of Steward's speaks of as long as its manifest speaks for itself: records can
be lost, and a bucket outlives them.
"""

from collections.abc import Sequence

from chalicelib.backup.manifest import Head
from chalicelib.backup.manifests import Manifests
from chalicelib.errors import StepRefused
from chalicelib.models.history import BackupKind
from chalicelib.steps.step import StepContext


def against(ctx: StepContext, head: Head) -> str | None:
    """None: nothing speaks against it."""
    record = ctx.history.backup(ctx.stack.stack, BackupKind.ARTIFACTS, head.id)
    doubt = head.suspect or (record.suspect if record else None)
    if doubt:
        return f"SUSPECT: {doubt}"
    if record is not None:
        return None if record.is_good else "NOT VERIFIED: its copies were not all there as the manifest says"
    if head.proof is None or not head.proof.holds:
        return "NOT VERIFIED: its manifest has no proof that holds"
    return None


def not_good(ctx: StepContext) -> frozenset[str]:
    """Known to Steward, and known as doubted or unverified."""
    known = ctx.history.backups(ctx.stack.stack, BackupKind.ARTIFACTS, gone=True)
    return frozenset(one.id for one in known if not one.is_good)


def newest(ctx: StepContext, manifests: Manifests, ids: Sequence[str]) -> Head | None:
    """Of these, which are in order of time. Raises StepRefused where there are some and each is doubted."""
    bad = not_good(ctx)
    for name in reversed(ids):
        if name in bad:
            continue
        head = manifests.head(name)
        if against(ctx, head) is None:
            return head
    if not ids:
        return None
    why = against(ctx, manifests.head(ids[-1]))
    raise StepRefused(
        f"no backup is good; the newest, {ids[-1]}, is {why}: name it to take it all the same", rule="S18"
    )
