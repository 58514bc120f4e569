"""mlflow.verify_gone: whether what this run deleted is gone, over the API and in the bucket. Reads only."""

from collections import Counter
from collections.abc import Iterable, Iterator

from chalicelib.errors import AwsError
from chalicelib.models.check import Answer
from chalicelib.steps.artifact_places import Owner, Place
from chalicelib.steps.artifact_store import READ_ENDPOINT_KEYS, open_store
from chalicelib.steps.blindness import denied
from chalicelib.steps.caution import all_seeing_api, own_place
from chalicelib.steps.deleted import Deleted, Emptied
from chalicelib.steps.mlflow_access import ASK_MLFLOW
from chalicelib.steps.probes.mlflow_find_expired_runs import LIST_BUCKET
from chalicelib.steps.quarantine import ROOT
from chalicelib.steps.savings import READ_VERSIONING, Saving, afterlife, together
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
    unseen: int = 0
    """Their artifacts lay where nobody can look by now: nothing says that those are gone."""
    named: tuple[str, ...] = ()
    saving: Saving = Saving()
    detail: str = ""


def judge_gone(output: GoneOutput) -> tuple[Answer, str]:
    """For the check `gone`. That nothing is left is no proof where nothing went (S5)."""
    if not output.applicable:
        return Answer.NOT_APPLICABLE, output.detail
    if output.still_active or output.left_objects or output.halved or output.not_moved:
        return Answer.FALSE, output.detail
    if output.unseen:
        return Answer.UNKNOWN, output.detail
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
    permissions = (*ASK_MLFLOW, READ_ENDPOINT_KEYS, LIST_BUCKET, *READ_VERSIONING)

    def read(self, ctx: StepContext, params: NoParams) -> GoneOutput:  # noqa: ARG002 - it has none
        deleted = Deleted.by_this_run(ctx)
        if deleted.is_aside:
            return _of_quarantine(ctx, deleted)
        if deleted.hidden:
            return _of_soft_deletion(ctx, deleted)
        if deleted.collected or deleted.experiments:
            return _of_gc(ctx, deleted)
        return GoneOutput(applicable=False, detail="this run has deleted no runs")


def _of_quarantine(ctx: StepContext, deleted: Deleted) -> GoneOutput:
    there: list[str] = []
    full, unseen = 0, dict[str, str]()
    for folder in deleted.folders:
        try:
            found = list(_still_in(ctx, folder)) if folder.bucket not in unseen else []
        except AwsError as error:
            unseen[folder.bucket] = _unseen(ctx, folder.bucket, error)
        else:
            there, full = [*there, *found], full + bool(found)
    count = len(deleted.folders)
    blind = sum(folder.bucket in unseen for folder in deleted.folders)
    freed = {bucket: size for bucket, size in deleted.from_quarantine.items() if bucket not in unseen}
    places = {bucket: Place(bucket, own_place(ctx).prefix) for bucket in freed}
    saving = together([afterlife(ctx, places[bucket], ROOT).saving(size) for bucket, size in freed.items()])
    said = f"{len(there)} objects are still in {count - blind} emptied folders" if count else "nothing was moved"
    return GoneOutput(
        applicable=bool(count),
        asked=count,
        gone=count - full - blind,
        not_moved=len(there),
        unseen=blind,
        named=tuple(there[:_MOST_NAMED]),
        saving=saving,
        detail="; ".join(filter(None, [said, *unseen.values(), saving.outcome])),
    )


def _still_in(ctx: StepContext, folder: Emptied) -> Iterator[str]:
    if ctx.stack.artifacts is not None:
        for one in open_store(ctx, ctx.stack.artifacts).many().list(folder.bucket, folder.prefix):
            if folder.until is None or one.changed_at <= folder.until:
                yield one.key


def _unseen(ctx: StepContext, bucket: str, error: AwsError) -> str:
    """Of a bucket that was the stack's when the plan was made. Of its own, the error is the probe's."""
    if ctx.stack.artifacts is not None and ctx.stack.artifacts.bucket == bucket:
        raise error
    return f"nobody could look into {bucket}, where the plan found them: {denied(error)}"


