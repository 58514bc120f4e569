"""s3.restore_quarantined: puts a quarantine back where it came from, object by object."""

from pydantic import Field

from chalicelib.errors import StepRefused
from chalicelib.models.change import Change, ChangeProgress
from chalicelib.models.words import Risk
from chalicelib.steps.actions.s3_quarantine_artifacts import MOVE_OBJECTS
from chalicelib.steps.artifact_store import READ_ENDPOINT_KEYS, open_store
from chalicelib.steps.probes.mlflow_find_expired_runs import LIST_BUCKET
from chalicelib.steps.quarantine import known, manifest_numbers
from chalicelib.steps.quarantine_back import RESTORE, restore
from chalicelib.steps.step import Action, ActionOutput, Applied, Look, Params, Standing, StepContext


class RestoreParams(Params):
    quarantine: str = Field(pattern=r"^q-[0-9a-f]{12}-[0-9]{1,6}$")
    """Its id, as the run that made it says."""


class RestoreQuarantined(Action[RestoreParams]):
    """Restore one quarantine: every object under its former key, then its copy goes.

    ```yaml
    - id: restore
      do: s3.restore_quarantined
      with: {quarantine: q-0123456789ab-1}
    ```
    """

    name = "s3.restore_quarantined"
    Params = RestoreParams
    Output = ActionOutput
    permissions = (*MOVE_OBJECTS, LIST_BUCKET, READ_ENDPOINT_KEYS)
    risk = Risk.LOW
    reversible = False

    def plan(self, ctx: StepContext, params: RestoreParams) -> tuple[Change, ...]:
        artifacts = ctx.stack.artifacts
        if artifacts is None:
            raise StepRefused("the stack names no artifact bucket")
        place = known(ctx, artifacts.bucket, params.quarantine)
        if place is None:
            raise StepRefused(f"this stack has no quarantine {params.quarantine}; what is deleted cannot be restored")
        count = len(manifest_numbers(open_store(ctx, artifacts), place))
        change = Change(
            step=ctx.step_id,
            action=self.name,
            operation=RESTORE,
            parameters={"bucket": artifacts.bucket, "quarantine": params.quarantine},
            resource=f"s3://{artifacts.bucket}",
            sentence=f"Restore {count} folders from quarantine {params.quarantine}",
        )
        return (change,)

    def look(self, ctx: StepContext, change: Change) -> Look:
        place = known(ctx, str(change.parameters["bucket"]), str(change.parameters["quarantine"]))
        if place is None:
            return Look(standing=Standing.ALREADY, detail="the quarantine is empty already")
        return Look(standing=Standing.READY, detail=f"it lies in {place.root}")

    def apply(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:
        return restore(ctx, change, progress)
