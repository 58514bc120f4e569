"""What the Changes of one run deleted or moved, by the ids and places that its plan named. Reads no more than those."""

from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.models.change import Change, ChangeState
from chalicelib.models.history import MadeKind
from chalicelib.steps.artifact_places import Place
from chalicelib.steps.caution import own_place
from chalicelib.steps.quarantine import Quarantine
from chalicelib.steps.step import StepContext

COPY, DELETE = "s3:CopyObject", "s3:DeleteObject"


@dataclass(frozen=True)
class Emptied:
    """A folder that went into quarantine, or was deleted from it."""

    bucket: str
    prefix: str
    until: datetime | None
    """Until when something in it counts as not moved; None: whenever."""


@dataclass
class Deleted:
    collected: dict[str, str] = field(default_factory=dict)
    """Of gc: run to experiment."""
    places: dict[str, Place] = field(default_factory=dict)
    """Where each of them had its artifacts: the stack may name another bucket by now."""
    prefixes: set[tuple[Place, str]] = field(default_factory=set)
    """Under which their experiments lie there."""
    sizes: dict[str, int] = field(default_factory=dict)
    """What each of them had there."""
    empty: set[str] = field(default_factory=set)
    """Those that had no objects to begin with."""
    hidden: set[str] = field(default_factory=set)
    """Of soft deletion."""
    experiments: set[str] = field(default_factory=set)
    is_aside: bool = False
    """Something went into quarantine, or was deleted from it."""
    folders: list[Emptied] = field(default_factory=list)
    from_quarantine: dict[str, int] = field(default_factory=dict)
    """Bytes deleted from quarantine, by bucket."""

    @classmethod
    def by_this_run(cls, ctx: StepContext) -> "Deleted":
        found = cls()
        for change, progress in ctx.made():
            if progress.state is ChangeState.DONE and "quarantine" in change.parameters:
                found._add_quarantine(ctx, change, set(progress.facts.get("left", ())))
            if change.operation == "mlflow:DeleteRun":
                found.hidden.update(change.parameters["run_ids"])
                found.experiments.update(change.parameters["experiments"])
            elif change.precondition.get("verb") == "gc":
                found._add_gc(ctx, change)
        return found

    def _add_gc(self, ctx: StepContext, change: Change) -> None:
        told = change.precondition
        place = Place(**told["place"]) if "place" in told else own_place(ctx)
        self.collected |= told["of"]
        self.places |= dict.fromkeys(told["of"], place)
        listed = told.get("prefixes", sorted(f"{place.prefix}{one}/" for one in told["of"].values()))
        self.prefixes |= {(place, prefix) for prefix in listed}
        self.sizes |= dict(zip(told["runs"], told.get("bytes", ()), strict=False))
        self.empty.update(told["empty"])
        self.experiments.update(told["experiments"])

    def _add_quarantine(self, ctx: StepContext, change: Change, left: set[str]) -> None:
        """`left`: written to meanwhile, and left alone on purpose."""
        self.is_aside = True
        bucket, asked = str(change.parameters["bucket"]), change.parameters
        if change.operation == COPY:
            rows = [row for row in asked["folders"] if row["prefix"] not in left]
            self.folders += [Emptied(bucket, one["prefix"], datetime.fromisoformat(one["newest"])) for one in rows]
            return
        made = ctx.history.creation(ctx.stack.stack, MadeKind.QUARANTINE, asked["quarantine"])
        if change.operation == DELETE and made is not None:
            place = Quarantine.of(made, bucket)
            self.folders += [Emptied(place.bucket, place.key_of(one), None) for _, one in asked["folders"]]
            self.from_quarantine[place.bucket] = self.from_quarantine.get(place.bucket, 0) + int(asked["bytes"])
