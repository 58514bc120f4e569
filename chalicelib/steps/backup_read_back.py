"""The sample of a backup, read back in full and compared with the source: in slices, at constant memory.

Some small copies by chance, and large ones in turn: as many bytes of those as a backup is given, from where the one
before got to. A copy that is larger than that is read in full by several backups, each going on where the last ended.
"""

from collections.abc import Callable

from pydantic import ValidationError

from chalicelib.aws.s3_vault import Vault
from chalicelib.backup.judge import Judged, Sampled, place_in_turn
from chalicelib.backup.manifest import Head
from chalicelib.backup.turn import Reading, Turn
from chalicelib.errors import StoreUnavailable, UnknownName
from chalicelib.models.shape import Shape
from chalicelib.steps.backup_journal import Task
from chalicelib.steps.step import StepContext
from chalicelib.store.blobs import Blobs


class ReadBack(Shape):
    """How far one backup's sample is read."""

    small: int = 0
    """So many of the small ones."""
    large: int = 0
    """So many of the large ones have had their turn."""
    offset: int = 0
    """Of the large one that is being read."""
    read: int = 0
    """Bytes of large ones, this time."""
    in_full: int = 0
    in_full_bytes: int = 0
    faults: tuple[str, ...] = ()
    turn: Turn = Turn()
    over: bool = False


def turn_after(before: Head | None) -> Turn:
    """Where the last backup got to."""
    return (before.proof.turn if before and before.proof else None) or Turn()


def read_on(
    ctx: StepContext, task: Task, judged: Judged, before: Head | None, time_is_up: Callable[[], bool]
) -> ReadBack:
    """Until it is over or the slice is. What a worker that dies has read is read again."""
    reader = _Reader(ctx, task, judged)
    so_far = _noted(ctx.evidence, task) or reader.begun(turn_after(before))
    while not so_far.over:
        so_far = reader.some_more(so_far)
        if time_is_up():
            break
    ctx.evidence.put(task.reading, so_far.model_dump_json().encode())
    return so_far


def _noted(blobs: Blobs, task: Task) -> ReadBack | None:
    try:
        return ReadBack.model_validate_json(blobs.get(blobs.ref(task.reading)))
    except UnknownName:
        return None
    except ValidationError as exc:
        raise StoreUnavailable(f"reading how far {task.backup} is read back", "its note cannot be read") from exc


class _Reader:
    def __init__(self, ctx: StepContext, task: Task, judged: Judged) -> None:
        self._task, self._judged = task, judged
        self._at_once = ctx.read_sizes.whole_up_to
        """Of a large one, between two looks at the clock."""
        self._here = ctx.aws.in_region(task.source_region).vault
        self._there = ctx.aws.in_region(task.target_region).vault

    def begun(self, turn: Turn) -> ReadBack:
        first, reading = next(iter(self._judged.large_sample), None), turn.reading
        if first is None or reading is None or not reading.is_of(first.key, first.etag, first.version):
            return ReadBack(turn=turn)
        return ReadBack(turn=turn, offset=reading.offset)

    def some_more(self, so_far: ReadBack) -> ReadBack:
        """One small copy, or one stretch of a large one."""
        if so_far.small < len(self._judged.sample):
            fault = read_back(self._task, self._judged.sample[so_far.small], self._here, self._there)
            told = (*so_far.faults, fault) if fault else so_far.faults
            return so_far.model_copy(update={"small": so_far.small + 1, "faults": told})
        if so_far.large >= len(self._judged.large_sample) or so_far.read >= self._task.read_back:
            return so_far.model_copy(update={"over": True})
        return self._stretch(self._judged.large_sample[so_far.large], so_far)

    def _stretch(self, one: Sampled, so_far: ReadBack) -> ReadBack:
        task, first = self._task, so_far.offset
        last = min(first + self._at_once, one.size) - 1
        span = ((first, last),)
        copy = self._there.digest(task.target_bucket, task.target.full_key(one.key), version=one.version, spans=span)
        if copy is None or copy.size != last - first + 1:
            return _faulty(one, so_far, "its copy cannot be read")
        original = self._here.digest(task.source_bucket, task.source.full_key(one.key), if_etag=one.etag, spans=span)
        if original is None:  # another one stands there by now, whose copy has its own turn
            return _next(one, so_far)
        if original != copy:
            return _faulty(one, so_far, "its copy has other contents")
        further = so_far.model_copy(update={"read": so_far.read + copy.size, "offset": last + 1})
        if last + 1 < one.size:
            reading = Reading(
                rank=place_in_turn(one.rank), key=one.key, etag=one.etag, version=one.version, offset=last + 1
            )
            return further.model_copy(update={"turn": so_far.turn.model_copy(update={"reading": reading})})
        counts = {"in_full": so_far.in_full + 1, "in_full_bytes": so_far.in_full_bytes + one.size}
        return _next(one, further.model_copy(update=counts))


def _next(one: Sampled, so_far: ReadBack) -> ReadBack:
    turn = Turn(through=place_in_turn(one.rank))
    return so_far.model_copy(update={"large": so_far.large + 1, "offset": 0, "turn": turn})


def _faulty(one: Sampled, so_far: ReadBack, what: str) -> ReadBack:
    """It keeps its turn, from its first byte: no later backup passes for good until it is mended."""
    turn = so_far.turn.model_copy(update={"reading": None})
    return so_far.model_copy(update={"faults": (*so_far.faults, f"{one.key}: {what}"), "turn": turn, "over": True})


def read_back(task: Task, one: Sampled, here: Vault, there: Vault) -> str | None:
    """The version that the manifest names, read in full, against the source if it is still the same object, else
    against the checksum in its ETag where that is one."""
    copy = there.digest(task.target_bucket, task.target.full_key(one.key), version=one.version)
    if copy is None:
        return f"{one.key}: its copy cannot be read"
    if copy.size != one.size:
        return f"{one.key}: its copy has {copy.size} bytes, not {one.size}"
    original = here.digest(task.source_bucket, task.source.full_key(one.key), if_etag=one.etag)
    if original is not None:
        return None if original == copy else f"{one.key}: its copy has other contents"
    plain = one.copy_etag is None and len(one.etag) == len(copy.md5) and "-" not in one.etag
    return f"{one.key}: its copy has another checksum" if plain and one.etag != copy.md5 else None
