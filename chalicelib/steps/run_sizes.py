"""How many objects and bytes runs have in the bucket, from one pass over each experiment's listing."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from chalicelib.aws.s3_objects import S3Objects
from chalicelib.redact import strip_hidden
from chalicelib.steps.artifact_places import Owner, Place
from chalicelib.steps.mlflow_shapes import Experiment, Run
from chalicelib.steps.prices import in_words

_NAME = 40


@dataclass
class Size:
    runs: int = 0
    objects: int = 0
    bytes: int = 0

    def add(self, other: "Size") -> None:
        self.runs += other.runs
        self.objects += other.objects
        self.bytes += other.bytes

    def __str__(self) -> str:
        return f"{self.runs:,} runs, {self.objects:,} objects, {in_words(self.bytes)}"


def measure(store: S3Objects, place: Place, chosen: Iterable[Run]) -> dict[str, Size]:
    """By run id, of runs that are at home; only what belongs to them is counted."""
    runs = list(chosen)
    found = {run.id: Size(runs=1) for run in runs}
    for prefix in place.experiments_of(run.artifact_uri for run in runs):
        for stored in store.list(place.bucket, prefix):
            folder = place.folder_of(stored.key)
            if folder is not None and folder.kind is Owner.RUN and folder.id in found:
                size = found[folder.id]
                size.objects += 1
                size.bytes += stored.size
    return found


def by_experiment(runs: Collection[Run], sizes: Mapping[str, Size]) -> dict[str, Size]:
    found: dict[str, Size] = {}
    for run in runs:
        found.setdefault(run.experiment, Size()).add(sizes[run.id])
    return found


def listed(totals: Mapping[str, Size], known: Mapping[str, Experiment], most: int = 10) -> str:
    """Counts, names and bytes by experiment, the largest first."""
    ranked = sorted(totals.items(), key=lambda pair: (-pair[1].bytes, pair[0]))
    said = [f"{named(name, known)}: {size}" for name, size in ranked[:most]]
    return "; ".join([*said, *([f"and {len(ranked) - most} more experiments"] if len(ranked) > most else [])])


def named(experiment: str, known: Mapping[str, Experiment]) -> str:
    """A name is text from outside (S30); the id says which it is."""
    name = strip_hidden(known[experiment].name) if experiment in known else ""
    return f"{name[:_NAME]} ({experiment})" if name else experiment
