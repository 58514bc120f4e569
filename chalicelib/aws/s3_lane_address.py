"""Where a bucket answers, and how a key is written into a URL and into `x-amz-copy-source`.

Amazon wants the bucket as a virtual host; everybody else's servers want it in the path, and so does Amazon where the
bucket's name has dots (no certificate covers those).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

_AMAZON = re.compile(r"s3[.-][a-z0-9.-]*amazonaws\.com(\.cn)?|s3\.amazonaws\.com", re.IGNORECASE)
_SAFE = "/-._~"
"""What SigV4 leaves unescaped in a path; a signature over anything else would not match."""


@dataclass(frozen=True, slots=True)
class Address:
    """Without a bucket: where the service itself answers."""

    scheme: str
    host: str
    """With the port, where there is one: what the Host header says."""
    path: str

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}{self.path}"


class Endpoint:
    def __init__(self, url: str, *, by_path: bool | None = None) -> None:
        """`by_path` None: as the host suggests."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.netloc or parts.username is not None:
            raise ValueError(f"no S3 endpoint: {url!r}")
        self.scheme, self.host, self._root = parts.scheme, parts.netloc, parts.path.rstrip("/")
        self._by_path = by_path if by_path is not None else _AMAZON.fullmatch(parts.hostname or "") is None

    def of(self, bucket: str, key: str | None = None, query: Iterable[tuple[str, str]] = ()) -> Address:
        in_path = self._by_path or (self.scheme == "https" and "." in bucket)
        host = self.host if in_path else f"{bucket}.{self.host}"
        path = f"{self._root}/{bucket}" if in_path else self._root
        path += "/" if key is None and not in_path else "" if key is None else f"/{quote(key, safe=_SAFE)}"
        asked = "&".join(f"{quote(name, safe='-._~')}={quote(value, safe='-._~')}" for name, value in sorted(query))
        return Address(self.scheme, host, f"{path}?{asked}" if asked else path)


def copy_source(bucket: str, key: str, version: str | None = None) -> str:
    """Percent-encoded as a header must be; a `?` that belongs to the key never looks like the version's."""
    source = f"/{bucket}/{quote(key, safe=_SAFE)}"
    return source if version is None else f"{source}?versionId={quote(version, safe='-._~')}"
