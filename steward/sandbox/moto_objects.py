"""Objects in moto's buckets, without a client between: for what the world furnishes itself with, and looks at.

A call of a client takes fifty times as long, and a test run makes tens of thousands of objects. Nothing of it is noted.
"""

from typing import Any

from steward.sandbox import place
from steward.sandbox.other_account import owner_of


def put_object(bucket: str, key: str, body: bytes, metadata: dict[str, str] | None = None) -> Any:  # noqa: ANN401 - moto's FakeKey
    """As PutObject would, in a bucket that is there: a version of its own where the bucket keeps versions."""
    made = _backend(bucket).put_object(bucket, key, body)
    made.set_metadata({f"x-amz-meta-{name}": value for name, value in (metadata or {}).items()})
    return made


def key_of(bucket: str, key: str, version: str | None = None) -> Any:  # noqa: ANN401 - moto's FakeKey, or None
    backend = _backend(bucket)
    return backend.get_object(bucket, key, version_id=version) if bucket in backend.buckets else None


def _backend(bucket: str) -> Any:  # noqa: ANN401 - moto's
    from moto.s3.models import s3_backends

    return s3_backends[owner_of(bucket) or place.ACCOUNT]["aws"]
