"""What backups that never came to their seal have copied, for the next one to take over.

A backup that was cancelled, ran out of time or died left its entries in Steward's own evidence: which version of which
copy holds what. They are laid over the last manifest, and so proven like its own: an object is copied again unless the
source still has that size and ETag, and the backup that copy. Nothing is taken over once another manifest was sealed.
"""

from collections.abc import Iterator

from pydantic import TypeAdapter, ValidationError

from chalicelib.backup.entry import Entry
from chalicelib.backup.manifests import Manifests
from chalicelib.backup.shards import Shard, within
from chalicelib.errors import ManifestBroken, StoreUnavailable, UnknownName
from chalicelib.models.shape import Shape
from chalicelib.steps.backup_journal import Journal, Task
from chalicelib.store.blobs import Blobs

MOST_ADOPTED = 8
"""Backups in a row that were not sealed; what the oldest of them alone had copied is copied again."""
_TASKS = TypeAdapter(tuple[Task, ...])


class Left(Shape):
    """One that was not sealed."""

    run_id: str
    backup: str


class Unsealed(Shape):
    before: str | None = None
    """The manifest that they were made after."""
    left: tuple[Left, ...] = ()
    """Oldest first."""


def adopt(blobs: Blobs, task: Task) -> None:
    """Decided once, before the first copy: its slices and workers then all see the same."""
    try:
        blobs.get(blobs.ref(_own(task)))
    except UnknownName:
        known = _unsealed(blobs, _of_set(task))
        same = known.left if known.before == task.before else ()
        others = tuple(one for one in same if one.backup != task.backup)[-MOST_ADOPTED:]
        me = Left(run_id=task.run_id, backup=task.backup)
        # the set's first: done again after a crash in between, it comes to the same
        _write(blobs, _of_set(task), Unsealed(before=task.before, left=(*others, me)))
        _go_on_with_parts(blobs, task, others)
        _write(blobs, _own(task), Unsealed(before=task.before, left=others))


def taken_over(blobs: Blobs, manifests: Manifests, task: Task, stretch: Shard) -> list[Iterator[Entry]]:
    """One stream a backup that is taken over, oldest first, each in order of keys."""
    return [_entries(blobs, manifests, task, left, stretch) for left in _unsealed(blobs, _own(task)).left]


def tasks_in(blobs: Blobs, run_id: str, backup: str) -> tuple[Task, ...]:
    """The shards that a backup by many hands was cut into; UnknownName for one that was not."""
    key = shards_key(run_id, backup)
    data = blobs.get(blobs.ref(key))
    try:
        return _TASKS.validate_json(data)
    except ValueError as exc:
        raise StoreUnavailable(f"reading the shards of {key}", "they cannot be read") from exc


def note_tasks(blobs: Blobs, tasks: tuple[Task, ...], run_id: str, backup: str) -> None:
    blobs.put(shards_key(run_id, backup), _TASKS.dump_json(tasks))


def shards_key(run_id: str, backup: str) -> str:
    return f"backups/{run_id}/{backup}/shards.json"


def _entries(blobs: Blobs, manifests: Manifests, task: Task, left: Left, stretch: Shard) -> Iterator[Entry]:
    journal = Journal(blobs)
    for each in _tasks(blobs, task, left):
        if not _meet(each.stretch, stretch):
            continue
        so_far = journal.read(each)
        try:
            for entry in manifests.entries_of(left.backup, so_far.parts, stretch):
                if entry.gone_since is None:  # when what vanished was missed first, the last manifest knows
                    yield entry
        except ManifestBroken:
            return  # what cannot be read proves nothing: it is copied again
        yield from within(so_far.ahead, stretch)


def _tasks(blobs: Blobs, task: Task, left: Left) -> tuple[Task, ...]:
    try:
        return tasks_in(blobs, left.run_id, left.backup)
    except UnknownName:
        return (_whole(task, left),)


def _whole(task: Task, left: Left) -> Task:
    where = {"run_id": left.run_id, "backup": left.backup, "shard": 0, "after_key": None, "until_key": None}
    return task.model_copy(update=where)


def _meet(one: Shard, other: Shard) -> bool:
    before = one.until_key is not None and other.after_key is not None and one.until_key <= other.after_key
    after = one.after_key is not None and other.until_key is not None and other.until_key <= one.after_key
    return not (before or after)


def _go_on_with_parts(blobs: Blobs, task: Task, others: tuple[Left, ...]) -> None:
    """Where the last one died, its copies in parts stand in its book; one that was cancelled aborted them."""
    for last in others[-1:]:
        try:
            blobs.put(task.uploads, blobs.get(blobs.ref(_whole(task, last).uploads)))
        except UnknownName:
            return


def _unsealed(blobs: Blobs, key: str) -> Unsealed:
    try:
        return Unsealed.model_validate_json(blobs.get(blobs.ref(key)))
    except UnknownName:
        return Unsealed()
    except ValidationError:
        return Unsealed()  # nothing is taken over: dearer, and never wrong


def _write(blobs: Blobs, key: str, unsealed: Unsealed) -> None:
    blobs.put(key, unsealed.model_dump_json().encode())


def _own(task: Task) -> str:
    return f"backups/{task.run_id}/{task.backup}/taken-over.json"


def _of_set(task: Task) -> str:
    return f"backups/sets/{task.set}.json"
