"""Which runs may be taken, by retention (soft delete) or by gc (for good), and why the others stay.

A run behind a version of a registered model is never taken, nor one that is tagged to keep, nor one that
still runs, nor one whose artifacts lie where another's may lie.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chalicelib.errors import StepRefused
from chalicelib.steps.artifact_claims import Claims, claim_model, claim_run, ids_in
from chalicelib.steps.artifact_places import EXPERIMENT_ID, RUN_ID, Place
from chalicelib.steps.mlflow_api import MlflowApi
from chalicelib.steps.mlflow_shapes import Experiment, Run

AHEAD = timedelta(hours=1)
OVER = frozenset({"FINISHED", "FAILED", "KILLED"})
"""What a run's status can be when it is over."""


@dataclass(frozen=True)
class Criteria:
    older_than_s: int
    deleted: bool = False
    """Those that are deleted already (gc), or those that are not (retention)."""
    experiments: tuple[str, ...] = ()
    """Names or ids; empty: all."""
    tag: str | None = None
    """`name` or `name=value` that a run must have."""
    statuses: tuple[str, ...] = ()
    most: int = 1000


@dataclass
class Choice:
    runs: list[Run] = field(default_factory=list)
    experiments: list[Experiment] = field(default_factory=list)
    """Deleted ones of which nothing would stay: only for gc."""
    stays: Counter[str] = field(default_factory=Counter)
    """Why runs that are old enough stay, counted."""
    seen: int = 0
    left_for_later: int = 0
    known: dict[str, Experiment] = field(default_factory=dict)

    def by_experiment(self) -> dict[str, list[Run]]:
        found: dict[str, list[Run]] = {}
        for run in self.runs:
            found.setdefault(run.experiment, []).append(run)
        return found


def choose(api: MlflowApi, place: Place, wanted: Criteria, now: datetime) -> Choice:
    if wanted.older_than_s < 24 * 3600:
        raise StepRefused("older than less than a day would take what people work with", rule="S14")
    choice = Choice(known={one.id: one for one in api.experiments()})
    asked = _asked_for(choice.known.values(), wanted)
    protected = protected_runs(api, tuple(choice.known))
    cutoff = now - timedelta(seconds=wanted.older_than_s)
    spared: set[str] = set()
    elsewhere = Claims()
    for run in _runs(api, choice.known, asked, wanted, elsewhere, place):
        choice.seen += 1
        refuse_the_future(run.started_at, now, f"run {run.id}")
        if not _is_asked_for(run, wanted, cutoff):
            spared.add(run.experiment)
            continue
        why = _why_it_stays(run, protected, place, deleted=wanted.deleted)
        if why:
            choice.stays[why] += 1
        elif len(choice.runs) < wanted.most:
            choice.runs.append(run)
            continue
        else:
            choice.left_for_later += 1
        spared.add(run.experiment)
    for run in [run for run in choice.runs if _is_used(run, elsewhere, place)]:
        choice.runs.remove(run)
        choice.stays["something else keeps its artifacts there"] += 1
        spared.add(run.experiment)
    if wanted.deleted:
        choice.experiments = [one for one in asked if _is_spent(one, cutoff) and one.id not in spared]
    return choice


def _runs(
    api: MlflowApi,
    known: dict[str, Experiment],
    asked: list[Experiment],
    wanted: Criteria,
    elsewhere: Claims,
    place: Place,
) -> Iterator[Run]:
    """For gc all runs and logged models are read: one that is alive may keep its artifacts in a deleted one's
    folder. Versions protect their runs already."""
    names = {one.id for one in asked}
    if not wanted.deleted:
        yield from api.runs(tuple(sorted(names)), "ACTIVE_ONLY")
        return
    for one in known.values():
        elsewhere.ids |= ids_in(one.artifact_location)  # whatever lies in a run's folder says its id
    for model in api.logged_models(tuple(known)):
        claim_model(elsewhere, model, place)
    for run in api.runs(tuple(known)):
        claim_run(elsewhere, run, place)
        if run.deleted and run.experiment in names:
            yield run


