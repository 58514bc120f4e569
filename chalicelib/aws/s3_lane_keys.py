"""The credentials a lane signs with: asked for before every request, and got anew when they are called expired."""

import threading
from collections.abc import Callable
from typing import Protocol

from chalicelib.errors import AwsDenied


class SigningKeys(Protocol):
    """What botocore's signer reads; botocore's frozen credentials are such."""

    @property
    def access_key(self) -> str | None: ...

    @property
    def secret_key(self) -> str | None: ...

    @property
    def token(self) -> str | None: ...


class Credentials(Protocol):
    """botocore's credentials: some renew themselves before they expire."""

    def get_frozen_credentials(self) -> SigningKeys: ...


class KeyRing:
    """Shared by the lane's workers. One of them renews, the others find it done."""

    def __init__(self, load: Callable[[], Credentials | None]) -> None:
        """`load` is asked at first use, and again when what it gave is refused as expired."""
        self._load = load
        self._lock = threading.Lock()
        self._credentials: Credentials | None = None

    def current(self) -> SigningKeys:
        credentials = self._credentials
        if credentials is None:
            with self._lock:
                credentials = self._credentials = self._credentials or self._loaded()
        return credentials.get_frozen_credentials()

    def renew(self, refused: SigningKeys) -> bool:
        """False: there are no others than those that were refused."""
        with self._lock:
            if self._credentials is None or _same(self._credentials.get_frozen_credentials(), refused):
                self._credentials = self._loaded()
            return not _same(self._credentials.get_frozen_credentials(), refused)

    def _loaded(self) -> Credentials:
        found = self._load()
        if found is None:
            raise AwsDenied("s3", "NoCredentials", "the session has no credentials")
        return found


def _same(one: SigningKeys, other: SigningKeys) -> bool:
    return (one.access_key, one.secret_key, one.token) == (other.access_key, other.secret_key, other.token)
