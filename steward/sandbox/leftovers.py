"""What lies about in the world's account: unfinished uploads, noncurrent versions, logs that are kept for ever.

Only where a fault has left some; else, and for everything beside it, moto answers.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from steward.sandbox import place
from steward.sandbox.answers import Answers, Declined, Params

_PER_PAGE = 1000


@dataclass
class LeftUpload:
    key: str
    id: str
    began_at: datetime
    parts: list[tuple[int, datetime]]
    """Size, and when it came."""
    bucket: str = place.BUCKET

    def view(self) -> dict[str, Any]:
        return {"Key": self.key, "UploadId": self.id, "Initiated": self.began_at, "StorageClass": "STANDARD"}


@dataclass
class Leftovers:
    uploads: list[LeftUpload] = field(default_factory=list)
    noncurrent: list[tuple[str, int]] = field(default_factory=list)
    """Keys and sizes; the bucket keeps versions then."""
    rules: list[dict[str, Any]] = field(default_factory=list)
    log_bytes: int | None = None
    """Of the service's group, which then is kept for ever."""

    def s3(self) -> Answers:
        return {
            "ListMultipartUploads": self._list,
            "ListParts": self._parts,
            "AbortMultipartUpload": self._abort,
            "GetBucketLifecycleConfiguration": self._lifecycle,
        }

    def facts(self, operation: str, params: Params) -> dict[str, Any] | None:
        """Beside what `BucketAnswers` says of the bucket's state, of its own bucket."""
        if not self.noncurrent or operation not in {"ListObjectVersions", "GetBucketVersioning"}:
            return None
        if operation == "GetBucketVersioning":
            return {"Status": "Enabled"}
        wanted = [each for each in self.noncurrent if each[0].startswith(params.get("Prefix", ""))]
        found = [
            {"Key": key, "VersionId": f"v{n}", "Size": size, "IsLatest": False} for n, (key, size) in enumerate(wanted)
        ]
        return {"Versions": found, "IsTruncated": False}

    def log_groups(self) -> Answers:
        return {"DescribeLogGroups": self._groups}

    def _list(self, params: Params, _now: datetime) -> dict[str, Any] | None:
        bucket = params["Bucket"]
        if not any(each.bucket == bucket for each in self.uploads):
            return None
        there = (each for each in self.uploads if each.bucket == bucket)
        found = [each.view() for each in there if each.key.startswith(params.get("Prefix", ""))]
        return {"Uploads": found[:_PER_PAGE], "IsTruncated": False}

    def _find(self, params: Params) -> LeftUpload | None:
        found = next((each for each in self.uploads if each.id == params["UploadId"]), None)
        if found is None and str(params["UploadId"]).startswith("left-"):
            raise Declined("NoSuchUpload", "The specified upload does not exist.", 404)
        return found

    def _parts(self, params: Params, _now: datetime) -> dict[str, Any] | None:
        found = self._find(params)
        if found is None:
            return None
        parts = [{"PartNumber": n, "Size": size, "LastModified": at} for n, (size, at) in enumerate(found.parts, 1)]
        return {"Parts": parts, "IsTruncated": False}

    def _abort(self, params: Params, _now: datetime) -> dict[str, Any] | None:
        found = self._find(params)
        if found is None:
            return None
        self.uploads.remove(found)
        return {}

    def _lifecycle(self, params: Params, _now: datetime) -> dict[str, Any] | None:
        if not self.noncurrent or params["Bucket"] != place.BUCKET:
            return None
        if not self.rules:
            raise Declined("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist", 404)
        return {"Rules": self.rules}

    def _groups(self, params: Params, _now: datetime) -> dict[str, Any] | None:
        if self.log_bytes is None or params.get("logGroupNamePrefix") != place.LOG_GROUP:
            return None
        return {"logGroups": [{"logGroupName": place.LOG_GROUP, "storedBytes": self.log_bytes}]}
