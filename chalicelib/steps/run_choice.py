"""Which runs may be taken, by retention (soft delete) or by gc (for good), and why the others stay.

A run behind a version of a registered model is never taken, nor one that is tagged to keep, nor one that
still runs, nor one whose artifacts lie where another's may lie.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chalicelib.errors import StepRefused
from chalicelib.steps.artifact_claims import Claims, claim_model, claim_run, ids_in
from chalicelib.steps.artifact_places import EXPERIMENT_ID, RUN_ID, Place
from chalicelib.steps.clocks import AheadRuns, is_ahead
from chalicelib.steps.mlflow_api import MlflowApi
from chalicelib.steps.mlflow_shapes import Experiment, Run
from chalicelib.steps.run_past import Past

_USED = "something else keeps its artifacts there"
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
    ahead: AheadRuns = field(default_factory=AheadRuns)
    """Counts the runs that MLflow told of at all; for gc, all that it has."""

    def by_workspace(self) -> dict[str, list[Run]]:
        """Under an empty name where MLflow has none."""
        found: dict[str, list[Run]] = {}
        for run in self.runs:
            found.setdefault(self.known[run.experiment].workspace, []).append(run)
        return found


def choose(api: MlflowApi, place: Place, wanted: Criteria, now: datetime, past: Past | None = None) -> Choice:
    """`past`: for gc, so that what MLflow keeps does not stand before what it would give, for ever."""
    if wanted.older_than_s < 24 * 3600:
        raise StepRefused("older than less than a day would take what people work with", rule="S14")
    known = {one.id: one for one in api.experiments()}
    sieve = _Sieve(api, place, wanted, now, past or Past(), known, protected_runs(api, tuple(known)))
    choice = sieve.sift()
    if choice.left_for_later and any(sieve.is_used(run) for run in choice.runs):
        choice = sieve.sift()  # who uses whose folder is known only now; whom it spared made no room for the next
    for run in [run for run in choice.runs if sieve.is_used(run)]:
        choice.runs.remove(run)
        choice.stays[_USED] += 1
        sieve.spared.add(run.experiment)
    if wanted.deleted:
        spent = [one for one in sieve.asked if _is_spent(one, sieve.cutoff)]
        choice.experiments = [one for one in spent if one.id not in sieve.spared]
    return choice


class _Sieve:
    """One pass over all runs, of which it keeps those whose turn it is, at most so many."""

    def __init__(
        self,
        api: MlflowApi,
        place: Place,
        wanted: Criteria,
        now: datetime,
        past: Past,
        known: dict[str, Experiment],
        protected: frozenset[str],
    ) -> None:
        self._api, self._place, self._wanted, self._now, self._past = api, place, wanted, now, past
        self._known, self._protected, self._elsewhere = known, protected, Claims()
        self.cutoff = now - timedelta(seconds=wanted.older_than_s)
        self.asked = _asked_for(known.values(), wanted)
        self.spared: set[str] = set()
        """Experiments of which something stays."""

    def is_used(self, run: Run) -> bool:
        folder = self._place.home_of(run.artifact_uri)
        return run.id in self._elsewhere.ids or folder is None or self._elsewhere.covers(folder)

    def sift(self) -> Choice:
        choice, taken = Choice(known=self._known), list[_Turn]()
        names = {one.id for one in self.asked}
        for run in self._runs():
            choice.ahead.note(run, self._now)
            if self._wanted.deleted and not (run.deleted and run.experiment in names):
                continue
            choice.seen += 1
            is_asked_for = _is_asked_for(run, self._wanted, self.cutoff)
            why = self._why_it_stays(run) if is_asked_for else None
            if why or not is_asked_for:
                choice.stays.update([why] if why else [])
                self.spared.add(run.experiment)
                continue
            heapq.heappush(taken, _Turn(self._past.turn(run), run))
            if len(taken) > self._wanted.most:
                self.spared.add(heapq.heappop(taken).run.experiment)
                choice.left_for_later += 1
        choice.ahead.refuse_most(self._now)
        choice.runs = [one.run for one in sorted(taken, reverse=True)]
        return choice

    def _runs(self) -> Iterator[Run]:
        """For gc all runs and logged models are read: one that is alive may keep its artifacts in a deleted one's
        folder. Versions protect their runs already."""
        if not self._wanted.deleted:
            yield from self._api.runs(tuple(sorted(one.id for one in self.asked)), "ACTIVE_ONLY")
            return
        for one in self._known.values():
            self._elsewhere.ids |= ids_in(one.artifact_location)  # whatever lies in a run's folder says its id
        for model in self._api.logged_models(tuple(self._known)):
            claim_model(self._elsewhere, model, self._place)
        for run in self._api.runs(tuple(self._known)):
            claim_run(self._elsewhere, run, self._place)
            yield run

    def _why_it_stays(self, run: Run) -> str | None:
        why = _why_it_stays(run, self._protected, self._place, self._now, deleted=self._wanted.deleted)
        if why or not self._wanted.deleted:
            return why
        if self._past.is_fresh(run, self.cutoff):
            return "Steward deleted it too lately"
        return _USED if self.is_used(run) else None


@dataclass(frozen=True)
class _Turn:
    """In a heap, whose turn comes last is the first to go."""

    turn: tuple[datetime, datetime, str]
    run: Run

    def __lt__(self, other: "_Turn") -> bool:
        return self.turn > other.turn


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
    return _why_it_stays(run, protected, place, now, deleted=wanted.deleted)


def _is_asked_for(run: Run, wanted: Criteria, cutoff: datetime) -> bool:
    if run.last_seen_at is None or run.last_seen_at >= cutoff:
        return False
    if wanted.statuses and run.status not in wanted.statuses:
        return False
    if wanted.tag is None:
        return True
    name, has_value, value = wanted.tag.partition("=")
    return name in run.tags and (not has_value or run.tags[name] == value)


def _why_it_stays(run: Run, protected: frozenset[str], place: Place, now: datetime, *, deleted: bool) -> str | None:
    if is_ahead(run, now):
        return "it is from the future, so nobody knows how old it is"
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
