"""The S3 lane: listing and copying at the speed that backups need. Botocore's client stays for everything else.

It satisfies `backup.ports` by shape (rooms of one layer do not import each other). A wire is signed for one region, and
S3 answers 301 to any other: list with the lane of the bucket's region, copy with the lane of the target's. What a copy
in parts has to read of the source goes by a second wire, where the source is in another region.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.aws.s3_lane_address import copy_source
from chalicelib.aws.s3_lane_wire import Answer, Ask, Headers, Wire
from chalicelib.aws.s3_lane_xml import ListPage, Row, UnreadableAnswer, bare, read_field, read_page
from chalicelib.errors import AwsUnavailable

if TYPE_CHECKING:
    from chalicelib.aws.s3_lane_parts import PartRules
    from chalicelib.aws.s3_lane_uploads import Unfinished, UploadBook

Cancelled = Callable[[], bool]

LARGEST_COPY = 1024**3
"""CopyObject takes up to five times as much, is silent for minutes then, and cannot be gone on with: parts can."""
_COPY_BYTES_A_SECOND = 20 * 1024**2
"""The slowest copy that is still waited for; S3 is several times faster, and silent until it is done."""
CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class LaneCopy:
    version: str | None
    etag: str


@dataclass(frozen=True, slots=True)
class Head:
    size: int
    etag: str
    version: str | None
    headers: Headers


class S3Lane:
    def __init__(
        self,
        wire: Wire,
        *,
        source_wire: Wire | None = None,
        kms_key: str | None = None,
        largest_copy: int = LARGEST_COPY,
        parts: "PartRules | None" = None,
    ) -> None:
        """`source_wire`: for the region that is copied from; None: it is the same.
        `kms_key`: what copies are encrypted with; None: as the target bucket does by default."""
        self._wire, self._source_wire = wire, source_wire or wire
        self._encrypted = encryption_headers(kms_key)
        self._parts = parts
        self.largest_copy = largest_copy
        """In bytes; what is larger is copied in parts."""

    @property
    def requests(self) -> Mapping[str, int]:
        """Sent so far by kind, with `retries` among them counted again under that name."""
        wires = {id(wire): wire for wire in (self._wire, self._source_wire)}
        return dict(sum((wire.requests for wire in wires.values()), Counter[str]()))

    def list_pages(self, bucket: str, prefix: str = "", start_after: str | None = None) -> Iterator[list[Row]]:
        """Pages of (key, size, ETag), one request each; a next page only when it is asked for."""
        query = (("list-type", "2"), ("encoding-type", "url"), *((("prefix", prefix),) if prefix else ()))
        place: tuple[tuple[str, str], ...] = (("start-after", start_after),) if start_after else ()
        while True:
            page: ListPage = self._wire.send(
                Ask("ListObjectsV2", "GET", bucket, query=(*query, *place)), lambda answer: read_page(answer.body)
            )
            yield page.rows
            if not page.is_truncated:
                return
            if page.next_token is not None:
                place = (("continuation-token", page.next_token),)
            elif page.rows:  # a server without tokens
                place = (("start-after", page.rows[-1][0]),)
            else:
                raise AwsUnavailable("s3:ListObjectsV2", "UnreadableAnswer", "an empty page that is not the last")

    def copy(
        self,
        source: tuple[str, str],
        target: tuple[str, str],
        *,
        size: int,
        etag: str,
        cancelled: Cancelled = lambda: False,
        source_version: str | None = None,
        book: "UploadBook | None" = None,
        only_if: Mapping[str, str] | None = None,
    ) -> LaneCopy:
        """Copies (bucket, key) with its metadata and tags, if it still has this ETag. Done twice it is done once more.

        AwsInvalid `PreconditionFailed`: it changed, or `only_if` (headers about the target) does not hold.
        Cancelled between parts or attempts: CopyCancelled, and nothing is left but what stands in the `book`.
        """
        if size > self.largest_copy:
            from chalicelib.aws.s3_lane_parts import PartCopy, PartRules

            asked = PartCopy(source, target, size, etag, source_version, only_if or {})
            wires = self._wire, self._source_wire
            return asked.run(wires, self._parts or PartRules(), self._encrypted, cancelled, book)
        headers = {  # metadata and tags come along by default
            "x-amz-copy-source": copy_source(*source, source_version),
            "x-amz-copy-source-if-match": f'"{etag}"',
            **self._encrypted,
            **(only_if or {}),
        }
        ask = Ask("CopyObject", "PUT", *target, headers=headers, timeout_s=30 + size / _COPY_BYTES_A_SECOND)
        return self._wire.send(ask, _copied, give_up=cancelled)

    def abort(self, unfinished: "Unfinished") -> None:
        from chalicelib.aws.s3_lane_parts import abort

        abort(self._wire, unfinished)

    def put_delete_marker(self, bucket: str, key: str) -> None:
        """What was there stays as a version (S17): no version is named here, and the wire refuses to name one."""
        self._wire.send(Ask("DeleteObject", "DELETE", bucket, key), lambda _: None)

    def put(self, bucket: str, key: str, body: bytes, content_type: str = "application/octet-stream") -> LaneCopy:
        headers = {"Content-Type": content_type, **self._encrypted}
        return self._wire.send(
            Ask("PutObject", "PUT", bucket, key, headers=headers, body=body),
            lambda answer: LaneCopy(_version(answer), bare(answer.headers.get("etag"))),
        )

    def head(self, bucket: str, key: str, version: str | None = None) -> Head:
        query = (("versionId", version),) if version else ()
        return self._wire.send(Ask("HeadObject", "HEAD", bucket, key, query), headed)

    def read(
        self, bucket: str, key: str, *, version: str | None = None, start: int = 0, length: int | None = None
    ) -> Iterator[bytes]:
        """The object (or `length` bytes from `start`) in chunks. Not tried again once it has begun."""
        query = (("versionId", version),) if version else ()
        end = "" if length is None else str(start + length - 1)
        headers = {"Range": f"bytes={start}-{end}"} if start or length is not None else {}
        yield from self._wire.stream(Ask("GetObject", "GET", bucket, key, query, headers, timeout_s=60), CHUNK)


def encryption_headers(kms_key: str | None) -> dict[str, str]:
    if kms_key is None:
        return {}
    return {
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": kms_key,
        # one key a bucket, not one a copy: KMS would be asked, and paid, a million times
        "x-amz-server-side-encryption-bucket-key-enabled": "true",
    }


def _version(answer: Answer) -> str | None:
    return answer.headers.get("x-amz-version-id")


def _copied(answer: Answer) -> LaneCopy:
    return LaneCopy(_version(answer), bare(read_field(answer.body, "ETag")))


def headed(answer: Answer) -> Head:
    etag, length = bare(answer.headers.get("etag")), answer.headers.get("content-length")
    if not etag or length is None:
        raise UnreadableAnswer("a HEAD without an ETag or a length")
    return Head(int(length), etag, _version(answer), answer.headers)
