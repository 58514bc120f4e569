"""S3 as a place for backups: what protects a bucket, objects by version, and copies that overwrite nothing newer."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.aws.translate import calling
from chalicelib.errors import AwsError, AwsInvalid, AwsNotFound

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ALREADY_THERE = {"PreconditionFailed", "ConditionalRequestConflict"}
_NO_RULES = "NoSuchLifecycleConfiguration"
_EVERYBODY = ("/global/AllUsers", "/global/AuthenticatedUsers")
_CHUNK = 1024 * 1024


@dataclass(frozen=True)
class LifecycleRule:
    id: str
    prefix: str
    """Of the keys it holds for; rules that filter by tag or size hold for some of them only."""
    whole: bool
    """It holds for every key under the prefix."""
    expires_current: bool
    noncurrent_days: int | None
    aborts_uploads: bool
    noncurrent_kept: int = 0
    """So many of the newest noncurrent versions of each key stay whatever their age."""


@dataclass(frozen=True)
class Digest:
    sha256: str
    md5: str
    size: int


@dataclass(frozen=True)
class Standing:
    """One object as it is now."""

    key: str
    size: int
    etag: str
    changed_at: datetime


class Vault:
    def __init__(self, client: "S3Client") -> None:
        self._client: Any = client

    # -- what protects the bucket --------------------------------------------------------------

    def owner_is(self, bucket: str, account: str) -> bool:
        try:
            with calling("s3:ListBucket"):
                self._client.head_bucket(Bucket=bucket, ExpectedBucketOwner=account)
        except AwsError as exc:
            if exc.code in {"403", "AccessDenied"}:
                return False
            raise
        return True

    def ownership(self, bucket: str) -> str | None:
        """Whose what is written becomes; None: nobody said, and then it is the writer's."""
        try:
            with calling("s3:GetBucketOwnershipControls"):
                rules = self._client.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
        except AwsError as exc:
            if exc.code == "OwnershipControlsNotFoundError":
                return None
            raise
        return next((str(rule["ObjectOwnership"]) for rule in rules), None)

    def lifecycle(self, bucket: str) -> tuple[LifecycleRule, ...]:
        try:
            with calling("s3:GetLifecycleConfiguration"):
                rules = self._client.get_bucket_lifecycle_configuration(Bucket=bucket).get("Rules", [])
        except AwsError as exc:
            if exc.code == _NO_RULES:
                return ()
            raise
        return tuple(_rule(raw) for raw in rules if raw.get("Status") == "Enabled")

    def is_public(self, bucket: str) -> bool:
        """By policy or by grants; a block that covers everything settles it."""
        try:
            with calling("s3:GetBucketPublicAccessBlock"):
                block = self._client.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
            if block.get("IgnorePublicAcls") and block.get("RestrictPublicBuckets"):
                return False
        except AwsError as exc:
            if exc.code != "NoSuchPublicAccessBlockConfiguration":
                raise
        return self._granted_to_all(bucket) or self._opened_by_policy(bucket)

    def _granted_to_all(self, bucket: str) -> bool:
        with calling("s3:GetBucketAcl"):
            grants = self._client.get_bucket_acl(Bucket=bucket).get("Grants", [])
        return any(grant.get("Grantee", {}).get("URI", "").endswith(_EVERYBODY) for grant in grants)

    def _opened_by_policy(self, bucket: str) -> bool:
        try:
            with calling("s3:GetBucketPolicyStatus"):
                return bool(self._client.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"].get("IsPublic"))
        except AwsError as exc:
            if exc.code == "NoSuchBucketPolicy":
                return False
            raise

    # -- small objects by version --------------------------------------------------------------

    def put(self, bucket: str, key: str, body: bytes) -> str | None:
        """The version id of what was written."""
        with calling("s3:PutObject"):
            answer = self._client.put_object(Bucket=bucket, Key=key, Body=body)
        return _version(answer)

    def put_once(self, bucket: str, key: str, body: bytes) -> bool:
        """False: something is there already and was left as it is."""
        try:
            with calling("s3:PutObject"):
                self._client.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*")
        except AwsInvalid as exc:
            if exc.code in _ALREADY_THERE:
                return False
            raise
        return True

    def try_out(self, bucket: str, key: str, *, kms_key: str | None) -> None:
        """What copies need, each asked for by itself: whatever is denied is named by the error."""
        by_key: dict[str, str] = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}
        where: dict[str, str] = {"Bucket": bucket, "Key": key}
        with calling("s3:PutObject"):
            version = _version(self._client.put_object(**where, Body=b"may Steward write here?\n", **by_key))
        pinned = {"VersionId": version} if version else {}
        with calling("s3:GetObjectVersion"):
            self._client.get_object(**where, **pinned)["Body"].read()
        with calling("s3:PutObjectTagging"):
            self._client.put_object_tagging(**where, Tagging={"TagSet": [{"Key": "steward", "Value": "trial"}]})
        with calling("s3:GetObjectVersionTagging"):
            self._client.get_object_tagging(**where, **pinned)
        with calling("s3:PutObject"):
            upload = self._client.create_multipart_upload(**where, **by_key)["UploadId"]
        with calling("s3:AbortMultipartUpload"):
            self._client.abort_multipart_upload(**where, UploadId=upload)

    def get(self, bucket: str, key: str, version: str | None, max_bytes: int) -> bytes | None:
        """None: there is no such object, or no such version."""
        pinned = {"VersionId": version} if version else {}
        try:
            with calling("s3:GetObject"):
                body = self._client.get_object(Bucket=bucket, Key=key, **pinned)["Body"]
                data: bytes = body.read(max_bytes + 1)
        except AwsNotFound:
            return None
        if len(data) > max_bytes:
            raise AwsInvalid("s3:GetObject", "TooLarge", f"s3://{bucket}/{key} is longer than {max_bytes} bytes")
        return data

    def names(self, bucket: str, prefix: str, delimiter: str = "") -> Iterator[str]:
        """Keys under a prefix; with a delimiter the prefixes that it cuts, instead."""
        cut = {"Delimiter": delimiter} if delimiter else {}
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, **cut)
        with calling("s3:ListBucket"):
            for page in pages:
                yield from (found["Prefix"] for found in page.get("CommonPrefixes", []))
                yield from (found["Key"] for found in page.get("Contents", []) if not delimiter)

    def standing(self, bucket: str, prefix: str, start_after: str = "") -> Iterator[Standing]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=prefix, StartAfter=start_after
        )
        with calling("s3:ListBucket"):
            for page in pages:
                for found in page.get("Contents", []):
                    at = found["LastModified"].astimezone(UTC)
                    yield Standing(found["Key"], found["Size"], found["ETag"].strip('"'), at)

    def digest(
        self,
        bucket: str,
        key: str,
        *,
        version: str | None = None,
        if_etag: str | None = None,
        spans: Sequence[tuple[int, int]] = (),
    ) -> Digest | None:
        """Reads it in full, or those bytes of it, a piece at a time. None: it is gone, or no longer the one meant."""
        pinned = {"VersionId": version} if version else {}
        pinned |= {"IfMatch": f'"{if_etag}"'} if if_etag else {}
        try:
            with calling("s3:GetObject"):
                stretches = [{"Range": f"bytes={first}-{last}"} for first, last in spans] or [{}]
                where = {"Bucket": bucket, "Key": key, **pinned}
                return _digest(self._client.get_object(**where, **each)["Body"] for each in stretches)
        except AwsNotFound:
            return None
        except AwsInvalid as exc:
            if exc.code in {"PreconditionFailed", "412"}:
                return None
            raise

    # -- bringing back -------------------------------------------------------------------------

    def copy_version(self, source: tuple[str, str, str | None], target: tuple[str, str], *, over: str | None) -> bool:
        """`over` is the ETag of what may be overwritten; None: nothing may be there. False: something else is.

        For what one CopyObject takes; the lane copies larger ones, in parts.
        """
        bucket, key, version = source
        origin = {"Bucket": bucket, "Key": key} | ({"VersionId": version} if version else {})
        only_if = {"IfMatch": f'"{over}"'} if over else {"IfNoneMatch": "*"}
        try:
            with calling("s3:PutObject"):
                self._client.copy_object(Bucket=target[0], Key=target[1], CopySource=origin, **only_if)
        except AwsInvalid as exc:
            if exc.code in {*_ALREADY_THERE, "412"}:
                return False
            raise
        return True


