"""Copying what CopyObject does not take: in parts, side by side, and leaving nothing behind that nobody knows of.

Costs the parts, two requests around them, and a HEAD: a copy in parts forgets metadata, so it is read and set again
(tags cost one more where there are any). With a book, a copy that is left off for want of time is gone on with later
and copies each part once.
"""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from chalicelib.aws.s3_lane_address import copy_source
from chalicelib.aws.s3_lane_uploads import NoBook, Unfinished, UploadBook
from chalicelib.aws.s3_lane_wire import Answer, Ask, Wire
from chalicelib.aws.s3_lane_xml import bare, read_field, read_tags
from chalicelib.errors import AwsError, AwsInvalid, AwsNotFound, CopyCancelled

if TYPE_CHECKING:
    from chalicelib.aws.s3_lane import Head, LaneCopy

MOST_PARTS = 10_000
_MB = 1024**2
_BYTES_A_SECOND = 20 * _MB
"""The slowest part that is still waited for."""
_KEPT = ("cache-control", "content-disposition", "content-encoding", "content-language", "content-type", "expires")
_KEPT_PREFIX = "x-amz-meta-"
_TAG_COUNT = "x-amz-tagging-count"
_NO_UPLOAD = "NoSuchUpload"
_SKEW = timedelta(minutes=5)
"""Between the book's clock and the dates that S3 writes."""


