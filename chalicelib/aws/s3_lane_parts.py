"""Copying what CopyObject does not take: in parts, side by side, and leaving nothing unfinished behind.

Costs the parts, two requests around them, and a HEAD: a copy in parts forgets metadata, so it is read and set again
(tags cost one more where there are any).
"""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from chalicelib.aws.s3_lane_address import copy_source
from chalicelib.aws.s3_lane_wire import Answer, Ask, Wire
from chalicelib.aws.s3_lane_xml import bare, read_field, read_tags
from chalicelib.errors import AwsError, AwsInvalid, CopyCancelled

if TYPE_CHECKING:
    from chalicelib.aws.s3_lane import Head, LaneCopy

MOST_PARTS = 10_000
_MB = 1024**2
_KEPT = ("cache-control", "content-disposition", "content-encoding", "content-language", "content-type", "expires")
_KEPT_PREFIX = "x-amz-meta-"
_TAG_COUNT = "x-amz-tagging-count"


@dataclass(frozen=True, slots=True)
class PartRules:
    size: int = 256 * _MB
    side_by_side: int = 8

    def ranges(self, whole: int) -> list[tuple[int, int]]:
        """First and last byte of every part; larger parts where there would be too many."""
        least = -(-whole // MOST_PARTS)
        size = max(self.size, least)
        return [(start, min(start + size, whole) - 1) for start in range(0, whole, size)]


@dataclass(frozen=True, slots=True)
class PartCopy:
    source: tuple[str, str]
    target: tuple[str, str]
    size: int
    etag: str
    source_version: str | None

    def run(
        self, wire: Wire, rules: PartRules, encrypted: Mapping[str, str], cancelled: Callable[[], bool]
    ) -> "LaneCopy":
        upload = self._begin(wire, {**self._remembered(wire), **encrypted})
        try:
            etags = self._parts(wire, upload, rules, cancelled)
            return self._complete(wire, upload, etags)
        except BaseException:  # boundary: whatever happened, unfinished parts cost money until they are aborted
            self._abort(wire, upload)
            raise

    def _remembered(self, wire: Wire) -> dict[str, str]:
        from chalicelib.aws.s3_lane import headed

        query = (("versionId", self.source_version),) if self.source_version else ()
        head = wire.send(Ask("HeadObject", "HEAD", *self.source, query), headed)
        if (head.etag, head.size) != (self.etag, self.size):
            raise AwsInvalid("s3:HeadObject", "PreconditionFailed", "the object changed since it was listed")
        kept = {
            name.lower(): value
            for name, value in head.headers.items()
            if name.lower() in _KEPT or name.lower().startswith(_KEPT_PREFIX)
        }
        if int(head.headers.get(_TAG_COUNT) or 0):
            tags = wire.send(
                Ask("GetObjectTagging", "GET", *self.source, (("tagging", ""), *query)), lambda a: read_tags(a.body)
            )
            kept["x-amz-tagging"] = urlencode(tags)
        return kept

    def _begin(self, wire: Wire, headers: Mapping[str, str]) -> str:
        ask = Ask("CreateMultipartUpload", "POST", *self.target, (("uploads", ""),), headers)
        return wire.send(ask, lambda answer: read_field(answer.body, "UploadId"))

    def _parts(self, wire: Wire, upload: str, rules: PartRules, cancelled: Callable[[], bool]) -> list[str]:
        stop = threading.Event()

        def one(number: int, first: int, last: int) -> str:
            if stop.is_set() or cancelled():
                raise CopyCancelled(self.target[1])
            return self._part(wire, upload, number, first, last)

        with ThreadPoolExecutor(rules.side_by_side, thread_name_prefix="part") as pool:
            found: list[Future[str]] = [
                pool.submit(one, number, first, last)
                for number, (first, last) in enumerate(rules.ranges(self.size), start=1)
            ]
            wait(found, return_when=FIRST_EXCEPTION)
            stop.set()  # the rest of a failed copy need not be tried
        for each in found:  # the first real reason before the cancellations that it caused
            error = each.exception()
            if error is not None and not isinstance(error, CopyCancelled):
                raise error
        return [each.result() for each in found]

    def _part(self, wire: Wire, upload: str, number: int, first: int, last: int) -> str:
        headers = {
            "x-amz-copy-source": copy_source(*self.source, self.source_version),
            "x-amz-copy-source-if-match": f'"{self.etag}"',
            "x-amz-copy-source-range": f"bytes={first}-{last}",
        }
        query = (("partNumber", str(number)), ("uploadId", upload))
        ask = Ask("UploadPartCopy", "PUT", *self.target, query, headers, timeout_s=300)
        return wire.send(ask, lambda answer: bare(read_field(answer.body, "ETag")))

    def _complete(self, wire: Wire, upload: str, etags: list[str]) -> "LaneCopy":
        from chalicelib.aws.s3_lane import LaneCopy

        def completed(answer: Answer) -> LaneCopy:
            etag = bare(read_field(answer.body, "ETag"))
            return LaneCopy(answer.headers.get("x-amz-version-id"), etag)

        rows = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>&quot;{escape(etag)}&quot;</ETag></Part>"
            for number, etag in enumerate(etags, start=1)
        )
        body = f"<CompleteMultipartUpload>{rows}</CompleteMultipartUpload>".encode()
        ask = Ask("CompleteMultipartUpload", "POST", *self.target, (("uploadId", upload),), {}, body, timeout_s=300)
        try:
            return wire.send(ask, completed)
        except AwsError as exc:
            found = self._done_before(wire, len(etags)) if exc.code == "NoSuchUpload" else None
            if found is None:
                raise
            return LaneCopy(found.version, found.etag)

    def _done_before(self, wire: Wire, parts: int) -> "Head | None":
        """The first answer was lost and the upload is complete: what stands there has our size and our parts."""
        from chalicelib.aws.s3_lane import headed

        head = wire.send(Ask("HeadObject", "HEAD", *self.target), headed)
        return head if head.size == self.size and head.etag.endswith(f"-{parts}") else None

    def _abort(self, wire: Wire, upload: str) -> None:
        try:
            ask = Ask("AbortMultipartUpload", "DELETE", *self.target, (("uploadId", upload),))
            wire.send(ask, lambda _: None)
        except AwsError:
            return  # the bucket's lifecycle aborts what is left over; the reason we came here matters more
