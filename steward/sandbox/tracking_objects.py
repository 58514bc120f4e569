"""Artifacts in the world's bucket: put, counted and aged by the world's own clock.

moto dates an object by the wall clock; here it is as old as the world says.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from steward.sandbox import place
from steward.sandbox.moto_objects import put_object

if TYPE_CHECKING:
    from steward.sandbox.overrides import Call

_AT_ONCE = 1000


class TrackingObjects:
    def __init__(self, client: Callable[[], Any], prepare: Callable[[str], None], founded_at: datetime) -> None:
        self._own_client, self._prepare, self._founded_at = client, prepare, founded_at
        self._looked_at = 0
        self._is_dated = False

    def put(self, key: str, body: bytes, at: datetime) -> None:
        self._client()
        self._date(put_object(place.BUCKET, key, body, {"made-by": "mlflow"}), at)

    def put_in_parts(self, key: str, body: bytes, at: datetime) -> None:
        """Under an ETag that no copy of it has."""
        self.put(key, body, at)
        self._keys()[key]._etag = f"{'0' * 32}-2"  # noqa: SLF001 - moto's own

    def put_many(self, keys: Iterable[str], body: bytes, at: datetime) -> None:
        """Straight into moto: tens of thousands of calls would take minutes."""
        from moto.s3.models import FakeKey

        self._client()
        kept = self._keys()
        for key in keys:
            made = FakeKey(key, body, account_id=place.ACCOUNT, region_name=place.REGION, version_id=None)
            self._date(made, at)
            kept[key] = made

    def keys(self, prefix: str = "") -> list[str]:
        """What can be seen: without what only a delete marker covers."""
        from moto.s3.models import FakeKey

        self._client()
        found = self._keys()
        return sorted(name for name in found if name.startswith(prefix) and isinstance(found[name], FakeKey))

    def body(self, key: str) -> bytes | None:
        from moto.s3.models import FakeKey

        self._client()
        found = self._keys().get(key)
        return bytes(found.value) if isinstance(found, FakeKey) else None

    def remove(self, keys: list[str]) -> None:
        for at in range(0, len(keys), _AT_ONCE):
            entries = [{"Key": key} for key in keys[at : at + _AT_ONCE]]
            self._client().delete_objects(Bucket=place.BUCKET, Delete={"Objects": entries, "Quiet": True})

    def tick(self, now: datetime, calls: "Sequence[Call]") -> None:
        """What the product wrote since the last time was written now."""
        since, self._looked_at = self._looked_at, len(calls)
        if not any(call.service == "s3" and call.is_mutation for call in calls[since:]):
            return
        limit = now.astimezone(UTC).replace(tzinfo=None)
        for found in self._keys().values():
            if found.last_modified > limit:
                self._date(found, now)

    def _date(self, key: Any, at: datetime) -> None:  # noqa: ANN401 - moto's own
        key.last_modified = at.astimezone(UTC).replace(tzinfo=None, microsecond=0)

    def _client(self) -> Any:  # noqa: ANN401 - a client of boto3
        self._prepare("s3")
        if not self._is_dated:
            self._is_dated = True
            for found in self._keys().values():
                self._date(found, self._founded_at)
        return self._own_client()

    def _keys(self) -> Any:  # noqa: ANN401 - moto's own
        from moto.s3.models import s3_backends

        return s3_backends[place.ACCOUNT]["aws"].buckets[place.BUCKET].keys
