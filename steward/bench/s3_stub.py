"""An S3 as fast as Python can be: counts requests by kind, misbehaves when told to, and checks no signature."""

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from urllib.parse import parse_qsl, unquote

from steward.bench.s3_stub_store import Bucket, Stored, copied_etag, list_xml

Reply = tuple[int, dict[str, str], bytes]
Fault = Callable[["Asked"], "Reply | str | None"]
"""Sees every request first: answers it, or says "reset" (connection broken), "short" (answer cut), or None."""

_XML = "application/xml"
_KEPT = ("cache-control", "content-disposition", "content-encoding", "content-language", "content-type", "expires")


@dataclass(slots=True)
class Asked:
    kind: str
    method: str
    bucket: str
    key: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


def error(status: int, code: str, message: str = "told to") -> Reply:
    return status, {}, f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()


class S3Stub:
    """The operations, apart from any connection."""

    def __init__(self) -> None:
        self.buckets: dict[str, Bucket] = {}
        self.counts: Counter[str] = Counter()
        self.uploads: dict[str, tuple[str, str, dict[str, str], dict[int, int]]] = {}
        self.fault: Fault = lambda _: None
        self.foreign = False
        self.connections: set[asyncio.Transport] = set()
        self._numbers = count(1)
        self._operations: dict[str, Callable[[Asked, Bucket], Reply]] = {
            "HeadBucket": self._head_bucket,
            "GetBucketLocation": self._get_bucket_location,
            "ListObjectsV2": self._list_objects,
            "CopyObject": self._copy_object,
            "PutObject": self._put_object,
            "HeadObject": self._head_object,
            "GetObject": self._get_object,
            "DeleteObject": self._delete_object,
            "DeleteVersion": self._delete_version,
            "CreateMultipartUpload": self._create_multipart_upload,
            "UploadPartCopy": self._upload_part_copy,
            "CompleteMultipartUpload": self._complete_multipart_upload,
            "AbortMultipartUpload": self._abort_multipart_upload,
            "GetObjectTagging": self._get_object_tagging,
            "ListObjects": self._list_objects,
        }

    def answer(self, asked: Asked) -> "Reply | str":
        self.counts[asked.kind] += 1
        wrong = self.fault(asked)
        if wrong is not None and wrong != "short":
            return wrong
        bucket = self.buckets.get(asked.bucket)
        if bucket is None:
            return error(404, "NoSuchBucket")
        reply = self._operations.get(asked.kind, self._unknown)(asked, bucket)
        if wrong == "short":
            return reply[0], {**reply[1], "-stub-short": "1"}, reply[2]
        return reply

    def _unknown(self, asked: Asked, _bucket: Bucket) -> Reply:
        return error(501, "NotImplemented", asked.kind)

    def _head_bucket(self, _asked: Asked, _bucket: Bucket) -> Reply:
        return 200, {"x-amz-bucket-region": "us-east-1"}, b""

    def _get_bucket_location(self, _asked: Asked, _bucket: Bucket) -> Reply:
        return 200, {}, b"<LocationConstraint/>"

    def _list_objects(self, asked: Asked, bucket: Bucket) -> Reply:
        return 200, {"Content-Type": _XML}, list_xml(bucket, asked.query, foreign=self.foreign)

    def _copy_object(self, asked: Asked, bucket: Bucket) -> Reply:
        source = self._source(asked)
        if not isinstance(source, Stored):
            return source
        encrypted = asked.headers.get("x-amz-server-side-encryption") == "aws:kms"
        made = bucket.put(asked.key, source.size, copied_etag(source, bucket, encrypted), source.body, source.headers)
        return 200, _of(made), _etag_xml("CopyObjectResult", made.etag)

    def _source(self, asked: Asked) -> "Stored | Reply":
        path, _, version = asked.headers["x-amz-copy-source"].partition("?versionId=")
        name, _, key = unquote(path).removeprefix("/").partition("/")
        source = self.buckets[name].find(key, version or None) if name in self.buckets else None
        if source is None:
            return error(404, "NoSuchKey")
        wanted = asked.headers.get("x-amz-copy-source-if-match")
        if wanted is not None and wanted.strip('"') != source.etag:
            return error(412, "PreconditionFailed")
        return source

    def _put_object(self, asked: Asked, bucket: Bucket) -> Reply:
        etag = hashlib.md5(asked.body, usedforsecurity=False).hexdigest()
        made = bucket.put(asked.key, len(asked.body), etag, asked.body, _remembered(asked.headers))
        return 200, _of(made), b""

    def _head_object(self, asked: Asked, bucket: Bucket) -> Reply:
        found = bucket.find(asked.key, asked.query.get("versionId"))
        if found is None:
            return 404, {}, b""
        return 200, {**_of(found), **found.headers, "Content-Length": str(found.size)}, b""

    def _get_object(self, asked: Asked, bucket: Bucket) -> Reply:
        found = bucket.find(asked.key, asked.query.get("versionId"))
        if found is None:
            return error(404, "NoSuchKey")
        body = found.body if found.body is not None else bytes(found.size)
        if "range" in asked.headers:
            first, _, last = asked.headers["range"].removeprefix("bytes=").partition("-")
            return 206, {**_of(found), **found.headers}, body[int(first) : int(last) + 1 if last else None]
        return 200, {**_of(found), **found.headers}, body

    def _delete_object(self, asked: Asked, bucket: Bucket) -> Reply:
        return 204, {"x-amz-delete-marker": "true", "x-amz-version-id": bucket.mark_deleted(asked.key)}, b""

    def _delete_version(self, _asked: Asked, bucket: Bucket) -> Reply:
        bucket.deleted_versions += 1
        return 204, {}, b""

    def _create_multipart_upload(self, asked: Asked, _bucket: Bucket) -> Reply:
        upload = f"upload-{next(self._numbers)}"
        self.uploads[upload] = (asked.bucket, asked.key, _remembered(asked.headers), {})
        xml = f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
        return 200, {}, xml.encode()

    def _upload_part_copy(self, asked: Asked, _bucket: Bucket) -> Reply:
        source = self._source(asked)
        if not isinstance(source, Stored):
            return source
        if asked.query["uploadId"] not in self.uploads:
            return error(404, "NoSuchUpload")
        first, _, last = asked.headers["x-amz-copy-source-range"].removeprefix("bytes=").partition("-")
        number = int(asked.query["partNumber"])
        self.uploads[asked.query["uploadId"]][3][number] = int(last) - int(first) + 1
        return 200, {}, _etag_xml("CopyPartResult", f"part{number}")

    def _complete_multipart_upload(self, asked: Asked, bucket: Bucket) -> Reply:
        upload = self.uploads.pop(asked.query["uploadId"], None)
        if upload is None:
            return error(404, "NoSuchUpload")
        sizes = upload[3]
        digest = hashlib.md5(repr(sizes).encode(), usedforsecurity=False).hexdigest()
        made = bucket.put(asked.key, sum(sizes.values()), f"{digest}-{len(sizes)}", None, upload[2])
        return 200, _of(made), b"   " + _etag_xml("CompleteMultipartUploadResult", made.etag)

    def _abort_multipart_upload(self, asked: Asked, _bucket: Bucket) -> Reply:
        return (204, {}, b"") if self.uploads.pop(asked.query["uploadId"], None) else error(404, "NoSuchUpload")

    def _get_object_tagging(self, asked: Asked, bucket: Bucket) -> Reply:
        found = bucket.find(asked.key)
        pairs = parse_qsl(found.headers.get("-stub-tags", "")) if found else []
        tags = "".join(f"<Tag><Key>{name}</Key><Value>{value}</Value></Tag>" for name, value in pairs)
        return 200, {}, f"<Tagging><TagSet>{tags}</TagSet></Tagging>".encode()

    def told(self, path: str, query: dict[str, str]) -> Reply:
        """`/-stub/…`: what benchmarks in another process need to say and to know."""
        touched = 0
        if path == "seed":
            bucket = self.buckets[query["bucket"]] = Bucket(query["bucket"], kms=query.get("kms") == "1")
            numbers = [int(query.get(name, "0")) for name in ("number", "size", "large", "large_bytes")]
            bucket.seed(*numbers)
        elif path == "touch":
            touched = self.buckets[query["bucket"]].touch(int(query["every"]), int(query.get("below", str(2**60))))
        elif path == "forget":
            self.counts.clear()
        sizes = {name: len(bucket.keys) for name, bucket in self.buckets.items()}
        return 200, {}, json.dumps({"requests": self.counts, "objects": sizes, "touched": touched}).encode()


def _of(stored: Stored) -> dict[str, str]:
    tags = len(parse_qsl(stored.headers.get("-stub-tags", "")))
    told = {
        "ETag": f'"{stored.etag}"',
        "x-amz-version-id": stored.version,
        "Last-Modified": "Fri, 20 Nov 2026 10:00:00 GMT",
    }
    return {**told, "x-amz-tagging-count": str(tags)} if tags else told


def _etag_xml(root: str, etag: str) -> bytes:
    when = "<LastModified>2026-11-20T10:00:00.000Z</LastModified>"
    return f'<?xml version="1.0"?><{root}>{when}<ETag>&quot;{etag}&quot;</ETag></{root}>'.encode()


def _remembered(headers: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in headers.items() if name in _KEPT or name.startswith("x-amz-meta-")}
    return {**kept, "-stub-tags": headers["x-amz-tagging"]} if "x-amz-tagging" in headers else kept
