"""A restore's copies: each out of the version that the manifest names, over nothing but what was planned to be."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from chalicelib.backup.entry import Entry
from chalicelib.backup.manifest import Head
from chalicelib.backup.manifests import Manifests
from chalicelib.backup.selection import Selection
from chalicelib.backup.standing import Fated
from chalicelib.errors import AwsInvalid, AwsNotFound, CopyCancelled, StepFailed
from chalicelib.steps.step import StepContext
from chalicelib.steps.upload_book import EvidenceBook

CONNECTIONS = 64
_BEATEN = {"PreconditionFailed", "ConditionalRequestConflict"}
Object = tuple[str, str]
"""A bucket and a key."""


class Came(StrEnum):
    BROUGHT = "brought"
    BEATEN = "beaten"
    """Written by somebody else since it was listed: kept."""
    LOST = "lost"
    """The version is no longer in the backup bucket."""
    LEFT = "left"
    """For want of time, or for good: the run was cancelled."""


@dataclass(frozen=True)
class Restore:
    """What a Change says, as values."""

    backup: str
    sha256: str
    bucket: str
    region: str
    set: str
    mac_key: str | None
    prefix: str
    selection: Selection
    to_bucket: str
    to_prefix: str
    over_newer: bool
    objects: int

    @classmethod
    def of(cls, parameters: dict[str, Any]) -> "Restore":
        return cls(
            parameters["backup"],
            parameters["sha256"],
            parameters["from"],
            parameters["fromRegion"],
            parameters["set"],
            parameters["macKey"],
            parameters["prefix"],
            Selection.model_validate(parameters["selection"]),
            parameters["to"],
            parameters["toPrefix"],
            parameters["overNewer"],
            parameters["objects"],
        )

    def in_run(self, run_id: str) -> "Restore":
        return replace(self, to_prefix=self.to_prefix.replace("{run}", run_id))

    def head(self, manifests: Manifests) -> Head:
        head = manifests.head(self.backup)
        if head.sha256 != self.sha256:
            raise StepFailed("restore", f"manifest {self.backup} is no longer the one that was planned")
        return head


def book_of(ctx: StepContext) -> EvidenceBook:
    name = f"restores/{ctx.run_id}/{ctx.step_id}.uploads.json"
    return EvidenceBook(ctx.evidence, name, ctx.now, ctx.monotonic)


class Carrier:
    """Brings one object after the other, within one slice. The first is begun anyhow: a slice gets somewhere."""

    def __init__(self, ctx: StepContext, source_region: str, must_leave_off: Callable[[], bool]) -> None:
        """`must_leave_off` is asked between the parts of a large one."""
        self._vault, self._must_leave_off = ctx.aws.vault, must_leave_off
        self._lane = ctx.aws.s3_lane(source_region=source_region, connections=CONNECTIONS)
        self._book = book_of(ctx)
        self._has_begun = False

    @property
    def largest_copy(self) -> int:
        """Of what is larger, parts are copied."""
        return self._lane.largest_copy

    def bring(
        self, entry: Entry, origin: Object, target: Object, *, over: str | None, is_too_late: Callable[[], bool]
    ) -> Came:
        """`over`: the ETag of what may be replaced; None: nothing may."""
        if self._has_begun and is_too_late():
            return Came.LEFT
        self._has_begun = True
        try:
            if entry.size > self.largest_copy:
                return self._bring_in_parts(entry, origin, target, over)
            brought = self._vault.copy_version((*origin, entry.version), target, over=over)
        except AwsNotFound as exc:
            if exc.code == "NoSuchUpload":
                raise
            return Came.LOST
        return Came.BROUGHT if brought else Came.BEATEN

    def _bring_in_parts(self, entry: Entry, origin: Object, target: Object, over: str | None) -> Came:
        try:
            self._lane.copy(
                origin,
                target,
                size=entry.size,
                etag=entry.expected_etag,
                source_version=entry.version,
                cancelled=self._must_leave_off,
                book=self._book,
                only_if={"If-Match": f'"{over}"'} if over else {"If-None-Match": "*"},
            )
        except CopyCancelled:
            return Came.LEFT
        except AwsInvalid as exc:
            if exc.code in _BEATEN and exc.operation == "s3:CompleteMultipartUpload":
                return Came.BEATEN
            raise
        return Came.BROUGHT


class Bringer:
    """Within one slice. The clock is asked before every object, and between the parts of a large one."""

    def __init__(self, ctx: StepContext, restore: Restore) -> None:
        self._ctx, self._restore = ctx, restore
        self._carrier = Carrier(ctx, restore.region, self.must_leave_off)
        self._began = ctx.monotonic()

    @property
    def took_s(self) -> float:
        return self._ctx.monotonic() - self._began

    def must_leave_off(self) -> bool:
        return self._ctx.cancelled() or self.took_s >= self._ctx.budget_s

    def bring_all(self, wanted: list[Fated]) -> list[Came]:
        if self._ctx.copies_at_once == 0:
            return [self._bring(fated) for fated in wanted]
        with ThreadPoolExecutor(self._ctx.copies_at_once) as pool:
            return list(pool.map(self._bring, wanted))

    def _bring(self, fated: Fated) -> Came:
        restore, key = self._restore, fated.entry.key
        origin, target = (restore.bucket, restore.prefix + key), (restore.to_bucket, restore.to_prefix + key)
        return self._carrier.bring(fated.entry, origin, target, over=fated.over, is_too_late=self.must_leave_off)


def tidy(ctx: StepContext) -> None:
    """Nobody goes on with what was left unfinished in parts."""
    book_of(ctx).abort_all(ctx.aws.s3_lane())
