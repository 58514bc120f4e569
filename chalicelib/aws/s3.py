"""S3: the event archive, evidence, and how a bucket stands. Whole small objects; the copy lane is elsewhere."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.aws.translate import calling
from chalicelib.errors import AwsInvalid, AwsNotFound

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from chalicelib.aws.s3_objects import S3Objects
    from chalicelib.aws.s3_vault import Vault

_ALREADY_THERE = {"PreconditionFailed", "ConditionalRequestConflict"}


_NO_ENCRYPTION = "ServerSideEncryptionConfigurationNotFoundError"


@dataclass(frozen=True)
class Encryption:
    algorithm: str
    """AES256, aws:kms or aws:kms:dsse."""
    key: str | None

    @property
    def is_amazons(self) -> bool:
        """No key of the customer's: nobody needs rights on it."""
        return self.key is None or self.key.endswith("alias/aws/s3")

    def may_be(self, key: str) -> bool:
        """An alias does not say which key it stands for."""
        if self.key is None or ("alias/" in self.key) is not ("alias/" in key):
            return self.key is not None
        return self.key.rpartition("/")[2] == key.rpartition("/")[2]


class S3:
    def __init__(self, client: "S3Client") -> None:
        self._client = client

    def many(self) -> "S3Objects":
        """The same bucket's server, for listings, copies and deletions by the thousand."""
        from chalicelib.aws.s3_objects import S3Objects

        return S3Objects(self._client)

    def vault(self) -> "Vault":
        """The same bucket's server, for what protects and ends what is in it."""
        from chalicelib.aws.s3_vault import Vault

        return Vault(self._client)

    def put(self, bucket: str, key: str, body: bytes, content_type: str = "application/json") -> None:
        with calling("s3:PutObject"):
            self._client.put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type)

    def put_once(self, bucket: str, key: str, body: bytes, content_type: str = "application/json") -> bool:
        """False: something is there already and was left as it is."""
        try:
            with calling("s3:PutObject"):
                self._client.put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type, IfNoneMatch="*")
        except AwsInvalid as exc:
            if exc.code in _ALREADY_THERE:
                return False
            raise
        return True

    def get(self, bucket: str, key: str, max_bytes: int = 10 * 1024 * 1024) -> bytes | None:
        """None: there is no such object."""
        try:
            with calling("s3:GetObject"):
                answer = self._client.get_object(Bucket=bucket, Key=key)
                body = answer["Body"].read(max_bytes + 1)
        except AwsNotFound:
            return None
        if len(body) > max_bytes:
            raise AwsInvalid("s3:GetObject", "TooLarge", f"s3://{bucket}/{key} is longer than {max_bytes} bytes")
        return body

    def delete(self, bucket: str, key: str) -> None:
        """In a bucket with versions this sets a delete marker; what was there stays as a version."""
        with calling("s3:DeleteObject"):
            self._client.delete_object(Bucket=bucket, Key=key)

    def region_of(self, bucket: str) -> str:
        """Raises AwsNotFound for a bucket that is not there, AwsDenied where nobody may say."""
        with calling("s3:ListBucket"):
            answer = self._client.head_bucket(Bucket=bucket)
        return answer["ResponseMetadata"].get("HTTPHeaders", {}).get("x-amz-bucket-region", "us-east-1")

    def versioning(self, bucket: str) -> str:
        """Enabled, Suspended, or Off where it never was on."""
        with calling("s3:GetBucketVersioning"):
            return self._client.get_bucket_versioning(Bucket=bucket).get("Status", "Off")

    def encryption(self, bucket: str) -> Encryption | None:
        """The default for new objects; None where another server than Amazon's has none."""
        try:
            with calling("s3:GetEncryptionConfiguration"):
                answer = self._client.get_bucket_encryption(Bucket=bucket)
        except AwsInvalid as exc:
            if exc.code == _NO_ENCRYPTION:
                return None
            raise
        for rule in answer["ServerSideEncryptionConfiguration"].get("Rules", []):
            default = rule.get("ApplyServerSideEncryptionByDefault")
            if default:
                return Encryption(default["SSEAlgorithm"], default.get("KMSMasterKeyID"))
        return None

    def first_key(self, bucket: str, prefix: str) -> str | None:
        """One key under the prefix; None: there is none."""
        with calling("s3:ListBucket"):
            answer = self._client.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
        return next((found["Key"] for found in answer.get("Contents", []) if "Key" in found), None)

    def can_read(self, bucket: str, key: str) -> None:
        """Reads one byte, which needs the right to the object and to the key it is encrypted with."""
        with calling("s3:GetObject"):
            self._client.get_object(Bucket=bucket, Key=key, Range="bytes=0-0")["Body"].close()
