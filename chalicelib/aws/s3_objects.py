"""S3, many objects: listing as a stream, copying inside a bucket, deleting by the thousand.

A listing that repeats itself or goes backwards is refused: what is deleted rests on it (S5).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.aws.translate import calling
from chalicelib.errors import AwsInvalid, AwsNotFound, ListingOutOfOrder

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MOST_AT_ONCE = 1000
"""DeleteObjects takes no more."""
_WHOLE = 5 * 1024**3
"""CopyObject copies no larger one; that goes in parts."""
_PART = 1024**3
_PIECE = 8 * 1024**2


@dataclass(frozen=True)
class StoredObject:
    key: str
    size: int
    etag: str
    changed_at: datetime


class S3Objects:
    def __init__(self, client: "S3Client") -> None:
        self._client = client

    def list(self, bucket: str, prefix: str) -> Iterator[StoredObject]:
        """In the order of their keys' bytes. One page is held at a time."""
        last, asked = "", dict[str, Any](Bucket=bucket, Prefix=prefix)
        while True:
            answer = self._page(asked)
            for raw in answer.get("Contents", []):
                key = raw["Key"]
                if last and key.encode() <= last.encode():
                    raise ListingOutOfOrder(f"bucket {bucket}", last, key)
                last = key
                yield StoredObject(key, raw["Size"], raw["ETag"].strip('"'), raw["LastModified"].astimezone(UTC))
            if not answer.get("IsTruncated"):
                return
            token = answer.get("NextContinuationToken")
            if not token or token == asked.get("ContinuationToken"):
                raise ListingOutOfOrder(f"bucket {bucket}", last, "the same page")
            asked["ContinuationToken"] = token

    def folders(self, bucket: str, prefix: str) -> Iterator[str]:
        """The names right below `prefix`, without slashes."""
        last, asked = "", dict[str, Any](Bucket=bucket, Prefix=prefix, Delimiter="/")
        while True:
            answer = self._page(asked)
            for raw in answer.get("CommonPrefixes", []):
                name = raw["Prefix"][len(prefix) :].rstrip("/")
                if last and name.encode() <= last.encode():
                    raise ListingOutOfOrder(f"bucket {bucket}", last, name)
                last = name
                yield name
            token = answer.get("NextContinuationToken")
            if not answer.get("IsTruncated"):
                return
            if not token or token == asked.get("ContinuationToken"):
                raise ListingOutOfOrder(f"bucket {bucket}", last, "the same page")
            asked["ContinuationToken"] = token

    def facts(self, bucket: str, key: str) -> tuple[int, str] | None:
        """Size and ETag. None: there is no such object."""
        try:
            with calling("s3:GetObject"):
                found = self._client.head_object(Bucket=bucket, Key=key)
        except AwsNotFound:
            return None
        return found["ContentLength"], found["ETag"].strip('"')

    def same_to(self, bucket: str, key: str, other: str, size: int, start: int, goes_on: Callable[[], bool]) -> int:
        """Compares byte for byte from `start`, a piece at a time and at least one: ETags of what was uploaded in
        parts, or is encrypted with a key of KMS, say nothing about its content. Returns to where the two are the
        same, which is `size` at their end; -1: they differ."""
        at = start
        while at < size and (at == start or goes_on()):
            upto = min(size, at + _PIECE)
            span = f"bytes={at}-{upto - 1}"
            if self._piece(bucket, key, span) != self._piece(bucket, other, span):
                return -1
            at = upto
        return at

    def _piece(self, bucket: str, key: str, span: str) -> bytes:
        with calling("s3:GetObject"):
            return self._client.get_object(Bucket=bucket, Key=key, Range=span)["Body"].read()

    def copy(self, bucket: str, key: str, to: str, size: int) -> None:
        """With its metadata and tags. AwsNotFound where there is nothing under `key`."""
        source: Any = {"Bucket": bucket, "Key": key}
        if size <= _WHOLE:
            with calling("s3:CopyObject"):
                self._client.copy_object(Bucket=bucket, Key=to, CopySource=source)
            return
        self._copy_parts(bucket, source, to, size)

    def _copy_parts(self, bucket: str, source: Any, to: str, size: int) -> None:  # noqa: ANN401 - as boto3 takes it
        with calling("s3:GetObject"):
            facts = self._client.head_object(**source)
        kept: Any = {name: facts[name] for name in ("ContentType", "Metadata") if name in facts}
        with calling("s3:CreateMultipartUpload"):
            upload = self._client.create_multipart_upload(Bucket=bucket, Key=to, **kept)["UploadId"]
        parts: list[Any] = []
        for number, start in enumerate(range(0, size, _PART), 1):
            span = f"bytes={start}-{min(size, start + _PART) - 1}"
            with calling("s3:UploadPartCopy"):
                done = self._client.upload_part_copy(
                    Bucket=bucket, Key=to, CopySource=source, CopySourceRange=span, PartNumber=number, UploadId=upload
                )
            parts.append({"PartNumber": number, "ETag": done["CopyPartResult"].get("ETag", "")})
        with calling("s3:CompleteMultipartUpload"):
            self._client.complete_multipart_upload(
                Bucket=bucket, Key=to, UploadId=upload, MultipartUpload={"Parts": parts}
            )

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        """At most a thousand. Already gone is success; in a bucket with versions a delete marker is set."""
        if not keys:
            return
        entries: Any = [{"Key": key} for key in keys]
        with calling("s3:DeleteObjects"):
            answer = self._client.delete_objects(Bucket=bucket, Delete={"Objects": entries, "Quiet": True})
        for error in answer.get("Errors", []):
            what = f"{error.get('Key')} could not be deleted, and maybe others"
            raise AwsInvalid("s3:DeleteObjects", error.get("Code", "Unknown"), what)

    def _page(self, asked: dict[str, Any]) -> Any:  # noqa: ANN401 - the client's own answer
        with calling("s3:ListBucket"):
            return self._client.list_objects_v2(**asked)