def _version(answer: dict[str, Any]) -> str | None:
    version = answer.get("VersionId")
    return str(version) if version and version != "null" else None


def _digest(bodies: Iterable[Any]) -> Digest:
    sha, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    for body in bodies:
        while chunk := body.read(_CHUNK):
            sha.update(chunk)
            md5.update(chunk)
            size += len(chunk)
    return Digest(sha.hexdigest(), md5.hexdigest(), size)


def _rule(raw: dict[str, Any]) -> LifecycleRule:
    only = raw.get("Filter") or {}
    both = only.get("And") or {}
    prefix = raw.get("Prefix") or only.get("Prefix") or both.get("Prefix") or ""
    narrowed = {key for key in (*only, *both) if key not in {"Prefix", "And"}}
    expires = raw.get("Expiration") or {}
    noncurrent = raw.get("NoncurrentVersionExpiration") or {}
    return LifecycleRule(
        id=str(raw.get("ID", "")),
        prefix=prefix,
        whole=not narrowed,
        expires_current=bool(expires.get("Days") or expires.get("Date")),
        noncurrent_days=int(noncurrent["NoncurrentDays"]) if noncurrent.get("NoncurrentDays") else None,
        aborts_uploads=bool(raw.get("AbortIncompleteMultipartUpload")),
        noncurrent_kept=int(noncurrent.get("NewerNoncurrentVersions") or 0),
    )