@dataclass(frozen=True, slots=True)
class PartRules:
    size: int = 256 * _MB
    side_by_side: int = 8

    def part_size(self, whole: int) -> int:
        """Larger where there would be too many parts."""
        return max(self.size, -(-whole // MOST_PARTS))

    def ranges(self, whole: int) -> list[tuple[int, int]]:
        return cut(whole, self.part_size(whole))


def cut(whole: int, size: int) -> list[tuple[int, int]]:
    """First and last byte of every part."""
    return [(start, min(start + size, whole) - 1) for start in range(0, whole, size)]


@dataclass(frozen=True, slots=True)
class PartCopy:
    source: tuple[str, str]
    target: tuple[str, str]
    size: int
    etag: str
    source_version: str | None

    only_if: Mapping[str, str] = field(default_factory=dict)
    """Headers on completion: what may stand at the target meanwhile."""

    def run(
        self,
        wires: tuple[Wire, Wire],
        rules: PartRules,
        encrypted: Mapping[str, str],
        cancelled: Callable[[], bool],
        book: UploadBook | None = None,
    ) -> "LaneCopy":
        """`wires`: of the target's region and of the source's.

        CopyCancelled with a book: what is there by then is noted in it, and gone on with the next time.
        """
        wire, source_wire = wires
        noted = book.find(*self.target) if book else None
        if noted is not None and not self._is_of(noted):
            self._abort(wire, noted, book)  # of an object that changed since: its parts are of no use
            noted = None
        if noted is not None:
            try:
                return self._carried_on(wire, noted, rules, cancelled, book)
            except AwsNotFound as exc:
                if exc.code != _NO_UPLOAD:
                    raise
                # somebody else aborted it, as a bucket's lifecycle does after some days
        if cancelled():
            raise CopyCancelled(self.target[1])
        headers = {**self._remembered(source_wire), **encrypted}
        return self._carried_on(wire, self._begin(wire, headers, rules, book), rules, cancelled, book)

    def _is_of(self, noted: Unfinished) -> bool:
        return (noted.etag, noted.size, noted.version) == (self.etag, self.size, self.source_version)

    def _carried_on(
        self,
        wire: Wire,
        upload: Unfinished,
        rules: PartRules,
        cancelled: Callable[[], bool],
        book: UploadBook | None,
    ) -> "LaneCopy":
        try:
            self._parts(wire, upload, rules, cancelled, book or NoBook())
            made = self._complete(wire, upload, cancelled)
        except CopyCancelled:
            if book:
                book.left_off(upload)
            else:
                self._abort(wire, upload, book)
            raise
        except Exception:  # boundary: whatever happened, unfinished parts cost money until they are aborted
            self._abort(wire, upload, book)
            raise
        if book:
            book.over(upload)
        return made

    def _remembered(self, source_wire: Wire) -> dict[str, str]:
        from chalicelib.aws.s3_lane import headed

        query = (("versionId", self.source_version),) if self.source_version else ()
        head = source_wire.send(Ask("HeadObject", "HEAD", *self.source, query), headed)
        if (head.etag, head.size) != (self.etag, self.size):
            raise AwsInvalid("s3:HeadObject", "PreconditionFailed", "the object changed since it was listed")
        kept = {
            name.lower(): value
            for name, value in head.headers.items()
            if name.lower() in _KEPT or name.lower().startswith(_KEPT_PREFIX)
        }
        if int(head.headers.get(_TAG_COUNT) or 0):
            ask = Ask("GetObjectTagging", "GET", *self.source, (("tagging", ""), *query))
            tags = source_wire.send(ask, lambda answer: read_tags(answer.body))
            kept["x-amz-tagging"] = urlencode(tags)
        return kept

    def _begin(self, wire: Wire, headers: Mapping[str, str], rules: PartRules, book: UploadBook | None) -> Unfinished:
        ask = Ask("CreateMultipartUpload", "POST", *self.target, (("uploads", ""),), headers)
        upload = wire.send(ask, lambda answer: read_field(answer.body, "UploadId"))
        begun = Unfinished(*self.target, upload, self.etag, self.size, self.source_version, rules.part_size(self.size))
        if book:
            book.begun(begun)
        return begun

    def _parts(
        self, wire: Wire, upload: Unfinished, rules: PartRules, cancelled: Callable[[], bool], book: UploadBook
    ) -> None:
        stop = threading.Event()

        def one(number: int, first: int, last: int) -> None:
            if stop.is_set() or cancelled():
                raise CopyCancelled(self.target[1])
            book.part(upload, number, self._part(wire, upload.upload, number, first, last, cancelled))

        ranges = cut(self.size, upload.part_size)
        missing = [(number, *span) for number, span in enumerate(ranges, start=1) if number not in upload.parts]
        with ThreadPoolExecutor(rules.side_by_side, thread_name_prefix="part") as pool:
            found: list[Future[None]] = [pool.submit(one, *each) for each in missing]
            wait(found, return_when=FIRST_EXCEPTION)
            stop.set()  # the rest of a failed copy need not be tried
        errors = [error for each in found if (error := each.exception()) is not None]
        # the first real reason before the cancellations that it caused
        for error in sorted(errors, key=lambda each: isinstance(each, CopyCancelled)):
            raise error

    def _part(self, wire: Wire, upload: str, number: int, first: int, last: int, cancelled: Callable[[], bool]) -> str:
        headers = {
            "x-amz-copy-source": copy_source(*self.source, self.source_version),
            "x-amz-copy-source-if-match": f'"{self.etag}"',
            "x-amz-copy-source-range": f"bytes={first}-{last}",
        }
        query = (("partNumber", str(number)), ("uploadId", upload))
        ask = Ask(
            "UploadPartCopy", "PUT", *self.target, query, headers, timeout_s=30 + (last - first) / _BYTES_A_SECOND
        )
        return wire.send(ask, lambda answer: bare(read_field(answer.body, "ETag")), give_up=cancelled)

    def _complete(self, wire: Wire, upload: Unfinished, cancelled: Callable[[], bool]) -> "LaneCopy":
        from chalicelib.aws.s3_lane import LaneCopy

        def completed(answer: Answer) -> LaneCopy:
            etag = bare(read_field(answer.body, "ETag"))
            return LaneCopy(answer.headers.get("x-amz-version-id"), etag)

        rows = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>&quot;{escape(etag)}&quot;</ETag></Part>"
            for number, etag in sorted(upload.parts.items())
        )
        body = f"<CompleteMultipartUpload>{rows}</CompleteMultipartUpload>".encode()
        query = (("uploadId", upload.upload),)
        ask = Ask("CompleteMultipartUpload", "POST", *self.target, query, self.only_if, body, timeout_s=60)
        try:
            return wire.send(ask, completed, give_up=cancelled)
        except AwsError as exc:
            found = self._done_before(wire, upload) if exc.code == _NO_UPLOAD else None
            if found is None:
                raise
            return LaneCopy(found.version, found.etag)

    def _done_before(self, wire: Wire, upload: Unfinished) -> "Head | None":
        """The first answer was lost and the upload is complete: what stands there has our size and our parts.

        So may have the copy of an earlier state, where the upload was aborted between two slices: it is older.
        """
        from chalicelib.aws.s3_lane import headed

        head = wire.send(Ask("HeadObject", "HEAD", *self.target), headed)
        is_ours = head.size == self.size and head.etag.endswith(f"-{len(upload.parts)}")
        return head if is_ours and not _is_older(head, upload.began_at) else None

    def _abort(self, wire: Wire, upload: Unfinished, book: UploadBook | None) -> None:
        abort(wire, upload)
        if book:
            book.over(upload)


def abort(wire: Wire, upload: Unfinished) -> None:
    try:
        ask = Ask("AbortMultipartUpload", "DELETE", upload.bucket, upload.key, (("uploadId", upload.upload),))
        wire.send(ask, lambda _: None)
    except AwsError:
        return  # the bucket's lifecycle aborts what is left over; the reason we came here matters more


def _is_older(head: "Head", began_at: datetime | None) -> bool:
    written = head.headers.get("last-modified")
    return began_at is not None and written is not None and parsedate_to_datetime(written) < began_at - _SKEW
