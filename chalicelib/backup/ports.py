"""What the mirror needs of the world. `aws.s3_lane.S3Lane` is the real lane; tests have twins of it."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from chalicelib.backup.entry import Entry

Cancelled = Callable[[], bool]
"""Asked before every copy and between the parts of one; True ends the work as soon as nothing is half-done."""


class CopyAnswer(Protocol):
    """A copy's version id (None: the bucket has no versions) and its own ETag, without quotes."""

    @property
    def version(self) -> str | None: ...

    @property
    def etag(self) -> str: ...


class ListingLane(Protocol):
    def list_pages(
        self, bucket: str, prefix: str = "", start_after: str | None = None
    ) -> Iterator[Sequence[tuple[str, int, str]]]:
        """Pages of (full key, size, ETag without quotes), one request each, in order of keys."""
        ...


class CopyLane(ListingLane, Protocol):
    def copy(
        self, source: tuple[str, str], target: tuple[str, str], *, size: int, etag: str, cancelled: Cancelled
    ) -> CopyAnswer:
        """Copies (bucket, key) to (bucket, key) if the source still has this ETag; in parts where it is too large.

        Raises AwsError with the code `PreconditionFailed` when it changed, CopyCancelled when cancelled between parts.
        """
        ...


class MarkerLane(Protocol):
    def put_delete_marker(self, bucket: str, key: str) -> None:
        """DELETE without a version id: what was there stays as a version."""
        ...


class Sink(Protocol):
    """Takes the lines of the new manifest, in order of keys."""

    def add(self, entry: Entry) -> None: ...
