"""S3, what nobody sees and everybody pays for: uploads that never ended, and versions that are not current."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.aws.translate import calling
from chalicelib.errors import AwsNotFound

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class Upload:
    key: str
    id: str
    began_at: datetime


@dataclass(frozen=True)
class Parts:
    """What an upload holds so far."""

    bytes: int
    newest_at: datetime | None


@dataclass(frozen=True)
class Noncurrent:
    versions: int
    bytes: int
    complete: bool
    """False: there are more than were counted."""


class Leftovers:
    def __init__(self, client: "S3Client") -> None:
        self._client = client

    def uploads(self, bucket: str, prefix: str) -> Iterator[Upload]:
        """In the order of their keys; one page is held at a time."""
        with calling("s3:ListBucketMultipartUploads"):
            pages = self._client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix)
            for page in pages:
                for raw in page.get("Uploads", []):
                    yield Upload(raw["Key"], raw["UploadId"], raw["Initiated"].astimezone(UTC))

    def parts(self, bucket: str, key: str, upload: str) -> Parts | None:
        """None: it ended meanwhile, or somebody aborted it."""
        try:
            with calling("s3:ListMultipartUploadParts"):
                pages = self._client.get_paginator("list_parts").paginate(Bucket=bucket, Key=key, UploadId=upload)
                found = [part for page in pages for part in page.get("Parts", [])]
        except AwsNotFound:
            return None
        newest = max((part["LastModified"].astimezone(UTC) for part in found if "LastModified" in part), default=None)
        return Parts(sum(part.get("Size", 0) for part in found), newest)

    def abort(self, bucket: str, key: str, upload: str) -> None:
        try:
            with calling("s3:AbortMultipartUpload"):
                self._client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
        except AwsNotFound:
            return  # already gone is what was wanted

    def noncurrent(self, bucket: str, prefix: str, most_pages: int) -> Noncurrent:
        """Counts at most so many pages of a thousand versions, and says whether that was all."""
        asked: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix}
        versions = size = 0
        for _ in range(most_pages):
            with calling("s3:ListBucketVersions"):
                answer: Any = self._client.list_object_versions(**asked)
            old = [raw for raw in answer.get("Versions", []) if not raw.get("IsLatest")]
            versions, size = versions + len(old), size + sum(raw.get("Size", 0) for raw in old)
            if not answer.get("IsTruncated"):
                return Noncurrent(versions, size, complete=True)
            asked |= {"KeyMarker": answer["NextKeyMarker"], "VersionIdMarker": answer.get("NextVersionIdMarker", "")}
        return Noncurrent(versions, size, complete=False)
