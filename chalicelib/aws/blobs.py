"""S3Blobs: the blobs of the store (archive, evidence, long plans) in one S3 bucket."""

from typing import Protocol

from chalicelib.errors import UnknownName


class ObjectStore(Protocol):
    """What of the S3 gateway is needed here."""

    def put(self, bucket: str, key: str, body: bytes) -> None: ...

    def get(self, bucket: str, key: str) -> bytes | None: ...


class S3Blobs:
    def __init__(self, objects: ObjectStore, bucket: str) -> None:
        self._objects = objects
        self._bucket = bucket

    def ref(self, key: str) -> str:
        return f"s3://{self._bucket}/{key}"

    def put(self, key: str, data: bytes) -> str:
        self._objects.put(self._bucket, key, data)
        return self.ref(key)

    def get(self, ref: str) -> bytes:
        """Only what lies in this bucket: a reference out of an item never opens another one."""
        prefix = f"s3://{self._bucket}/"
        data = self._objects.get(self._bucket, ref.removeprefix(prefix)) if ref.startswith(prefix) else None
        if data is None:
            raise UnknownName("blob", ref)
        return data
