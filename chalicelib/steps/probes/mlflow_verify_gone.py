"""mlflow.verify_gone: whether what this run deleted is gone, over the API and in the bucket. Reads only."""

from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.models.change import Change, ChangeState
from chalicelib.models.check import Answer
from chalicelib.models.history import MadeKind
from chalicelib.steps.artifact_places import Owner, Place
from chalicelib.steps.artifact_store import READ_ENDPOINT_KEYS, open_store
from chalicelib.steps.caution import all_seeing_api, own_place
from chalicelib.steps.mlflow_access import ASK_MLFLOW
from chalicelib.steps.probes.mlflow_find_expired_runs import LIST_BUCKET
from chalicelib.steps.quarantine import Quarantine
from chalicelib.steps.step import NoParams, Output, Probe, StepContext

_MOST_NAMED = 10


class GoneOutput(Output):
    applicable: bool
    """False: this run has deleted no runs."""
    asked: int = 0
    gone: int = 0
    """Neither in MLflow nor in the bucket."""
    gone_experiments: int = 0
    kept: int = 0
    """Deleted, and not garbage-collected: MLflow kept them, since they were deleted too lately."""
    restored: int = 0
    """Active again: somebody wanted them back."""
    left_objects: int = 0
    """In the bucket, of runs that MLflow has forgotten: earlier versions of gc left them behind."""
    left_bytes: int = 0
    left_experiments: int = 0
    """Still there: a run in them was kept."""
    halved: int = 0
    """MLflow still knows them, and their artifacts are gone."""
    still_active: int = 0
    """Of soft deletion: still active."""
    not_moved: int = 0
    """Objects that went into quarantine and lie where they were, or that were deleted from it and are there."""
    named: tuple[str, ...] = ()
    detail: str = ""


def judge_gone(output: GoneOutput) -> tuple[Answer, str]:
    """For the check `gone`. That nothing is left is no proof where nothing went (S5)."""
    if not output.applicable:
        return Answer.NOT_APPLICABLE, output.detail
    if output.still_active or output.left_objects or output.halved or output.not_moved:
        return Answer.FALSE, output.detail
    return (Answer.TRUE if output.gone or output.gone_experiments else Answer.UNKNOWN), output.detail


class VerifyGone(Probe[NoParams, GoneOutput]):
    """Prove that what this run deleted is gone: runs over the API, objects in the bucket.

    ```yaml
    - id: proof
      do: mlflow.verify_gone
    ```
    """

    name = "mlflow.verify_gone"
    Params = NoParams
    Output = GoneOutput
    permissions = (*ASK_MLFLOW, READ_ENDPOINT_KEYS, LIST_BUCKET)

    def read(self, ctx: StepContext, params: NoParams) -> GoneOutput:  # noqa: ARG002 - it has none
        deleted = _Deleted.by_this_run(ctx)
        if deleted.aside:
            return _of_quarantine(ctx, deleted)
        if deleted.hidden:
            return _of_soft_deletion(ctx, deleted)
        if deleted.collected or deleted.experiments:
            return _of_gc(ctx, deleted)
        return GoneOutput(applicable=False, detail="this run has deleted no runs")


@dataclass
class _Deleted:
    """What the Changes of this run named, ids from the plan."""

    collected: dict[str, str] = field(default_factory=dict)
    """Of gc: run to experiment."""
    empty: set[str] = field(default_factory=set)
    """Those that had no objects to begin with."""
    hidden: set[str] = field(default_factory=set)
    """Of soft deletion."""
    experiments: set[str] = field(default_factory=set)
    aside: bool = False
    """Something went into quarantine, or was deleted from it."""
    folders: dict[str, datetime | None] = field(default_factory=dict)
    """Emptied ones, and until when something in them counts as not moved; None: whenever."""

    @classmethod
    def by_this_run(cls, ctx: StepContext) -> "_Deleted":
        found = cls()
        for change, progress in ctx.made():
            if progress.state is ChangeState.DONE and "quarantine" in change.parameters:
                found.aside = True
                left = set(progress.facts.get("left", ()))  # written to meanwhile, and left alone on purpose
                found.folders |= {name: at for name, at in _emptied(ctx, change).items() if name not in left}
            if change.operation == "mlflow:DeleteRun":
                found.hidden.update(change.parameters["run_ids"])
                found.experiments.update(change.parameters["experiments"])
            elif change.precondition.get("verb") == "gc":
                found.collected |= change.precondition["of"]
                found.empty.update(change.precondition["empty"])
                found.experiments.update(change.precondition["experiments"])
        return found


