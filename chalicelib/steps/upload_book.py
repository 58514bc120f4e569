"""The copies in parts that a slice left unfinished, in Steward's own evidence, for the next slice to go on with."""

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from pydantic import TypeAdapter, ValidationError

from chalicelib.aws.s3_lane_uploads import Unfinished
from chalicelib.errors import StoreUnavailable, UnknownName
from chalicelib.store.blobs import Blobs

WRITE_EVERY_S = 5.0
"""What a worker that dies forgets of its parts; they are copied again."""
_ALL = TypeAdapter(list[Unfinished])


class Aborting(Protocol):
    def abort(self, unfinished: Unfinished) -> None: ...


class EvidenceBook:
    """One worker's; another that takes its place reads it anew. Called by many threads."""

    def __init__(self, blobs: Blobs, name: str, now: datetime, monotonic: Callable[[], float]) -> None:
        self._blobs, self._name, self._now, self._monotonic = blobs, name, now, monotonic
        self._lock = threading.Lock()
        self._uploads: dict[tuple[str, str], Unfinished] | None = None
        self._written_at = monotonic()

    def find(self, bucket: str, key: str) -> Unfinished | None:
        with self._lock:
            return self._known().get((bucket, key))

    def begun(self, unfinished: Unfinished) -> None:
        with self._lock:
            unfinished.began_at = self._now
            self._known()[unfinished.bucket, unfinished.key] = unfinished
            self._write()

    def part(self, unfinished: Unfinished, number: int, etag: str) -> None:
        with self._lock:
            unfinished.parts[number] = etag
            if self._monotonic() - self._written_at >= WRITE_EVERY_S:
                self._write()

    def left_off(self, unfinished: Unfinished) -> None:  # noqa: ARG002 - the port's signature
        with self._lock:
            self._write()

    def over(self, unfinished: Unfinished) -> None:
        with self._lock:
            self._known().pop((unfinished.bucket, unfinished.key), None)
            self._write()

    def abort_all(self, lane: Aborting) -> None:
        """Nobody will go on with them."""
        with self._lock:
            left = list(self._known().values())
        for unfinished in left:
            lane.abort(unfinished)
            self.over(unfinished)

    def _known(self) -> dict[tuple[str, str], Unfinished]:
        if self._uploads is None:
            self._uploads = {(one.bucket, one.key): one for one in self._read()}
        return self._uploads

    def _read(self) -> list[Unfinished]:
        try:
            return _ALL.validate_json(self._blobs.get(self._blobs.ref(self._name)))
        except UnknownName:
            return []
        except ValidationError as exc:
            raise StoreUnavailable("reading what is copied in parts", f"{self._name} cannot be read") from exc

    def _write(self) -> None:
        self._written_at = self._monotonic()
        self._blobs.put(self._name, _ALL.dump_json(list(self._known().values())))
