"""What probes need beyond AWS and HTTP. Without any of it they say that they could not look (S3)."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.net.database_login import DatabaseLogin, NoDatabases
from chalicelib.net.directory_login import DirectoryLogin, NoDirectories
from chalicelib.steps.side_by_side import SideBySide, in_threads

if TYPE_CHECKING:
    from chalicelib.diagnosis.diagnose import Diagnoser


@dataclass(frozen=True)
class Senses:
    databases: DatabaseLogin = field(default_factory=NoDatabases)
    directories: DirectoryLogin = field(default_factory=NoDirectories)
    in_network: bool = False
    fingerprint_key: bytes = field(default=b"", repr=False)
    diagnoser: "Diagnoser | None" = None
    side_by_side: SideBySide = in_threads
