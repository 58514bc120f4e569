"""What the S3 stub holds: buckets with versions, and what S3 would say of them, without keeping bytes it need not."""

import hashlib
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from urllib.parse import quote_plus
from xml.sax.saxutils import escape

MOST_KEYS = 1000
_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_DATE = "2026-11-20T10:00:00.000Z"


@dataclass(slots=True)
class Stored:
    size: int
    etag: str
    version: str
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)


class Bucket:
    def __init__(self, name: str, *, kms: bool = False) -> None:
        self.name, self.kms = name, kms
        self.objects: dict[str, Stored] = {}
        self.keys: list[str] = []
        self.history: dict[str, list[Stored | None]] = {}
        """Versions that are no longer current, oldest first; None is a delete marker."""
        self.deleted_versions = 0
        self._numbers = count(1)

    def put(
        self, key: str, size: int, etag: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Stored:
        before = self.objects.get(key)
        if before is None:
            if not self.keys or key > self.keys[-1]:
                self.keys.append(key)
            else:
                insort(self.keys, key)
        else:
            self.history.setdefault(key, []).append(before)
        stored = Stored(size, etag, f"v{next(self._numbers)}", body, headers or {})
        self.objects[key] = stored
        return stored

    def mark_deleted(self, key: str) -> str:
        before = self.objects.pop(key, None)
        if before is not None:
            del self.keys[bisect_left(self.keys, key)]
            self.history.setdefault(key, []).extend((before, None))
        return f"v{next(self._numbers)}"

    def find(self, key: str, version: str | None = None) -> Stored | None:
        current = self.objects.get(key)
        if version is None or (current is not None and current.version == version):
            return current
        return next((old for old in self.history.get(key, ()) if old is not None and old.version == version), None)

    def seed(self, number: int, size: int, large: int, large_bytes: int) -> None:
        """Objects like a tracking server's: a run's folder of ten, one in 500 uploaded in parts, some too large."""
        for n in range(number):
            key = f"mlflow-artifacts/{n // 1000:04d}/run-{n // 10:07d}/artifacts/file-{n % 10}.bin"
            digest = hashlib.md5(key.encode(), usedforsecurity=False).hexdigest()
            self.put(key, size, f"{digest}-3" if n % 500 == 7 else digest)  # noqa: PLR2004 - any one of them

        for n in range(large):
            self.put(f"models/large-{n}.bin", large_bytes, f"{n:032x}-99")

    def touch(self, every: int, below: int) -> int:
        """Changes every so-many-th object smaller than that, as if it had been written anew."""
        chosen = [key for key in self.keys[::every] if self.objects[key].size < below]
        for key in chosen:
            old = self.objects[key]
            digest = hashlib.md5(old.etag.encode(), usedforsecurity=False).hexdigest()
            self.put(key, old.size + 1, digest)
        return len(chosen)


def copied_etag(source: Stored, target: Bucket, encrypted: bool) -> str:
    """A plain copy of a plain object keeps its ETag; one uploaded in parts, or encrypted with a key, does not."""
    if not encrypted and not target.kms and "-" not in source.etag:
        return source.etag
    return hashlib.md5(f"{target.name}{source.etag}".encode(), usedforsecurity=False).hexdigest()


def list_xml(bucket: Bucket, query: dict[str, str], *, foreign: bool = False) -> bytes:
    prefix, most = query.get("prefix", ""), min(int(query.get("max-keys") or MOST_KEYS), MOST_KEYS)
    after = query.get("continuation-token") or query.get("start-after") or query.get("marker") or ""
    first = max(bisect_right(bucket.keys, after) if after else 0, bisect_left(bucket.keys, prefix))
    rows, folders, last, more = _rows(bucket, first, prefix, query.get("delimiter", ""), most)
    encoded = query.get("encoding-type") == "url"
    told = (lambda key: quote_plus(key, safe="/")) if encoded else escape
    v2 = query.get("list-type") == "2"
    next_page = "NextContinuationToken" if v2 else "NextMarker"
    parts = [
        f"<Name>{bucket.name}</Name><Prefix>{told(prefix)}</Prefix><MaxKeys>{most}</MaxKeys>",
        "<EncodingType>url</EncodingType>" if encoded else "",
        f"<KeyCount>{len(rows) + len(folders)}</KeyCount>" if v2 else "",
        f"<IsTruncated>{'true' if more else 'false'}</IsTruncated>",
        f"<{next_page}>{escape(last)}</{next_page}>" if more else "",
        *(
            f"<Contents><Key>{told(key)}</Key><LastModified>{_DATE}</LastModified><ETag>&quot;{o.etag}&quot;</ETag>"
            f"<Size>{o.size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            for key, o in rows
        ),
        *(f"<CommonPrefixes><Prefix>{told(folder)}</Prefix></CommonPrefixes>" for folder in folders),
    ]
    text = "".join(parts)
    if foreign:
        return _foreign(text)
    return f'<?xml version="1.0"?>\n<ListBucketResult xmlns="{_NAMESPACE}">{text}</ListBucketResult>'.encode()


def _rows(
    bucket: Bucket, first: int, prefix: str, delimiter: str, most: int
) -> tuple[list[tuple[str, Stored]], list[str], str, bool]:
    rows: list[tuple[str, Stored]] = []
    folders: list[str] = []
    last = ""
    for key in _from(bucket.keys, first):
        if not key.startswith(prefix):
            return rows, folders, last, False
        cut = key.find(delimiter, len(prefix)) if delimiter else -1
        folder = key[: cut + len(delimiter)] if cut >= 0 else None
        if folder is not None and folders and folders[-1] == folder:
            last = key
            continue
        if len(rows) + len(folders) >= most:
            return rows, folders, last, True
        last = key
        if folder is not None:
            folders.append(folder)
        else:
            rows.append((key, bucket.objects[key]))
    return rows, folders, last, False


def _from(keys: list[str], first: int) -> Iterator[str]:
    for index in range(first, len(keys)):
        yield keys[index]


def _foreign(text: str) -> bytes:
    """The same page as another server might write it: prefixes, white space, another order, unknown elements."""
    head, found, rows = text.partition("<Contents>")
    body = (f"{found}{rows}\n{head}<Extra><Key>no key</Key></Extra>").replace("><", ">\n  <")
    body = body.replace("<", "<s3:").replace("<s3:/", "</s3:")
    return f'\n<s3:ListBucketResult xmlns:s3="http://example.com/other">\n{body}\n</s3:ListBucketResult>\n'.encode()