def _of_soft_deletion(ctx: StepContext, deleted: Deleted) -> GoneOutput:
    api, count = all_seeing_api(ctx), len(deleted.hidden)
    standing = (run.id for run in api.runs(tuple(sorted(deleted.experiments)), "ACTIVE_ONLY"))
    active = sorted(run for run in standing if run in deleted.hidden)
    return GoneOutput(
        applicable=True,
        asked=count,
        gone=count - len(active),
        still_active=len(active),
        named=tuple(active[:_MOST_NAMED]),
        detail=f"{count - len(active)} of {count} runs are deleted; nothing is saved before gc collects them",
    )


def _of_gc(ctx: StepContext, deleted: Deleted) -> GoneOutput:
    api, collected = all_seeing_api(ctx), deleted.collected
    known = {one.id for one in api.experiments()}
    asked = tuple(sorted({*collected.values()} & known))
    standing = {run.id: run for run in api.runs(asked) if run.id in collected}
    objects, blind = _objects_of(ctx, deleted)
    forgotten = {run: objects[run] for run in objects if run not in standing}
    waiting = {run.id for run in standing.values() if run.deleted}
    elsewhere = {
        run.id
        for run in standing.values()
        if not deleted.places[run.id].is_at_home(run.artifact_uri, run.experiment, run.id)
    }
    unseen = {run for run in collected if deleted.places[run].bucket in blind} | elsewhere
    halved = waiting - objects.keys() - deleted.empty - unseen
    gone = collected.keys() - standing.keys() - forgotten.keys() - unseen
    saving = _saved(ctx, deleted, gone)
    found = GoneOutput(
        applicable=True,
        asked=len(collected),
        gone=len(gone),
        gone_experiments=len(deleted.experiments - known),
        kept=len(waiting - halved),
        restored=len(standing) - len(waiting),
        unseen=len(unseen),
        left_objects=sum(count for count, _ in forgotten.values()),
        left_bytes=sum(size for _, size in forgotten.values()),
        left_experiments=len(deleted.experiments & known),
        halved=len(halved),
        named=tuple(sorted([*forgotten, *halved])[:_MOST_NAMED]),
        saving=saving,
    )
    said = [_in_words(found, len(forgotten)), *blind.values(), saving.outcome]
    return found.model_copy(update={"detail": "; ".join(filter(None, said))})


def _saved(ctx: StepContext, deleted: Deleted, gone: Iterable[str]) -> Saving:
    freed = Counter[Place]()
    for run in gone:
        freed[deleted.places[run]] += deleted.sizes.get(run, 0)
    return together([afterlife(ctx, place).saving(size) for place, size in freed.items() if size])


def _in_words(found: GoneOutput, forgotten: int) -> str:
    said = [f"{found.gone} of {found.asked} runs are gone with all that they had"]
    said += [f"MLflow kept {found.kept}, deleted too lately"] if found.kept else []
    said += [f"{found.restored} were restored meanwhile"] if found.restored else []
    said += [f"{forgotten} left {found.left_objects} objects behind"] if forgotten else []
    said += [f"{found.halved} lost their artifacts and are still known"] if found.halved else []
    said += [f"of {found.unseen} nobody knows what is left of their artifacts"] if found.unseen else []
    said += [f"{found.left_experiments} experiments are still there"] if found.left_experiments else []
    return "; ".join(said)


def _objects_of(ctx: StepContext, deleted: Deleted) -> tuple[dict[str, tuple[int, int]], dict[str, str]]:
    """Counts and bytes of what the runs still have where the plan found it, from one pass over each experiment; and
    the buckets that nobody could look into, with the reason."""
    artifacts, found, blind = ctx.stack.artifacts, dict[str, tuple[int, int]](), dict[str, str]()
    if artifacts is None:
        return found, {place.bucket: "the stack names no artifact bucket any more" for place in deleted.places.values()}
    store = open_store(ctx, artifacts).many()
    for place, prefix in sorted(deleted.prefixes):
        try:
            for stored in store.list(place.bucket, prefix) if place.bucket not in blind else ():
                folder = place.folder_of(stored.key)
                if folder is not None and folder.kind is Owner.RUN and folder.id in deleted.collected:
                    count, size = found.get(folder.id, (0, 0))
                    found[folder.id] = (count + 1, size + stored.size)
        except AwsError as error:
            blind[place.bucket] = _unseen(ctx, place.bucket, error)
    return found, blind