def _is_used(run: Run, elsewhere: Claims, place: Place) -> bool:
    return run.id in elsewhere.ids or elsewhere.covers(place.run_folder(run.experiment, run.id).prefix)


def protected_runs(api: MlflowApi, experiments: tuple[str, ...]) -> frozenset[str]:
    """Runs behind a version of a registered model; an alias always points at a version."""
    runs, models = set[str](), set[str]()
    for version in api.model_versions():
        runs.update(one for one in ids_in(version.source) if RUN_ID.fullmatch(one))
        if version.run_id:
            runs.add(version.run_id)
        else:
            models |= {version.model_id, *(one for one in ids_in(version.source) if one.startswith("m-"))} - {""}
    if models:
        runs.update(one.source_run for one in api.logged_models(experiments) if one.id in models)
    return frozenset(runs - {""})


def refuse_the_future(at: datetime | None, now: datetime, what: str) -> None:
    """Ages are told by two clocks; when one of them is wrong, old and young change places."""
    if at is not None and at > now + AHEAD:
        said = f"{what} is from {at:%Y-%m-%d %H:%M}, and it is {now:%Y-%m-%d %H:%M} UTC: one of the clocks is wrong"
        raise StepRefused(said)


def _asked_for(known: Iterable[Experiment], wanted: Criteria) -> list[Experiment]:
    """Retention leaves a deleted experiment alone: its runs are deleted with it."""
    alive = [one for one in known if wanted.deleted or not one.deleted]
    if not wanted.experiments:
        return alive
    missing = set(wanted.experiments) - {one.id for one in alive} - {one.name for one in alive}
    if missing:
        raise StepRefused(f"MLflow knows no experiment {', '.join(sorted(missing))}")
    return [one for one in alive if {one.id, one.name} & set(wanted.experiments)]


def why_not_any_more(run: Run, wanted: Criteria, protected: frozenset[str], place: Place, now: datetime) -> str | None:
    """Of a run that a plan named, when hours have passed since. None: it may still be taken."""
    if not _is_asked_for(run, wanted, now - timedelta(seconds=wanted.older_than_s)):
        return "it is no longer what the plan asked for"
    return _why_it_stays(run, protected, place, deleted=wanted.deleted)


def _is_asked_for(run: Run, wanted: Criteria, cutoff: datetime) -> bool:
    if run.last_seen_at is None or run.last_seen_at >= cutoff:
        return False
    if wanted.statuses and run.status not in wanted.statuses:
        return False
    if wanted.tag is None:
        return True
    name, has_value, value = wanted.tag.partition("=")
    return name in run.tags and (not has_value or run.tags[name] == value)


def _why_it_stays(run: Run, protected: frozenset[str], place: Place, *, deleted: bool) -> str | None:
    if not RUN_ID.fullmatch(run.id) or not EXPERIMENT_ID.fullmatch(run.experiment):
        return "its id is none that MLflow makes"
    if run.id in protected:
        return "a version of a registered model rests on it"
    if run.is_kept:
        return "it is tagged to keep"
    if run.deleted is not deleted:
        return "MLflow says two things about whether it is deleted"
    if not deleted and run.status not in OVER:
        return f"it is {run.status or 'of no status'}, not over"
    if not place.is_at_home(run.artifact_uri, run.experiment, run.id):
        return "its artifacts lie elsewhere"
    return None


def _is_spent(experiment: Experiment, cutoff: datetime) -> bool:
    """Deleted long ago; MLflow notes the time of an experiment's deletion, not of a run's."""
    known = EXPERIMENT_ID.fullmatch(experiment.id) and experiment.id != "0"
    return bool(known) and experiment.deleted and experiment.changed_at is not None and experiment.changed_at < cutoff