def _emptied(ctx: StepContext, change: Change) -> dict[str, datetime | None]:
    if change.operation == "s3:CopyObject":
        rows = change.parameters["folders"]
        return {row["prefix"]: datetime.fromisoformat(row["newest"]) for row in rows}
    name, bucket = change.parameters["quarantine"], change.parameters["bucket"]
    made = ctx.history.creation(ctx.stack.stack, MadeKind.QUARANTINE, name)
    if change.operation != "s3:DeleteObject" or made is None:
        return {}
    place = Quarantine.of(made, bucket)
    return {place.key_of(folder): None for _, folder in change.parameters["folders"]}


def _of_quarantine(ctx: StepContext, deleted: _Deleted) -> GoneOutput:
    place, artifacts = own_place(ctx), ctx.stack.artifacts
    store = open_store(ctx, artifacts).many() if artifacts else None
    there: list[str] = []
    full = 0
    for folder, until in deleted.folders.items():
        found = store.list(place.bucket, folder) if store else iter(())
        still = [one.key for one in found if until is None or one.changed_at <= until]
        there, full = there + still, full + bool(still)
    count = len(deleted.folders)
    return GoneOutput(
        applicable=bool(count),
        asked=count,
        gone=count - full,
        not_moved=len(there),
        named=tuple(there[:_MOST_NAMED]),
        detail=f"{len(there)} objects are still in {count} emptied folders" if count else "nothing was moved",
    )


def _of_soft_deletion(ctx: StepContext, deleted: _Deleted) -> GoneOutput:
    api, count = all_seeing_api(ctx), len(deleted.hidden)
    standing = (run.id for run in api.runs(tuple(sorted(deleted.experiments)), "ACTIVE_ONLY"))
    active = sorted(run for run in standing if run in deleted.hidden)
    return GoneOutput(
        applicable=True,
        asked=count,
        gone=count - len(active),
        still_active=len(active),
        named=tuple(active[:_MOST_NAMED]),
        detail=f"{count - len(active)} of {count} runs are deleted",
    )


def _of_gc(ctx: StepContext, deleted: _Deleted) -> GoneOutput:
    place, api, collected = own_place(ctx), all_seeing_api(ctx), deleted.collected
    known = {one.id for one in api.experiments()}
    asked = tuple(sorted({*collected.values()} & known))
    standing = {run.id: run.deleted for run in api.runs(asked) if run.id in collected}
    objects = _objects_of(ctx, place, collected)
    forgotten = {run: objects[run] for run in objects if run not in standing}
    waiting = {run for run, is_deleted in standing.items() if is_deleted}
    halved = waiting - objects.keys() - deleted.empty
    found = GoneOutput(
        applicable=True,
        asked=len(collected),
        gone=len(collected) - len(standing) - len(forgotten),
        gone_experiments=len(deleted.experiments - known),
        kept=len(waiting - halved),
        restored=len(standing) - len(waiting),
        left_objects=sum(count for count, _ in forgotten.values()),
        left_bytes=sum(size for _, size in forgotten.values()),
        left_experiments=len(deleted.experiments & known),
        halved=len(halved),
        named=tuple(sorted([*forgotten, *halved])[:_MOST_NAMED]),
    )
    return found.model_copy(update={"detail": _in_words(found, len(forgotten))})


def _in_words(found: GoneOutput, forgotten: int) -> str:
    said = [f"{found.gone} of {found.asked} runs are gone with all that they had"]
    said += [f"MLflow kept {found.kept}, deleted too lately"] if found.kept else []
    said += [f"{found.restored} were restored meanwhile"] if found.restored else []
    said += [f"{forgotten} left {found.left_objects} objects behind"] if forgotten else []
    said += [f"{found.halved} lost their artifacts and are still known"] if found.halved else []
    said += [f"{found.left_experiments} experiments are still there"] if found.left_experiments else []
    return "; ".join(said)


def _objects_of(ctx: StepContext, place: Place, collected: dict[str, str]) -> dict[str, tuple[int, int]]:
    """Counts and bytes of what the runs still have, from one pass over each experiment."""
    artifacts = ctx.stack.artifacts
    if artifacts is None:
        return {}
    store, found = open_store(ctx, artifacts).many(), dict[str, tuple[int, int]]()
    for experiment in sorted(set(collected.values())):
        for stored in store.list(place.bucket, place.experiment_prefix(experiment)):
            folder = place.folder_of(stored.key)
            if folder is not None and folder.kind is Owner.RUN and folder.id in collected:
                count, size = found.get(folder.id, (0, 0))
                found[folder.id] = (count + 1, size + stored.size)
    return found
