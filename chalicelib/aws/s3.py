"""S3: the event archive and evidence. Puts and gets whole small objects; the copy lane is elsewhere."""

from typing import TYPE_CHECKING

from chalicelib.aws.translate import calling
from chalicelib.errors import AwsInvalid, AwsNotFound

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ALREADY_THERE = {"PreconditionFailed", "ConditionalRequestConflict"}


class S3:
    def __init__(self, client: "S3Client") -> None:
        self._client = client

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
