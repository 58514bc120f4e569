"""A sample of artifacts for the restore drill: chosen from a manifest, restored beside, and compared."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from heapq import nsmallest
from typing import Any

from chalicelib.backup.entry import MAX_KEY_BYTES, Entry
from chalicelib.backup.manifest import Head
from chalicelib.backup.manifests import RESTORED, Manifests, set_in
from chalicelib.backup.spans import bytes_in, spans_of
from chalicelib.errors import ManifestBroken, StepFailed, StepRefused
from chalicelib.models.history import BackupKind, MadeKind
from chalicelib.steps import made
from chalicelib.steps.backup_choice import newest
from chalicelib.steps.backup_places import Route, manifests_of
from chalicelib.steps.restore_copies import Came, Carrier
from chalicelib.steps.step import StepContext

PREFIX = f"{RESTORED}{{run}}/"
MOST_BYTES = 5 * 1024**3
"""Of the one large object. A drill proves that a restore works; it does not move the bucket."""
_BYTES_A_SECOND = 20 * 1024**2
"""The slowest copy that is still waited for."""
_ROOM_FOR_PREFIX = 128


def said_of(one: Entry) -> list[Any]:
    """As a Change says it; the key without any prefix."""
    return [one.key, one.version, one.size, one.etag, one.copy_etag]


def sampled(said: list[Any]) -> Entry:
    key, version, size, etag, *copy_etag = said
    return Entry(key, size, etag, version, copy_etag=next(iter(copy_etag), None))


def newest_to_prove(ctx: StepContext, route: Route, manifests: Manifests) -> Head:
    """The newest good backup of this place; without a record of one, the newest whose manifest can be believed."""
    known = ctx.history.backups(ctx.stack.stack, BackupKind.ARTIFACTS)
    good = next((one.id for one in known if one.is_good and set_in(one.id) == route.set), None)
    try:
        head = manifests.head(good) if good else newest(ctx, manifests, manifests.ids())
    except ManifestBroken as broken:
        raise StepRefused(f"{broken}: this backup proves nothing; run backup-artifacts", rule="S17") from broken
    if head is None:
        raise StepRefused(f"there is no backup of {route.sentence}: run backup-artifacts")
    return head


def choose(ctx: StepContext, route: Route, objects: int) -> tuple[Head, tuple[Entry, ...]]:
    """By chance, but the same as long as the backup is the same: a plan that is asked for again is equal."""
    manifests = manifests_of(ctx, route)
    head = newest_to_prove(ctx, route, manifests)
    try:
        chosen = _by_chance(head, manifests, objects, ctx.read_sizes.whole_up_to)
    except ManifestBroken as broken:
        raise StepRefused(f"{broken}: this backup proves nothing; run backup-artifacts", rule="S17") from broken
    return head, tuple(sorted(chosen, key=lambda e: e.key))


def _by_chance(head: Head, manifests: Manifests, objects: int, small_up_to: int) -> list[Entry]:
    """Small ones, and a large one in the place of one of them: models are what a restore is for."""

    def rank(entry: Entry) -> bytes:
        return hashlib.sha256(f"{head.id}\0{entry.key}".encode()).digest()

    large: list[Entry] = []

    def small() -> Iterator[Entry]:
        for entry in manifests.entries(head):
            if not _may_be_sampled(entry):
                continue
            if entry.size <= small_up_to:
                yield entry
            elif not large or rank(entry) < rank(large[0]):
                large[:] = [entry]

    chosen = nsmallest(objects, small(), key=rank)
    return [*large, *chosen][:objects]


def _may_be_sampled(entry: Entry) -> bool:
    short = len(entry.key.encode()) <= MAX_KEY_BYTES - _ROOM_FOR_PREFIX
    return entry.gone_since is None and entry.size <= MOST_BYTES and short and entry.key != ""


def note(ctx: StepContext, prefix: str, step_id: str, until_s: int) -> None:
    """Before the first copy (S16)."""
    made.record(ctx, MadeKind.SIDE_COPY, prefix, step_id, delete_after=ctx.now + timedelta(seconds=until_s))


class Prover:
    """Within one slice. What one CopyObject takes is begun only with time for it; a larger one is copied in parts."""

    def __init__(self, ctx: StepContext, given: dict[str, Any]) -> None:
        self._ctx, self._given = ctx, given
        self._carrier = Carrier(ctx, given["fromRegion"], lambda: ctx.cancelled() or self._is_over_in(0.0))
        self._ends = ctx.monotonic() + ctx.budget_s

    def _is_over_in(self, takes_s: float) -> bool:
        return self._ctx.monotonic() + takes_s >= self._ends

    def prove(self, one: Entry) -> bool | None:
        """Whether the original was compared too. None: it is left for the next slice. What an earlier attempt put
        there counts by what it holds."""
        takes_s = one.size / _BYTES_A_SECOND if one.size <= self._carrier.largest_copy else 0.0
        kept = self._given["fromPrefix"] + one.key
        beside = self._given["toPrefix"].replace("{run}", self._ctx.run_id) + one.key
        origin, target = (self._given["from"], kept), (self._given["to"], beside)
        came = self._carrier.bring(one, origin, target, over=None, is_too_late=lambda: self._is_over_in(takes_s))
        if came is Came.LOST:
            why = f"version {one.version} of {kept} is not in {self._given['from']} any more"
            raise StepFailed(self._ctx.step_id, why)
        return None if came is Came.LEFT else compare(self._ctx, self._given, one, kept, beside)


def compare(ctx: StepContext, given: dict[str, Any], one: Entry, kept: str, beside: str) -> bool:
    """Reads both, a large one in part. Whether the original was compared too."""
    here, there = ctx.aws.vault, ctx.aws.in_region(given["fromRegion"]).vault
    spans = spans_of(one.size, f"{ctx.run_id}\0{one.key}", ctx.read_sizes)
    restored = here.digest(given["to"], beside, spans=spans)
    backup = there.digest(given["from"], kept, version=one.version, spans=spans)
    if restored is None or restored != backup or restored.size != (bytes_in(spans) or one.size):
        raise StepFailed(ctx.step_id, f"{kept} came back as something else than the backup holds")
    original = here.digest(given["to"], given["fromPrefix"] + one.key, if_etag=one.etag, spans=spans)
    if original is not None and original != restored:
        raise StepFailed(ctx.step_id, f"the backup of {kept} is not what the artifact itself holds")
    return original is not None
