"""s3.restore_sample: a few artifacts out of the newest good backup, restored beside and compared in full."""

from datetime import timedelta

from pydantic import Field

from chalicelib.errors import StepRefused
from chalicelib.models.change import Change, ChangeProgress, HowFar
from chalicelib.models.words import Duration, Risk
from chalicelib.steps.backup_permissions import RESTORE
from chalicelib.steps.backup_places import Route, manifests_of, routes
from chalicelib.steps.drill_sample import PREFIX, Prover, choose, note, said_of, sampled
from chalicelib.steps.restore_copies import tidy
from chalicelib.steps.step import Action, ActionOutput, Applied, Done, Look, Params, Pending, Standing, StepContext

DELETE_AFTER_S = int(timedelta(hours=6).total_seconds())


class SampleParams(Params):
    objects: int = Field(default=20, ge=1, le=100)
    """Of each place that is backed up."""
    delete_after: Duration = Field(default=DELETE_AFTER_S, ge=600)


class SampleOutput(ActionOutput):
    backup: str | None = None
    as_of: str | None = None
    compared: int = 0
    """Read back in full, equal to the backup's version of it."""
    same_as_original: int = 0
    """Of these, still unchanged in the artifact bucket, and equal to it too."""


class RestoreSample(Action[SampleParams]):
    """Restore a sample of the newest good backup to a side prefix, and compare every byte of it.

    ```yaml
    - id: sample
      do: s3.restore_sample
      with: {objects: 20}
      onFailure: continue
    ```
    """

    name = "s3.restore_sample"
    Params = SampleParams
    Output = SampleOutput
    permissions = RESTORE
    risk = Risk.LOW
    reversible = False
    interruptible = True

    def plan(self, ctx: StepContext, params: SampleParams) -> tuple[Change, ...]:
        return tuple(self._change(ctx, route, params) for route in routes(ctx))

    def _change(self, ctx: StepContext, route: Route, params: SampleParams) -> Change:
        head, chosen = choose(ctx, route, params.objects)
        if not chosen:
            raise StepRefused(f"backup {head.id} holds nothing that could be restored as a sample")
        to_prefix = f"{PREFIX}{route.set}/"
        return Change(
            step=ctx.step_id,
            action=self.name,
            operation="s3:CopyObject",
            parameters={
                "sample": head.id,
                "place": route.set,
                "asOf": head.as_of.isoformat(),
                "from": route.target.bucket,
                "fromRegion": route.target_region,
                "fromPrefix": route.target.prefix,
                "to": route.source.bucket,
                "toPrefix": to_prefix,
                "objects": [said_of(one) for one in chosen],
                "deleteAfter": params.delete_after,
            },
            resource=f"s3://{route.source.bucket}/{to_prefix}",
            precondition={"sha256": head.sha256},
            sentence=f"Restore {len(chosen)} objects of backup {head.id} to s3://{route.source.bucket}/{to_prefix}, "
            "compare them, and delete them again",
        )

    def look(self, ctx: StepContext, change: Change) -> Look:
        route = next((one for one in routes(ctx) if one.set == change.parameters["place"]), None)
        if route is None:
            return Look(standing=Standing.DRIFTED, detail="the stack backs up other places by now")
        if manifests_of(ctx, route).head(change.parameters["sample"]).sha256 != change.precondition["sha256"]:
            return Look(standing=Standing.DRIFTED, detail="that manifest is another one by now")
        return Look(standing=Standing.READY, detail=f"backup {change.parameters['sample']} is the planned one")

    def apply(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:
        given = change.parameters
        note(ctx, given["toPrefix"].replace("{run}", ctx.run_id), change.step, given["deleteAfter"])
        sample = [sampled(said) for said in given["objects"]]
        done, same = int(progress.checkpoint.get("done", 0)), int(progress.checkpoint.get("same", 0))
        prover = Prover(ctx, given)
        for one in sample[done:]:
            is_same = prover.prove(one)
            if is_same is None:
                far = HowFar(done=done, total=len(sample))
                checkpoint = {"done": done, "same": same}
                return Pending(check_after_s=1, detail=str(far), checkpoint=checkpoint, how_far=far)
            same, done = same + is_same, done + 1
        large = sum(one.size > ctx.read_sizes.whole_up_to for one in sample)
        part = f" ({large} large, read in part)" if large else ""
        said = (
            f"{done} objects of {given['sample']} came back as they were{part}, {same} compared with the original too"
        )
        facts = {"backup": given["sample"], "as_of": given["asOf"], "compared": done, "same_as_original": same}
        return Done(detail=said, facts=facts)

    def abandon(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> str:
        tidy(ctx)
        done = progress.checkpoint.get("done", 0)
        where = change.resource.replace("{run}", ctx.run_id)
        return f"left after {done} of {len(change.parameters['objects'])} objects in {where}; they are deleted"
