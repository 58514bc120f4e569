"""mlflow.delete_runs: MLflow's own soft delete, run by run; restorable until gc (undo restores)."""

from chalicelib.errors import StepRefused
from chalicelib.models.change import Change, ChangeProgress, HowFar, Undo
from chalicelib.models.history import MarkKind
from chalicelib.models.words import Risk
from chalicelib.steps.artifact_store import READ_ENDPOINT_KEYS, open_store
from chalicelib.steps.caution import all_seeing_api, own_place, refuse_while_doubted
from chalicelib.steps.mlflow_access import ASK_MLFLOW
from chalicelib.steps.mlflow_api import MlflowApi
from chalicelib.steps.mlflow_shapes import Run
from chalicelib.steps.probes.mlflow_find_expired_runs import LIST_BUCKET, ExpiryParams
from chalicelib.steps.run_choice import Choice, Criteria, choose, protected_runs, why_not_any_more
from chalicelib.steps.run_past import mark_runs
from chalicelib.steps.run_sizes import by_experiment, listed, measure
from chalicelib.steps.step import (
    Action,
    ActionOutput,
    Applied,
    Done,
    Look,
    Pending,
    Standing,
    StepContext,
)

OPERATION, RESTORE = "mlflow:DeleteRun", "mlflow:RestoreRun"
BATCH = 200
"""Runs in one Change."""


class DeleteParams(ExpiryParams):
    deleted: bool = False


class DeleteRuns(Action[DeleteParams]):
    """Delete expired runs as MLflow does: hidden, and restorable until they are garbage-collected.

    ```yaml
    - id: delete
      do: mlflow.delete_runs
      with: {olderThanDays: 365, experiment: fraud}
    ```
    """

    name = "mlflow.delete_runs"
    Params = DeleteParams
    Output = ActionOutput
    permissions = (*ASK_MLFLOW, READ_ENDPOINT_KEYS, LIST_BUCKET)
    risk = Risk.MEDIUM
    reversible = True

    def plan(self, ctx: StepContext, params: DeleteParams) -> tuple[Change, ...]:
        if params.deleted:
            raise StepRefused("runs that are deleted already cannot be deleted; that is what gc is for")
        refuse_while_doubted(ctx)
        place, artifacts, wanted = own_place(ctx), ctx.stack.artifacts, params.criteria()
        choice = choose(all_seeing_api(ctx), place, wanted, ctx.now)
        if not choice.runs or artifacts is None:
            return ()
        sizes = measure(open_store(ctx, artifacts).many(), place, choice.runs)
        groups = [
            runs[at : at + BATCH]
            for _, runs in sorted(choice.by_workspace().items())
            for at in range(0, len(runs), BATCH)
        ]
        return tuple(
            self._change(ctx, group, wanted, choice, listed(by_experiment(group, sizes), choice.known))
            for group in groups
        )

    def _change(self, ctx: StepContext, runs: list[Run], wanted: Criteria, choice: Choice, what: str) -> Change:
        """All of one workspace."""
        ids, workspace = [run.id for run in runs], choice.known[runs[0].experiment].workspace
        where = {"workspace": workspace} if workspace else {}
        return Change(
            step=ctx.step_id,
            action=self.name,
            operation=OPERATION,
            parameters={"run_ids": ids, "experiments": sorted({run.experiment for run in runs}), **where},
            resource=ctx.stack.stack,
            precondition={"older_than_s": wanted.older_than_s, "tag": wanted.tag, "statuses": list(wanted.statuses)},
            undo=Undo(operation=RESTORE, parameters={"run_ids": ids, **where}),
            sentence=f"Delete, restorable until gc, which alone frees their space: {what}",
        )

    def look(self, ctx: StepContext, change: Change) -> Look:
        if change.operation == RESTORE:
            return Look(standing=Standing.READY, detail="what still exists can be restored")
        refuse_while_doubted(ctx)
        place, api, rule = own_place(ctx), all_seeing_api(ctx), change.precondition
        experiments, ids = tuple(change.parameters["experiments"]), list(change.parameters["run_ids"])
        behind = protected_runs(api, experiments)
        wanted = Criteria(rule["older_than_s"], tag=rule["tag"], statuses=tuple(rule["statuses"]))
        for run in api.runs_named(experiments, ids).values():
            why = None if run.deleted else why_not_any_more(run, wanted, behind, place, ctx.now)
            if why is not None:  # one that is deleted by now is what was wanted
                return Look(standing=Standing.DRIFTED, detail=f"run {run.id} is to stay by now: {why}")
        return Look(standing=Standing.READY, detail="all of them are still what the plan took")

    def apply(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:
        """Deleting a deleted run changes nothing, so after a crash it goes on from its last checkpoint."""
        api = MlflowApi(ctx, str(change.parameters.get("workspace", "")))
        ids = [str(one) for one in change.parameters["run_ids"]]
        done, gone = int(progress.checkpoint.get("done", 0)), int(progress.checkpoint.get("gone", 0))
        one_by_one = api.restore_run if change.operation == RESTORE else api.delete_run
        if change.operation == OPERATION:
            mark_runs(ctx, MarkKind.HIDDEN, ids, progress.started_at or ctx.now)
        ends = ctx.monotonic() + ctx.budget_s
        for run_id in ids[done:]:
            if ctx.monotonic() >= ends:
                return Pending(
                    check_after_s=1,
                    detail=f"{done} of {len(ids)} runs",
                    checkpoint={"done": done, "gone": gone},
                    how_far=HowFar(done=done, total=len(ids), unit="runs"),
                )
            gone += not one_by_one(run_id)
            done += 1
        word = "restored" if change.operation == RESTORE else "deleted"
        missing = f"; {gone} were not there any more" if gone else ""
        return Done(detail=f"{done - gone} runs {word}{missing}")
