"""Where a backup in progress stands: what is written, what is judged. Kept in Steward's own evidence.

Not in the backup bucket: whoever can write there could tell a resumed run that others' parts are its own.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta

from pydantic import ValidationError

from chalicelib.backup.entry import Entry, Place
from chalicelib.backup.job import Failure, Reached, Tally, Trouble
from chalicelib.backup.judge import Judged
from chalicelib.backup.manifest import Part, PartWriter
from chalicelib.backup.manifests import Manifests
from chalicelib.backup.shards import Shard
from chalicelib.errors import StoreUnavailable, UnknownName
from chalicelib.models.shape import Shape
from chalicelib.models.words import Utc
from chalicelib.store.blobs import Blobs

_MOST_TOLD = 20
READ_BACK = 8 * 1024**3


class Missed(Shape):
    key: str
    trouble: Trouble
    why: str


class Progressed(Shape):
    """One shard's."""

    through: str | None = None
    """Everything up to this key is copied and in `parts`."""
    copied_all: bool = False
    parts: tuple[Part, ...] = ()
    copied: int = 0
    copied_bytes: int = 0
    keys: int = 0
    due: int = 0
    foreign: int = 0
    ahead: tuple[Entry, ...] = ()
    """Copied beyond `through`, behind one that a slice was too short for; not in `parts` yet."""
    missed: tuple[Missed, ...] = ()
    failed: int = 0
    troubles: dict[Trouble, int] = {}
    """The failed by kind; `missed` tells the first of them only."""
    judged: Judged = Judged()
    requests: dict[str, int] = {}

    @property
    def is_over(self) -> bool:
        return self.copied_all and self.judged.over

    @property
    def hard(self) -> int:
        return self.failed - sum(count for trouble, count in self.troubles.items() if trouble.is_benign)

    def with_failures(self, failures: Iterable[Failure], troubles: Mapping[Trouble, int]) -> "Progressed":
        """Of the reasons a few are told, the hard ones before those that only changed; all are counted."""
        told = (*self.missed, *(Missed(key=f.key, trouble=f.trouble, why=f.why[:300]) for f in failures))
        few = sorted(told, key=lambda one: one.trouble.is_benign)[:_MOST_TOLD]
        counts = {kind: self.troubles.get(kind, 0) + troubles.get(kind, 0) for kind in {*self.troubles, *troubles}}
        return self.model_copy(
            update={"missed": tuple(few), "failed": self.failed + sum(troubles.values()), "troubles": counts}
        )


class Task(Shape):
    """What one worker needs to know: one stretch of one backup. Also the input of a Distributed Map's item."""

    stack: str
    run_id: str
    step: str
    backup: str
    set: str
    as_of: Utc
    source_bucket: str
    source_region: str
    target_bucket: str
    target_region: str
    prefix: str
    before: str | None
    """The manifest that this one is made after."""
    grace_s: int | None
    """None: nothing comes due (S18)."""
    mac_key: str | None
    checkpoint_every: int
    shard: int = 0
    after_key: str | None = None
    until_key: str | None = None
    expected: int | None = None
    read_back: int = READ_BACK
    """Bytes of large copies that are read in full, in this backup."""

    @property
    def source(self) -> Place:
        return Place(self.source_bucket, self.prefix)

    @property
    def target(self) -> Place:
        return Place(self.target_bucket, self.prefix)

    @property
    def stretch(self) -> Shard:
        return Shard(self.after_key, self.until_key)

    @property
    def grace(self) -> timedelta | None:
        return None if self.grace_s is None else timedelta(seconds=self.grace_s)

    @property
    def journal(self) -> str:
        return f"{self._stem}.json"

    @property
    def reading(self) -> str:
        """How far its sample is read back: of the whole backup, by whoever ends it."""
        return f"backups/{self.run_id}/{self.backup}/read.json"

    @property
    def uploads(self) -> str:
        """The journal of what is copied in parts: written by its workers, and far more often."""
        return f"{self._stem}.uploads.json"

    @property
    def _stem(self) -> str:
        return f"backups/{self.run_id}/{self.backup}/{self.shard:05d}"


class Journal:
    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    def read(self, task: Task) -> Progressed:
        try:
            data = self._blobs.get(self._blobs.ref(task.journal))
        except UnknownName:
            return Progressed()
        try:
            return Progressed.model_validate_json(data)
        except ValidationError as exc:
            raise StoreUnavailable(f"reading how far {task.backup} is", "its journal cannot be read") from exc

    def write(self, task: Task, progressed: Progressed) -> None:
        self._blobs.put(task.journal, progressed.model_dump_json().encode())


class PartSink:
    """Takes the mirror's lines; what is written and noted in the journal is never copied again."""

    def __init__(self, task: Task, manifests: Manifests, journal: Journal, so_far: Progressed) -> None:
        self._task, self._manifests, self._journal = task, manifests, journal
        self._began, self.so_far = so_far, so_far
        self._writer = PartWriter()

    def add(self, entry: Entry) -> None:
        self._writer.add(entry)

    def checkpoint(self, reached: Reached) -> None:
        """With what could not be copied so far: were it forgotten with its worker, the backup would pass for good."""
        self.so_far = self.flushed(reached.key, reached.tally, reached.failures)
        self._journal.write(self._task, self.so_far)

    def flushed(self, through: str | None, tally: Tally, failures: Iterable[Failure]) -> Progressed:
        """With what was collected as one more part; a stretch in which everything is gone makes none.

        The tally is this slice's, and comes on top of what stood there when it began.
        """
        parts = self.so_far.parts
        if self._writer.lines:
            parts = (*parts, self._manifests.put_part(self._task.backup, self._task.shard, len(parts), self._writer))
            self._writer = PartWriter()
        through, began = through if through is not None else self.so_far.through, self._began
        counts = {
            "parts": parts,
            "through": through,
            "copied": began.copied + tally.copied,
            "copied_bytes": began.copied_bytes + tally.copied_bytes,
            "keys": began.keys + tally.entries + tally.dropped + tally.foreign,
            "due": began.due + tally.due,
            "foreign": began.foreign + tally.foreign,
            "ahead": tuple(one for one in self.so_far.ahead if through is None or one.key > through),
        }
        return began.model_copy(update=counts).with_failures(failures, tally.troubles)
