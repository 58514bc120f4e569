"""Back from quarantine: a Change that two actions make, one by its undo.

Object by object, in slices: what is back loses its copy at the end of each slice, and how far it came is in the
checkpoint, within a folder and within the comparison of one large object.
"""

from dataclasses import asdict, dataclass, field, replace

from chalicelib.aws.s3 import S3
from chalicelib.aws.s3_objects import MOST_AT_ONCE
from chalicelib.errors import StepFailed
from chalicelib.models.change import Change, ChangeProgress, HowFar
from chalicelib.models.history import MadeKind
from chalicelib.steps.artifact_store import open_store
from chalicelib.steps.quarantine import Entry, Quarantine, known, manifest_numbers, read_manifest
from chalicelib.steps.step import Applied, Done, Pending, StepContext, Unchanged

RESTORE = "s3:PutObject"


@dataclass(frozen=True)
class Back:
    """How far a restore is: everything before it is dealt with."""

    folders: int = 0
    number: int = -1
    """Of the manifest it is at."""
    at: int = 0
    """Of its entries."""
    compared: int = 0
    """Bytes of that entry that are the same there and in quarantine."""
    etag: str = ""
    """What was there under its key meanwhile."""
    back: int = 0
    other: int = 0
    """Keys that hold something else by now."""
    other_here: int = 0
    """Of the manifest it is at: while there are any, it stays."""

    def begin(self, number: int) -> "Back":
        return self if number == self.number else replace(self, number=number, at=0, compared=0, etag="", other_here=0)

    def next(self, *, is_back: bool) -> "Back":
        one = replace(self, at=self.at + 1, compared=0, etag="")
        if is_back:
            return replace(one, back=one.back + 1)
        return replace(one, other=one.other + 1, other_here=one.other_here + 1)


@dataclass
class _Slice:
    """One call's part of one folder."""

    ctx: StepContext
    store: S3
    place: Quarantine
    ends: float
    done_with: list[str] = field(default_factory=list)
    """Copies that nobody needs any more."""

    def goes_on(self) -> bool:
        return self.ctx.monotonic() < self.ends

    def give_back(self, far: Back) -> tuple[Back, bool]:
        """And whether that was all of it. Then the manifest goes too, when everything in it is back."""
        manifest = read_manifest(self.store, self.place, far.number)
        if manifest is None:
            return far, True
        objects, bucket = self.store.many(), self.place.bucket
        copies = {one.key: one.size for one in objects.list(bucket, self.place.key_of(manifest.folder))}
        begun_at = far.at
        for entry in manifest.entries[begun_at:]:
            at = far.at
            if at == begun_at or self.goes_on():  # one at least, however long the listing took
                far = self._one(entry, copies.get(self.place.key_of(entry.key)), far)
            if far.at == at:
                self._release()
                return far, False
            if len(self.done_with) == MOST_AT_ONCE:
                self._release()
        self._release()
        if not far.other_here:
            objects.delete(bucket, [self.place.manifest_key(far.number)])
        return far, True

    def _one(self, entry: Entry, size_of_copy: int | None, far: Back) -> Back:
        objects, bucket, copy = self.store.many(), self.place.bucket, self.place.key_of(entry.key)
        facts = objects.facts(bucket, entry.key)
        if facts is None:
            if size_of_copy != entry.size:
                raise StepFailed(self.ctx.step_id, f"the copy of {entry.key} is not whole")
            objects.copy(bucket, copy, entry.key, entry.size)
        elif size_of_copy is None and facts[0] == entry.size:
            return far.next(is_back=True)  # its copy went when it was back, or it was never moved
        elif facts != (entry.size, entry.etag):  # else it never left, or came back before a worker died
            if not facts[0] == entry.size == size_of_copy:
                return far.next(is_back=False)
            start = far.compared if far.etag == facts[1] else 0
            upto = objects.same_to(bucket, entry.key, copy, entry.size, start, self.goes_on)
            if 0 <= upto < entry.size:
                return replace(far, compared=upto, etag=facts[1])
            if upto < 0 or objects.facts(bucket, entry.key) != facts:
                return far.next(is_back=False)
        self.done_with.append(copy)
        return far.next(is_back=True)

    def _release(self) -> None:
        self.store.many().delete(self.place.bucket, self.done_with)
        self.done_with = []


def restore(ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:
    """What is back already is found there, so it goes on after any crash."""
    artifacts, name = ctx.stack.artifacts, str(change.parameters["quarantine"])
    place = known(ctx, str(change.parameters["bucket"]), name)
    if artifacts is None or place is None:
        return Unchanged(detail=f"there is no quarantine {name} any more")
    store, far = open_store(ctx, artifacts), Back(**progress.checkpoint)
    part = _Slice(ctx, store, place, ctx.monotonic() + ctx.budget_s)
    left = [number for number in manifest_numbers(store, place) if number >= far.number]
    for done, number in enumerate(left):
        far, is_whole = part.give_back(far.begin(number))
        if not is_whole:
            return _goes_on(far, len(left) - done)
        far = replace(far.begin(number + 1), folders=far.folders + 1)
    if far.other:
        said = f"{far.back} objects are back; {far.other} keys hold something else, their copies stay"
        raise StepFailed(ctx.step_id, said)
    ctx.history.mark_gone(ctx.stack.stack, MadeKind.QUARANTINE, name, ctx.now)
    return Done(detail=f"{far.back} objects are back where they were")


def _goes_on(far: Back, left: int) -> Pending:
    return Pending(
        check_after_s=1,
        detail=f"{far.back} objects are back",
        checkpoint=asdict(far),
        how_far=HowFar(done=far.folders, total=far.folders + left, unit="folders"),
    )
