"""Blobs: the port to what is too large for an item: the event archive (S32), evidence, long plans.

The one over S3 is `aws/blobs.py`; MemoryBlobs is its twin. A blob is written before the item that
points to it.
"""

import hashlib
from typing import Protocol

from chalicelib.errors import StoreUnavailable, UnknownName


class Blobs(Protocol):
    def put(self, key: str, data: bytes) -> str:
        """Writes it, over an older one of that key, and returns its reference."""

    def ref(self, key: str) -> str:
        """What `put` of this key returned, or will return."""

    def get(self, ref: str) -> bytes:
        """Raises UnknownName for a reference that leads nowhere."""


class MemoryBlobs:
    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}

    def ref(self, key: str) -> str:
        return f"memory://{key}"

    def put(self, key: str, data: bytes) -> str:
        ref = self.ref(key)
        self._blobs[ref] = data
        return ref

    def get(self, ref: str) -> bytes:
        try:
            return self._blobs[ref]
        except KeyError as exc:
            raise UnknownName("blob", ref) from exc


class NoBlobs:
    """Where nothing was wired: writing raises, so that nothing is thought to be kept that is not."""

    def put(self, key: str, data: bytes) -> str:  # noqa: ARG002  # the port's signature
        raise StoreUnavailable(f"writing {key}", "there is no place for evidence here")

    def ref(self, key: str) -> str:
        return f"nowhere://{key}"

    def get(self, ref: str) -> bytes:
        raise UnknownName("blob", ref)


def evidence_key(data: bytes) -> str:
    """Named by its content: writing it again writes the same."""
    return f"evidence/{hashlib.sha256(data).hexdigest()}"
