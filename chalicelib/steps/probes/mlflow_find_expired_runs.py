"""mlflow.find_expired_runs: which runs are old enough to be deleted, and why the others stay. Reads only."""

from pydantic import Field

from chalicelib.models.step_index import Permission
from chalicelib.steps.artifact_store import READ_ENDPOINT_KEYS, open_store
from chalicelib.steps.caution import all_seeing_api, own_place
from chalicelib.steps.mlflow_access import ASK_MLFLOW
from chalicelib.steps.run_choice import Criteria, choose
from chalicelib.steps.run_past import Past
from chalicelib.steps.run_sizes import Size, by_experiment, listed, measure, named
from chalicelib.steps.savings import READ_VERSIONING, Saving, Waste, afterlife
from chalicelib.steps.step import Output, Params, Probe, StepContext

LIST_BUCKET = Permission(
    action="s3:ListBucket", resource="arn:{partition}:s3:::{bucket}", why="how much the runs have in the bucket"
)
_MOST_NAMED = 20
_ONLY_HIDDEN = "deleting them saves nothing before gc collects them"
DAY_S = 24 * 3600


class ExpiryParams(Params):
    older_than_days: int = Field(default=365, ge=1, le=36500)
    """Since the run ended; of one that never said so, since it began."""
    experiment: str | None = None
    """Name or id; left out, all of them."""
    tag: str | None = None
    """`name` or `name=value`: only runs that have it."""
    status: str | None = Field(default=None, pattern=r"^(FINISHED|FAILED|KILLED)$")
    deleted: bool = False
    """Ask for runs that are deleted already: what gc would look at."""
    most: int = Field(default=1000, ge=1, le=5000)

    def criteria(self) -> Criteria:
        return Criteria(
            older_than_s=self.older_than_days * DAY_S,
            deleted=self.deleted,
            experiments=(self.experiment,) if self.experiment else (),
            tag=self.tag,
            statuses=(self.status,) if self.status else (),
            most=self.most,
        )


class ExperimentSize(Output):
    experiment: str
    runs: int
    objects: int
    bytes: int


class ExpiredOutput(Output):
    runs: int
    objects: int
    bytes: int
    seen: int
    """All runs that were looked at."""
    left_for_later: int
    """Old enough too, beyond `most`."""
    stays: dict[str, int]
    """Why runs that are old enough stay."""
    experiments: tuple[ExperimentSize, ...]
    """The largest first."""
    ahead: int = 0
    """Runs that began or ended in the future by their client's clock: never taken."""
    ahead_named: tuple[str, ...] = ()
    saving: Saving = Saving()
    """What gc of them would save; soft deletion saves nothing."""
    findings: tuple[Waste, ...] = ()
    """Why gc would save nothing, with the rule to paste."""
    detail: str


class FindExpiredRuns(Probe[ExpiryParams, ExpiredOutput]):
    """Count the runs that retention (or, with `deleted`, gc) would take: counts, names and bytes by experiment.

    ```yaml
    - id: expired
      do: mlflow.find_expired_runs
      with: {olderThanDays: 365, experiment: fraud}
    ```
    """

    name = "mlflow.find_expired_runs"
    Params = ExpiryParams
    Output = ExpiredOutput
    permissions = (*ASK_MLFLOW, READ_ENDPOINT_KEYS, LIST_BUCKET, *READ_VERSIONING)

    def read(self, ctx: StepContext, params: ExpiryParams) -> ExpiredOutput:
        place, artifacts = own_place(ctx), ctx.stack.artifacts
        past = Past.of(ctx) if params.deleted else None
        choice = choose(all_seeing_api(ctx), place, params.criteria(), ctx.now, past)
        sizes = measure(open_store(ctx, artifacts).many(), place, choice.runs) if artifacts and choice.runs else {}
        totals = by_experiment(choice.runs, sizes)
        whole = Size()
        for size in totals.values():
            whole.add(size)
        ranked = sorted(totals.items(), key=lambda pair: (-pair[1].bytes, pair[0]))
        rows = [
            ExperimentSize(experiment=named(name, choice.known), runs=one.runs, objects=one.objects, bytes=one.bytes)
            for name, one in ranked[:_MOST_NAMED]
        ]
        ends = afterlife(ctx, place) if params.deleted and whole.bytes else None
        saving = ends.saving(whole.bytes) if ends else Saving(outcome=_ONLY_HIDDEN if whole.bytes else "")
        said = listed(totals, choice.known) or f"none of {choice.seen} runs is old enough"
        return ExpiredOutput(
            runs=whole.runs,
            objects=whole.objects,
            bytes=whole.bytes,
            seen=choice.seen,
            left_for_later=choice.left_for_later,
            stays=dict(choice.stays),
            experiments=tuple(rows),
            ahead=choice.ahead.count,
            ahead_named=tuple(choice.ahead.named),
            saving=saving,
            findings=ends.findings(whole.bytes) if ends else (),
            detail="; ".join(filter(None, [said, saving.outcome, str(choice.ahead)])),
        )
