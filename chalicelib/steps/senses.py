"""What probes need beyond AWS and HTTP. Without any of it they say that they could not look (S3)."""

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.net.database_login import DatabaseLogin, NoDatabases
from chalicelib.net.directory_login import DirectoryLogin, NoDirectories
from chalicelib.steps.side_by_side import SideBySide, in_threads
from chalicelib.store.blobs import Blobs, NoBlobs

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.diagnosis.diagnose import Diagnoser


@dataclass(frozen=True)
class Senses:
    databases: DatabaseLogin = field(default_factory=NoDatabases)
    directories: DirectoryLogin = field(default_factory=NoDirectories)
    in_network: bool = False
    fingerprint_key: bytes = field(default=b"", repr=False)
    diagnoser: "Diagnoser | None" = None
    side_by_side: SideBySide = in_threads
    evidence: Blobs = field(default_factory=NoBlobs)
    """Where steps and long plans leave what is too large for a record."""
    monotonic: "Callable[[], float]" = time.monotonic
    budget_s: float = 200.0
    """How long one call of an action may work before it answers Pending."""
