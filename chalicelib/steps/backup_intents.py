"""The heads of manifests that Steward was about to write, in its own evidence: an empty blob each, named by hash."""

from chalicelib.errors import UnknownName
from chalicelib.store.blobs import Blobs


class NotedIntents:
    """A run that goes on after a crash writes another head than before, of another time of proof; both were meant."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    def note(self, backup: str, sha256: str) -> None:
        self._blobs.put(_name(backup, sha256), b"")

    def holds(self, backup: str, sha256: str) -> bool:
        try:
            self._blobs.get(self._blobs.ref(_name(backup, sha256)))
        except UnknownName:
            return False
        return True


def _name(backup: str, sha256: str) -> str:
    return f"backups/heads/{backup}/{sha256}"
