"""What lies in the bucket and belongs to nobody: the listing, streamed, against all that MLflow knows (S15).

Held in memory are the ids that MLflow knows and the orphans; the listing passes by, one page at a time.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache

from chalicelib.aws.s3_objects import S3Objects, StoredObject
from chalicelib.backup.selection import WORKSPACES
from chalicelib.steps.artifact_claims import Claims, claim_model, claim_roots, claim_run
from chalicelib.steps.artifact_places import EXPERIMENT_ID, RUN_ID, Folder, Owner, Place
from chalicelib.steps.clocks import AheadRuns, refuse_the_future
from chalicelib.steps.missing import Expected
from chalicelib.steps.mlflow_api import MlflowApi
from chalicelib.steps.mlflow_shapes import Run


@dataclass(frozen=True)
class Orphan:
    folder: Folder
    objects: int
    bytes: int
    newest: datetime


@dataclass
class Known:
    """All that owns anything, of every lifecycle stage."""

    runs: set[bytes] = field(default_factory=set)
    """Ids, packed: there can be millions."""
    models: set[str] = field(default_factory=set)
    claims: Claims = field(default_factory=Claims)
    """What any of them points to that is not where MLflow would put it."""
    expected: Expected = field(default_factory=Expected)
    """Who must have artifacts."""
    ahead: AheadRuns = field(default_factory=AheadRuns)
    experiments: frozenset[str] = frozenset()
    workspaces: tuple[str, ...] = ()

    @property
    def counted(self) -> dict[str, int]:
        """By table of the database: what MLflow deletes for good only with gc."""
        return {"experiments": len(self.experiments), "runs": self.ahead.read}

    def has_run(self, run_id: str) -> bool:
        return bytes.fromhex(run_id) in self.runs

    traces_of: Callable[[str], set[str]] = lambda _experiment: set()
    """Asked once for an experiment that has folders of traces."""

    def owns(self, folder: Folder) -> bool:
        if folder.id in self.claims.ids or self.claims.covers(folder.prefix):
            return True
        if folder.kind is Owner.TRACE:
            return folder.experiment in self.experiments and folder.id in self.traces_of(folder.experiment)
        return self.has_run(folder.id) if folder.kind is Owner.RUN else folder.id in self.models


@dataclass
class Scan:
    orphans: list[Orphan] = field(default_factory=list)
    folders: int = 0
    objects: int = 0
    bytes: int = 0
    too_young: int = 0
    """Owned by nobody, and too young to judge."""
    strange: list[str] = field(default_factory=list)
    """Folders of no shape that MLflow writes: never orphans."""
    missing: list[str] = field(default_factory=list)
    """Active runs and logged models that should have artifacts and have none."""
    not_looked_at: list[str] = field(default_factory=list)
    """Those whose artifacts lie where Steward does not look."""
    ahead: AheadRuns = field(default_factory=AheadRuns)
    owned_aside: list[str] = field(default_factory=list)
    """In quarantine past its time, and owned by now."""
    compared: str = ""
    """Whether the database holds as many as the API told."""

    @property
    def orphaned_bytes(self) -> int:
        return sum(one.bytes for one in self.orphans)

    @property
    def share(self) -> float:
        """Of folders or of bytes, whichever is more."""
        by_folders = len(self.orphans) / self.folders if self.folders else 0.0
        return max(by_folders, self.orphaned_bytes / self.bytes if self.bytes else 0.0)


def read_known(api: MlflowApi, place: Place, now: datetime) -> Known:
    experiments = api.experiments()
    ids, deleted = tuple(one.id for one in experiments), {one.id for one in experiments if one.deleted}
    known = Known(
        experiments=frozenset(ids),
        workspaces=api.workspaces,
        traces_of=cache(lambda experiment: set(api.traces(experiment))),
    )
    claim_roots(known.claims, experiments, place)
    for run in api.runs(ids):
        known.ahead.note(run, now)
        _learn(known, run, place)
    known.ahead.refuse_most(now)
    for version in api.model_versions():
        known.claims.add(version.source, place, f"version {version.version} of model {version.name}")
        known.models |= {version.model_id} - {""}
        if RUN_ID.fullmatch(version.run_id):
            known.runs.add(bytes.fromhex(version.run_id))
        known.expected.add_version(version, place)
    for model in api.logged_models(ids):
        known.models.add(model.id)
        claim_model(known.claims, model, place)
        if model.experiment not in deleted:
            known.expected.add_model(model, place)
    return known


def _learn(known: Known, run: Run, place: Place) -> None:
    if RUN_ID.fullmatch(run.id):
        known.runs.add(bytes.fromhex(run.id))
    known.expected.add_run(run, place)
    claim_run(known.claims, run, place)


def scan(known: Known, store: S3Objects, place: Place, now: datetime, youngest: timedelta) -> Scan:
    found, seen, due = Scan(ahead=known.ahead), set[str](), known.expected.due
    for prefix in _experiments(store, place, known, found):
        for orphan in _folders(store, place, prefix, found, now):
            folder = orphan.folder
            if folder.id in due:
                seen.add(folder.id)
            if known.owns(folder):
                continue
            if orphan.newest > now - youngest:
                found.too_young += 1
            else:
                found.orphans.append(orphan)
    found.missing = known.expected.missing(seen, lambda key: any(store.list(place.bucket, f"{key}/")))
    found.not_looked_at = sorted(known.expected.elsewhere)
    return found


def _experiments(store: S3Objects, place: Place, known: Known, found: Scan) -> Iterator[str]:
    """The prefixes of keys of all that looks like an experiment, in order of keys, and in which workspaces."""
    for name in store.folders(place.bucket, place.prefix):
        if EXPERIMENT_ID.fullmatch(name):
            yield f"{place.prefix}{name}/"
        elif f"{name}/" == WORKSPACES and known.workspaces:
            yield from _in_workspaces(store, place, known, found)
        else:
            found.strange.append(name)


def _in_workspaces(store: S3Objects, place: Place, known: Known, found: Scan) -> Iterator[str]:
    """Of a workspace that MLflow does not tell of, nobody knows what belongs to whom."""
    root = f"{place.prefix}{WORKSPACES}"
    for workspace in store.folders(place.bucket, root):
        names = list(store.folders(place.bucket, f"{root}{workspace}/")) if workspace in known.workspaces else []
        found.strange += [f"{WORKSPACES}{workspace}"] if workspace not in known.workspaces else []
        for name in names:
            if EXPERIMENT_ID.fullmatch(name):
                yield f"{root}{workspace}/{name}/"
            else:
                found.strange.append(f"{WORKSPACES}{workspace}/{name}")


def _folders(store: S3Objects, place: Place, prefix: str, found: Scan, now: datetime) -> Iterator[Orphan]:
    """Each folder with its totals, when its last object has passed: a listing is in order of keys."""
    current: Orphan | None = None
    for stored in store.list(place.bucket, prefix):
        refuse_the_future(stored.changed_at, now, f"object {stored.key[-60:]}")
        found.objects += 1
        found.bytes += stored.size
        folder = place.folder_of(stored.key)
        if folder is None:
            continue
        if current is not None and current.folder == folder:
            current = _grown(current, stored)
            continue
        if current is not None:
            yield current
        found.folders += 1
        current = Orphan(folder, 1, stored.size, stored.changed_at)
    if current is not None:
        yield current


def _grown(one: Orphan, stored: StoredObject) -> Orphan:
    return Orphan(one.folder, one.objects + 1, one.bytes + stored.size, max(one.newest, stored.changed_at))
