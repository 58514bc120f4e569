"""mlflow.find_orphan_artifacts: what in the bucket nobody owns, and which runs lack their artifacts. Reads only."""

import json
from collections.abc import Iterator
from datetime import timedelta

from pydantic import Field

from chalicelib.aws.s3_objects import S3Objects
from chalicelib.models.history import MadeKind
from chalicelib.steps.artifact_places import Place
from chalicelib.steps.artifact_store import READ_ENDPOINT_KEYS, open_store
from chalicelib.steps.caution import own_place
from chalicelib.steps.database_facts import READ_DATABASE
from chalicelib.steps.missing import told
from chalicelib.steps.mlflow_access import ASK_MLFLOW
from chalicelib.steps.orphan_scan import Known, Scan, scan
from chalicelib.steps.owners import find_owners
from chalicelib.steps.prices import in_words
from chalicelib.steps.probes.mlflow_find_expired_runs import LIST_BUCKET
from chalicelib.steps.quarantine import ROOT, Quarantine
from chalicelib.steps.savings import READ_VERSIONING, Saving, Waste, afterlife
from chalicelib.steps.step import Output, Params, Probe, StepContext
from chalicelib.store.blobs import evidence_key

_MOST_NAMED = 15


class OrphanParams(Params):
    longest_run_days: int = Field(default=30, ge=1, le=3650)
    """The longest that a run can take here: nothing younger is ever an orphan."""


class OrphanOutput(Output):
    orphans: int
    objects: int
    bytes: int
    share: float
    """Of all folders or of all bytes, whichever is more."""
    folders: int
    too_young: int
    missing: int
    """Active runs and ready logged models that should have artifacts, and have none."""
    not_looked_at: int = 0
    """Active runs and logged models whose artifacts lie where Steward does not look: nobody knows whether they are."""
    not_looked_at_named: tuple[str, ...] = ()
    ahead: int = 0
    """Runs from the future by their client's clock; they own what they have like any other."""
    ahead_named: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    missing_named: tuple[str, ...] = ()
    strange: tuple[str, ...] = ()
    """Folders that MLflow would not make: left alone."""
    evidence: str | None = None
    """Where the whole list lies."""
    owned_aside: tuple[str, ...] = ()
    """Folders in quarantine, past its time, that have an owner by now; they stay until somebody restores them."""
    compared: str = ""
    """Whether the database holds as many runs and experiments as the API told (S15)."""
    saving: Saving = Saving()
    """What it saves to move them into quarantine and, after the grace period, delete them."""
    findings: tuple[Waste, ...] = ()
    """Why that would save nothing, with the rule to paste."""
    detail: str = ""


class FindOrphanArtifacts(Probe[OrphanParams, OrphanOutput]):
    """Find artifacts that no run, logged model, model version or trace owns, and runs whose artifacts are missing.

    ```yaml
    - id: orphans
      do: mlflow.find_orphan_artifacts
      with: {longestRunDays: 30}
    ```
    """

    name = "mlflow.find_orphan_artifacts"
    Params = OrphanParams
    Output = OrphanOutput
    permissions = (*ASK_MLFLOW, READ_ENDPOINT_KEYS, LIST_BUCKET, *READ_DATABASE, *READ_VERSIONING)

    def read(self, ctx: StepContext, params: OrphanParams) -> OrphanOutput:
        found = look_for_orphans(ctx, params.longest_run_days)
        saving, findings = _saved(ctx, found.orphaned_bytes)
        return OrphanOutput(
            orphans=len(found.orphans),
            objects=sum(one.objects for one in found.orphans),
            bytes=found.orphaned_bytes,
            share=round(found.share, 4),
            folders=found.folders,
            too_young=found.too_young,
            missing=len(found.missing),
            named=tuple(one.folder.prefix for one in found.orphans[:_MOST_NAMED]),
            missing_named=tuple(found.missing[:_MOST_NAMED]),
            not_looked_at=len(found.not_looked_at),
            not_looked_at_named=tuple(found.not_looked_at[:_MOST_NAMED]),
            ahead=found.ahead.count,
            ahead_named=tuple(found.ahead.named),
            strange=tuple(found.strange[:_MOST_NAMED]),
            evidence=_listed(ctx, found),
            owned_aside=tuple(found.owned_aside[:_MOST_NAMED]),
            compared=found.compared,
            saving=saving,
            findings=findings,
            detail="; ".join(filter(None, [*_in_words(found), saving.outcome])),
        )


def _in_words(found: Scan) -> Iterator[str]:
    yield f"{len(found.orphans)} of {found.folders} folders belong to nobody ({in_words(found.orphaned_bytes)})"
    yield f"{found.too_young} more are too young to tell" if found.too_young else ""
    yield told(found.missing)
    unseen = len(found.not_looked_at)
    yield f"{unseen} runs and logged models keep their artifacts where Steward does not look" if unseen else ""
    yield str(found.ahead)
    aside = len(found.owned_aside)
    yield f"{aside} in quarantine have an owner by now: restore them" if aside else ""
    yield found.compared


def _saved(ctx: StepContext, size: int) -> tuple[Saving, tuple[Waste, ...]]:
    if not size:
        return Saving(), ()
    place = own_place(ctx)
    ends = afterlife(ctx, place, place.prefix, ROOT)
    saving = ends.saving(size)
    after = f"deleted once their time in quarantine is up: {saving.outcome}"
    return saving.model_copy(update={"outcome": after}), ends.findings(size)


def look_for_orphans(ctx: StepContext, longest_run_days: int) -> Scan:
    place, artifacts = own_place(ctx), ctx.stack.artifacts
    if artifacts is None:
        return Scan()
    (known, compared), store = find_owners(ctx), open_store(ctx, artifacts).many()
    found = scan(known, store, place, ctx.now, timedelta(days=longest_run_days))
    found.compared = compared
    for made in ctx.history.creations(ctx.stack.stack, MadeKind.QUARANTINE):
        if made.delete_after is not None and made.delete_after <= ctx.now:
            found.owned_aside += _owned_in(Quarantine.of(made, place.bucket), store, place, known)
    return found


def _owned_in(aside: Quarantine, store: S3Objects, place: Place, known: Known) -> list[str]:
    """Folders whose time in quarantine is up and that have an owner by now: they are to be restored, not deleted."""
    start = aside.key_of("")
    folders = {place.folder_of(one.key.removeprefix(start)) for one in store.list(aside.bucket, start)}
    return [f"{aside.creation.id}: {one.prefix}" for one in sorted(filter(None, folders)) if known.owns(one)]


def _listed(ctx: StepContext, found: Scan) -> str | None:
    if not found.orphans:
        return None
    rows = [{"folder": one.folder.prefix, "objects": one.objects, "bytes": one.bytes} for one in found.orphans]
    data = json.dumps(rows, sort_keys=True).encode()
    return ctx.evidence.put(evidence_key(data), data)
