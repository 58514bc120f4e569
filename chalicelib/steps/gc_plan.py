"""The Changes of `mlflow gc`: one task for each batch of ids, each named in the plan (S14)."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from chalicelib.aws.ecs_one_off import Placement
from chalicelib.aws.ecs_shapes import ContainerDefinition
from chalicelib.errors import StepRefused
from chalicelib.models.change import Change
from chalicelib.models.shape import content_hash
from chalicelib.models.stack import MlflowAuth
from chalicelib.steps.artifact_claims import ids_in
from chalicelib.steps.artifact_store import open_store
from chalicelib.steps.caution import all_seeing_api, own_place, refuse_while_doubted
from chalicelib.steps.database_facts import read_held
from chalicelib.steps.mlflow_shapes import Experiment, Run
from chalicelib.steps.one_off import GcWork, Surroundings, batches, gc_command, overrides_of
from chalicelib.steps.owners import agreed
from chalicelib.steps.run_choice import Choice, Criteria, choose, protected_runs
from chalicelib.steps.run_past import Past
from chalicelib.steps.run_sizes import Size, by_experiment, listed, measure, named
from chalicelib.steps.savings import Afterlife, afterlife
from chalicelib.steps.step import StepContext

OPERATION = "ecs:RunTask"
_DAY_S = 24 * 3600


@dataclass(frozen=True)
class Host:
    """Where a one-off task of this stack runs, and in what."""

    placement: Placement
    container: ContainerDefinition


def find_host(ctx: StepContext) -> Host:
    ecs = ctx.stack.ecs
    placement = ctx.aws.ecs_one_off.placement(ecs.cluster, ecs.service)
    definition = ctx.aws.ecs.task_definition(placement.task_definition)
    for container in definition.containers:
        if container.name == ecs.container:
            return Host(placement, container)
    raise StepRefused(f"{definition.family}:{definition.revision} has no container {ecs.container}")


def run_task(ctx: StepContext, host: Host, overrides: dict[str, Any], number: int) -> dict[str, Any]:
    """Exactly what RunTask will be sent. The token makes a second call, after a crash, answer with the
    first one's task; `startedBy` is how its events are known for Steward's own."""
    token = content_hash([ctx.stack.stack, ctx.step_id, number, overrides])[:12]
    return {
        "cluster": ctx.stack.ecs.cluster,
        "taskDefinition": host.placement.task_definition,
        **host.placement.settings,
        "count": 1,
        "overrides": overrides,
        "startedBy": "steward-{run}",
        "clientToken": f"{{run}}-{token}",
    }


@dataclass(frozen=True)
class _Chosen:
    """What all Changes of one plan share."""

    choice: Choice
    sizes: dict[str, Size]
    host: Host
    afterlife: Afterlife
    older_than_days: int


def gc_changes(
    ctx: StepContext, action: str, older_than_days: int, experiments: Sequence[str], most: int
) -> tuple[Change, ...]:
    refuse_while_doubted(ctx)
    place = own_place(ctx)
    artifacts = ctx.stack.artifacts
    if artifacts is None:
        return ()
    wanted = Criteria(older_than_days * _DAY_S, deleted=True, experiments=tuple(experiments), most=most)
    before = read_held(ctx)
    choice = choose(all_seeing_api(ctx), place, wanted, ctx.now, Past.of(ctx))
    agreed(ctx, before, {"experiments": len(choice.known), "runs": choice.ahead.read})
    if not choice.runs and not choice.experiments:
        return ()
    chosen = _Chosen(
        choice=choice,
        sizes=measure(open_store(ctx, artifacts).many(), place, choice.runs),
        host=find_host(ctx),
        afterlife=afterlife(ctx, place),
        older_than_days=older_than_days,
    )
    work = [(around, one) for around in _surroundings(ctx, chosen) for one in _batches(chosen, around)]
    return tuple(_change(ctx, action, chosen, around, one, number) for number, (around, one) in enumerate(work))


def _surroundings(ctx: StepContext, chosen: _Chosen) -> Iterator[Surroundings]:
    """`mlflow gc` works in one workspace at a time."""
    place, choice = chosen.afterlife.place, chosen.choice
    spent = {one.workspace for one in choice.experiments}
    for workspace in sorted(spent | choice.by_workspace().keys()):
        yield Surroundings(
            tracking_uri=ctx.stack.url or "",
            artifacts=f"s3://{place.bucket}/{place.prefix.rstrip('/')}".rstrip("/"),
            asks_login=ctx.stack.mlflow.auth is MlflowAuth.BASIC,
            workspace=workspace,
        )


def _batches(chosen: _Chosen, around: Surroundings) -> list[GcWork]:
    runs = [run.id for run in chosen.choice.by_workspace().get(around.workspace, ())]
    spent = [one.id for one in chosen.choice.experiments if one.workspace == around.workspace]
    return batches(chosen.host.container, around, runs, spent, chosen.older_than_days)


def _change(ctx: StepContext, action: str, chosen: _Chosen, around: Surroundings, work: GcWork, number: int) -> Change:
    host, sizes = chosen.host, chosen.sizes
    command = gc_command(host.container, around, work, chosen.older_than_days)
    picked = set(work.runs)
    runs = [run for run in chosen.choice.runs if run.id in picked]
    known = chosen.choice.known
    what = _runs_in_words(runs, sizes, known) if runs else _experiments_in_words(work, known)
    size = sum(sizes[run.id].bytes for run in runs)
    return Change(
        step=ctx.step_id,
        action=action,
        operation=OPERATION,
        parameters=run_task(ctx, host, overrides_of(host.container, command), number),
        resource=ctx.stack.service_ref,
        precondition={
            "verb": "gc",
            "place": asdict(chosen.afterlife.place),
            "runs": list(work.runs),
            "experiments": list(work.experiments),
            "prefixes": chosen.afterlife.place.experiments_of(run.artifact_uri for run in runs),
            "of": {run.id: run.experiment for run in runs},
            "empty": [run.id for run in runs if not sizes[run.id].objects],
            "bytes": [sizes[run].bytes for run in work.runs],
        },
        sentence=f"Delete for good, with mlflow gc in a task of its own, at most: {what} "
        f"(what was deleted less than {chosen.older_than_days} days ago MLflow keeps)"
        + (f"; {chosen.afterlife.said(size)}" if size else ""),
        loses=f"{what}: after gc nothing restores them but a backup",
    )


def _runs_in_words(runs: list[Run], sizes: dict[str, Size], known: dict[str, Experiment]) -> str:
    return listed(by_experiment(runs, sizes), known)


def _experiments_in_words(work: GcWork, known: dict[str, Experiment]) -> str:
    names = ", ".join(named(one, known) for one in work.experiments[:20])
    return f"{len(work.experiments)} deleted experiments: {names}"


def why_not_any_more(ctx: StepContext, change: Change) -> str | None:
    """Just before the task starts: hours may lie between a plan and its approval. MLflow itself refuses
    what was restored meanwhile; what it does not look at is the registry, and who keeps artifacts in the folder of
    another. A run or logged model begun since does so only where its experiment does."""
    refuse_while_doubted(ctx)
    own_place(ctx)
    api, runs = all_seeing_api(ctx), set(change.precondition.get("runs", ()))
    experiments = api.experiments()
    behind = protected_runs(api, tuple(one.id for one in experiments)) & runs
    if behind:
        return f"a version of a registered model rests on run {min(behind)} by now"
    used = runs & {name for one in experiments for name in ids_in(one.artifact_location)}
    if used:
        return f"an experiment keeps its artifacts in the folder of run {min(used)} by now"
    return None
